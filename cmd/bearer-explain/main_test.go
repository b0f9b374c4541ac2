package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
)

// testIssuer is an issuer whose key set is in a file.
type testIssuer struct {
	issuer *bearertest.Issuer
	keys   string // name of the file
}

func newTestIssuer(t *testing.T) *testIssuer {
	t.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://acme.example", Audience: []string{"deployment-api"}, Algorithms: []string{"ES256"}})
	t.Cleanup(issuer.Close)
	keys := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(keys, issuer.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	return &testIssuer{issuer, keys}
}

// runExplain runs the program with the token on standard input. If the output contains the
// token's signature, runExplain fails the test.
func runExplain(t *testing.T, token string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code, err := run(t.Context(), args, strings.NewReader(token), &out, &errs)
	if err != nil {
		errs.WriteString(err.Error())
	}
	if i := strings.LastIndexByte(token, '.'); i > 0 && len(token)-i > 20 && strings.Contains(out.String()+errs.String(), strings.TrimSpace(token[i+1:])) {
		t.Errorf("the output contains the token's signature:\n%s%s", out.String(), errs.String())
	}
	return code, out.String(), errs.String()
}

// TestExplain checks the lines of the explanation for common problems.
func TestExplain(t *testing.T) {
	t.Setenv("COLUMNS", "1000") // the program breaks no line
	s := newTestIssuer(t)
	all := []string{"-issuer", "https://acme.example", "-keys", s.keys, "-audience", "deployment-api"}
	token := func(claims map[string]any) string { return s.issuer.Token(claims) }
	for _, row := range []struct {
		name  string
		token string
		args  []string
		code  int
		want  []string // regular expressions; each must match a line
	}{
		{"accepted token", token(map[string]any{"scope": "read"}), append(all, "-rule", "read"), 0, []string{
			`^allowed$`, `^  ok    signature `, `^  ok    rule +scopes "read"$`, `^  clock +\d{4}-.* on this machine$`,
		}},
		{"token in a header field", "Authorization: bearer " + token(nil) + "\n", all, 0, []string{`^allowed$`}},
		{"expired token", token(map[string]any{"exp": time.Now().Add(-90 * time.Minute), "scope": "read"}), append(all, "-rule", "read and write"), 1, []string{
			`^refused: expired$`, `^  FAIL  expiry +exp .*Z, 1h3\dm\d+s ago$`, `^        want  exp after `, `^        see   RFC 7519, section 4.1.4$`, `^        do    The client must fetch a new token`,
			`^  ok    signature `, `^  FAIL  rule +scopes "read"$`, `^        want  scopes "read" and "write"$`,
		}},
		{"wrong audience", token(map[string]any{"aud": "billing-api"}), all, 1, []string{
			`^refused: audience$`, `^  FAIL  audience +aud \["billing-api"\]$`, `^        want  one of "deployment-api" in aud$`,
		}},
		{"token of another profile", s.issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{"scopes": []string{"read"}}), all, 1, []string{
			`^refused: type$`, `profiles +the token has the form of .*Scalekit`, `^  FAIL  type +typ "JWT"$`,
		}},
		{"token of the named profile", s.issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{"scopes": []string{"read"}}), append(all, "-profile", "Scalekit", "-rule", "read or write"), 0, []string{`^allowed$`}},
		{"forged token", s.issuer.Forge(nil, nil), all, 1, []string{`^refused: signature$`, `^  ok    key +the issuer's keys are `, `^  FAIL  signature `}},
		{"unknown kid", s.issuer.Mint(map[string]any{"kid": "k-9"}, nil), all, 1, []string{
			`^refused: unknown_key$`, `^  token +kid k-9, alg ES256`, `^  FAIL  key +the issuer's keys are "`, `^        want  a key of the issuer for ES256 with the kid k-9$`, `^  skip  signature `,
		}},
		{"issuer with a trailing slash", token(nil), []string{"-issuer", "https://acme.example/", "-keys", s.keys, "-audience", "deployment-api"}, 1, []string{
			`^refused: issuer$`, `^        do    The two issuers differ only by the slash at the end`,
		}},
		{"cnf without members", token(map[string]any{"cnf": map[string]any{}}), all, 1, []string{`^refused: binding$`, `^  FAIL  binding +cnf without members$`}},
		{"opaque token", "v4.opaque", all, 1, []string{`^refused: malformed$`, `^        do    .*opaque`}},
		{"iat in the future", token(map[string]any{"iat": time.Now().Add(3 * time.Minute)}), all, 1, []string{`^refused: not_yet_valid$`, `^  FAIL  issued at +iat .*, in [23]m\d+s$`, `NTP`}},
		{"one of two expected audiences", token(nil), []string{"-issuer", "https://acme.example", "-keys", s.keys, "-audience", "billing-api, deployment-api"}, 0, []string{`^allowed$`}},
		{"rule with two alternatives", token(map[string]any{"scope": "c"}), append(all, "-rule", "a and b or c"), 0, []string{`^  ok    rule +scopes "c"$`}},
		{
			"audience in a different claim", s.issuer.Mint(map[string]any{"typ": nil}, map[string]any{"aud": nil, "token_use": "access", "scope": "read"}),
			[]string{"-keys", s.keys, "-profile", "cognito"},
			0,
			[]string{`^  ok    audience +client_id `},
		},
		{
			"customer of a shared issuer", s.issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{"repository_id": "7", "repository_owner_id": "66"}),
			append(all, "-profile", "github-actions", "-tenants", "repository_id=74, repository_owner_id=65"),
			1,
			[]string{`^refused: claims$`, `^  FAIL  tenant +"repository_id" is "7", "repository_owner_id" is "66"$`},
		},
		{
			"shared issuer without -tenants", s.issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{"repository_id": "7", "repository_owner_id": "66"}),
			append(all, "-profile", "github-actions"), 0,
			[]string{`^allowed$`, `^  ok    tenant +Config.InsecureAnyTenant is set, so every customer of the issuer is accepted$`},
		},
		{"command line without -issuer, -audience and -keys", token(map[string]any{"scope": "read"}), []string{"-rule", "write"}, 1, []string{
			`^refused: unknown_key$`, `^  FAIL  key +there are no keys$`, `^  FAIL  rule +scopes "read"$`, `^  ok    audience `,
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, out, errs := runExplain(t, row.token, row.args...)
			if code != row.code {
				t.Errorf("got exit status %d, want exit status %d; standard error: %s", code, row.code, errs)
			}
			for _, want := range row.want {
				if !regexp.MustCompile("(?m)" + want).MatchString(out) {
					t.Errorf("want a line that matches %q, got\n%s", want, out)
				}
			}
		})
	}
}

// TestExplainWarnsWithoutTenants requires a warning if and only if the issuer needs -tenants and
// the flag is not set.
func TestExplainWarnsWithoutTenants(t *testing.T) {
	s := newTestIssuer(t)
	token := s.issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{"repository_id": "7", "repository_owner_id": "66"})
	for _, row := range []struct {
		args []string
		want bool
	}{
		{[]string{"-issuer", "https://acme.example", "-profile", "github-actions"}, true},
		{[]string{"-issuer", "https://acme.example", "-profile", "github-actions", "-json"}, true},
		{[]string{"-issuer", "https://acme.example", "-profile", "github-actions", "-tenants", "repository_owner_id=66"}, false},
		{[]string{"-issuer", "https://gitlab.com"}, true},
		{[]string{"-profile", "google", "-issuer", "accounts.google.com"}, true},
		{[]string{"-issuer", "https://acme.example"}, false},
	} {
		_, out, errs := runExplain(t, token, append([]string{"-keys", s.keys, "-audience", "deployment-api"}, row.args...)...)
		if got := strings.Contains(errs, "warning: many customers share this issuer, and without -tenants"); got != row.want || strings.Count(errs, "warning:") > 1 {
			t.Errorf("%q: got standard error %q, want a warning: %v", row.args, errs, row.want)
		}
		if !strings.Contains(out, "tenant") {
			t.Errorf("%q: got output %q, want the check tenant", row.args, out)
		}
	}
}

// TestExplainJSON checks the flag -json. The token is in a file.
func TestExplainJSON(t *testing.T) {
	s := newTestIssuer(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(s.issuer.Token(map[string]any{"aud": "billing-api"})+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runExplain(t, "", "-json", "-keys", s.keys, "-audience", "deployment-api", file)
	var x bearer.Explanation
	if err := json.Unmarshal([]byte(out), &x); err != nil || code != 1 || x.Reason != bearer.WrongAudience || len(x.Checks) < 20 {
		t.Errorf("got error %v, exit status %d, reason %q and %d checks, want no error, exit status 1, reason %q and at least 20 checks\n%s", err, code, x.Reason, len(x.Checks), bearer.WrongAudience, errs)
	}
	if !strings.Contains(errs, "without -issuer, every issuer") {
		t.Errorf("got standard error %q, want a note that every issuer is accepted", errs)
	}
}

// TestExplainDiscovers checks that the program fetches keys only from the issuer on the
// command line. The program must not fetch keys from an issuer that only the token names.
func TestExplainDiscovers(t *testing.T) {
	t.Setenv("COLUMNS", "1000") // the program breaks no line
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{"deployment-api"}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	if code, out, _ := runExplain(t, issuer.Token(nil), "-audience", "deployment-api"); code != 1 || issuer.Fetches(bearertest.DiscoveryEndpoint) != 0 {
		t.Errorf("got exit status %d and %d discovery requests, want exit status 1 and 0 discovery requests\n%s", code, issuer.Fetches(bearertest.DiscoveryEndpoint), out)
	}
	for _, args := range [][]string{{"-issuer", issuer.URL()}, {"-issuer", issuer.URL(), "-keys", issuer.KeysURL()}} {
		if code, out, errs := runExplain(t, issuer.Token(nil), args...); code != 0 || !regexp.MustCompile(`fetched \d+s ago`).MatchString(out) {
			t.Errorf("%v: got exit status %d, want exit status 0 and output with the age of the keys\n%s%s", args, code, out, errs)
		}
	}
	issuer.Close()
	code, out, errs := runExplain(t, issuer.Token(nil), "-issuer", issuer.URL())
	if code != 1 || !strings.Contains(out, "refused: keys_unavailable") || !regexp.MustCompile(`(?m)^note: cannot fetch the issuer's keys: .*refused`).MatchString(errs) {
		t.Errorf("got exit status %d, want exit status 1 and a note with the error of the fetch\n%s%s", code, out, errs)
	}
	code, out, _ = runExplain(t, issuer.Token(nil), "-issuer", "http://127.0.0.1:1")
	if code != 1 || !strings.Contains(out, "refused: issuer") {
		t.Errorf("got exit status %d, want exit status 1 and reason issuer\n%s", code, out)
	}
}

func TestExplainBadInput(t *testing.T) {
	for _, row := range []struct {
		token string
		args  []string
		want  string
	}{
		{"", nil, "no token on standard input"},
		{"x", []string{"-profile", "nobody's"}, `-profile: bearer: no profile "nobody's": want one of `},
		{"x", []string{"-rule", "a or b\x01"}, "a scope must be printable ASCII"},
		{"x", []string{"-rule", "a\"b"}, `-rule "a\"b": scopes: All("a\"b"): a scope must be printable ASCII`},
		{"x", []string{"-rule", "a\\b or c or d\\e"}, `: scopes: All("a\\b"): a scope must be printable ASCII`},
		{"x", []string{"-rule", "a or or b"}, `no scope before "or"`},
		{"x", []string{"-rule", "admin or"}, `no scope after "or"`},
		{"x", []string{"-rule", "admin AND"}, `no scope after "AND"`},
		{"x", []string{"-rule", "and"}, `no scope before "and"`},
		{"x", []string{"-rule", "a or and b"}, `no scope before "and"`},
		{"x", []string{"-keys", "does-not-exist.json"}, "does-not-exist.json"},
		{"x", []string{"a", "b"}, "got 2 files"},
		{"x", []string{"-nonsense"}, "flag provided but not defined: -nonsense; bearer-explain -h lists the flags"},
		{"x", []string{"-json=perhaps"}, `invalid boolean value "perhaps" for -json`},
		{"x", []string{"-algorithms", "HS256"}, "HS256"},
		{"x", []string{"-profile", "github-actions", "-tenants", "octo-org/octo-repo"}, "Config.Tenants"},
	} {
		if code, out, errs := runExplain(t, row.token, row.args...); code != exitError || out != "" || !strings.Contains(errs, row.want) || strings.Contains(errs, "usage:") || strings.Contains(errs, "declared at") {
			t.Errorf("%q: got exit status %d, output %q and errors %q, want exit status %d, no output and an error with %q", row.args, code, out, errs, exitError, row.want)
		}
	}
}

// TestExplainPrints checks the flags -h and -version. Their output is on standard output, and the
// exit status is 0. The program does not read standard input.
func TestExplainPrints(t *testing.T) {
	unread := iotest.ErrReader(errors.New("the program read standard input"))
	for _, row := range []struct {
		args []string
		want string // regular expression
	}{
		{[]string{"-h"}, `(?s)^usage: bearer-explain \[flags\] \[file\]\n.*\n  bearer-explain -issuer .* < token\n.*exit status is 0 .*-tenants .*-version`},
		{[]string{"-rule", "a", "--help"}, `^usage: bearer-explain`},
		{[]string{"-version"}, `^bearer-explain (\(devel\)|v\d\S*), .*go1\.\S+.*\n$`},
		{[]string{"-version", "-rule", "a or"}, `^bearer-explain `},
	} {
		var out, errs bytes.Buffer
		code, err := run(t.Context(), row.args, unread, &out, &errs)
		if code != 0 || err != nil || errs.Len() != 0 || !regexp.MustCompile(row.want).MatchString(out.String()) {
			t.Errorf("%q: got exit status %d, error %v, standard error %q and output %q, want exit status 0 and output that matches %q", row.args, code, err, errs.String(), out.String(), row.want)
		}
	}
}

// TestExplainReadsTerminal requires a note if and only if the program waits for a token from a
// terminal. The device with zeros stands for the terminal, because it is a character device too.
func TestExplainReadsTerminal(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	defer reader.Close()
	inputs := map[io.Reader]bool{reader: false}
	for name, want := range map[string]bool{os.DevNull: false, "/dev/zero": true} {
		device, err := os.Open(name) //nolint:gosec // the names are in the line above
		if err != nil {
			t.Logf("%s is missing on this system: %v", name, err)
			continue
		}
		defer device.Close()
		inputs[device] = want
	}
	for in, want := range inputs {
		var errs bytes.Buffer
		if _, err := new(options).readToken(in, &errs); (err == nil) != want {
			t.Errorf("%v: got error %v", in, err)
		}
		if got := strings.HasPrefix(errs.String(), "note: the program reads the token from this terminal"); got != want {
			t.Errorf("%v: got standard error %q, want a note: %v", in, errs.String(), want)
		}
	}
}
