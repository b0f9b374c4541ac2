package scopes_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// eachVector calls add with the claims of each token in the test vectors for scopes.
func eachVector(f *testing.F, add func(claims map[string]any)) {
	f.Helper()
	data, err := os.ReadFile("../testdata/vectors/rows/scope.json")
	if err != nil {
		f.Fatal(err)
	}
	var list []struct{ Token string }
	if err := json.Unmarshal(data, &list); err != nil {
		f.Fatal(err)
	}
	for _, row := range list {
		parts := strings.Split(row.Token, ".")
		if len(parts) != 3 {
			continue
		}
		var claims map[string]any
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(text, &claims) == nil {
			add(claims)
		}
	}
}

// scopeForm matches the syntax of the scope parameter (RFC 6749, section 3.3), with any number of
// spaces between, before and after the scopes.
var scopeForm = regexp.MustCompile(`\A[\x20\x21\x23-\x5B\x5D-\x7E]*\z`)

// FuzzParse compares Parse with a regular expression.
func FuzzParse(f *testing.F) {
	eachVector(f, func(claims map[string]any) {
		if s, ok := claims["scope"].(string); ok {
			f.Add(s, "read:things")
		}
	})
	f.Fuzz(func(t *testing.T, text, name string) {
		set, err := scopes.Parse(text)
		if want := scopeForm.MatchString(text); (err == nil) != want {
			t.Fatalf("Parse(%q): got valid = %v, want %v; error: %v", text, err == nil, want, err)
		}
		if err != nil {
			if set.Len() != 0 || set.Has(text) || set.Has("") {
				t.Errorf("got Set %q with error %v, want the empty Set", set, err)
			}
			return
		}
		var want []string
		for s := range strings.FieldsSeq(text) { // the text has no other white space
			if !slices.Contains(want, s) {
				want = append(want, s)
			}
		}
		if got := slices.Collect(set.All()); !slices.Equal(got, want) || set.Len() != len(want) {
			t.Errorf("got scopes %q, want %q", got, want)
		}
		if got := set.Has(name); got != slices.Contains(want, name) {
			t.Errorf("Has(%q): got %v, want %v", name, got, !got)
		}
		again, err := scopes.Parse(set.String())
		if err != nil || !slices.Equal(slices.Collect(again.All()), want) {
			t.Errorf("Parse(%q): got scopes %q and error %v, want scopes %q and no error", set.String(), again, err, want)
		}
		rule := scopes.All(name)
		if allowed := rule.Err() == nil && rule.Allow(t.Context(), set) == nil; allowed != slices.Contains(want, name) {
			t.Errorf("All(%q), granted scopes %q: got allowed = %v, want %v", name, want, allowed, !allowed)
		}
	})
}

// guarded lists the patterns of a typical table. The table has a public part, a private part,
// wildcards, methods, a host, and a route with {$}.
var guarded = []string{
	"/", "/public/", "/private/", "GET /things/{id}", "POST /things/{id}", "/things/{id}/parts/{rest...}", "GET /exact/{$}", "admin.example/", "/a/b", "/a/b/",
}

// FuzzTable compares a table with a mux that serves the same patterns. If the table finds a
// rule, the mux must call the handler of the same pattern. The pattern must also be the same
// for each spelling of the path that a handler may use.
func FuzzTable(f *testing.F) {
	for _, target := range []string{
		"/", "/public/x", "/private/x", "/public/../private/x", "/public/..%2fprivate/x", "/public/%2e%2e/private/x", "/public//private", "/public/%252e%252e/private/x",
		"/things/1", "/things/a%2fb", "/things/1/parts/2/3", "/things/1/parts/..%2f..", "/exact/", "/exact/x", "/exact", "/a/b", "/a/b/", "/a%2fb", "/public/..;/private", "/public\\..\\private",
		"/./public/", "//public/", "/PUBLIC/x", "/public%00/", "/%70ublic/x", "/public/x?y=/private/", "*", "",
	} {
		f.Add("GET", target, "api.example")
		f.Add("POST", target, "admin.example")
		f.Add("CONNECT", target, "api.example:80")
	}
	var table scopes.Table
	mux := http.NewServeMux()
	for _, pattern := range guarded {
		table.Handle(pattern, scopes.All(scopeOf(pattern)))
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Served", scopeOf(pattern)) })
	}
	f.Fuzz(func(t *testing.T, method, target, host string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" {
			t.Skip()
		}
		r := &http.Request{Method: method, URL: u, Host: host, RequestURI: target, Header: http.Header{}}
		rule, pattern := table.Rule(r)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		served := w.Header().Get("Served")
		if pattern == "" {
			if !rule.IsZero() {
				t.Errorf("got rule %v and no pattern, want the zero Rule", rule)
			}
			return // The zero Rule denies the request. A denial is always safe.
		}
		if scopeOf(pattern) != served {
			t.Fatalf("%s %s %s: got the rule of pattern %q, want the rule of pattern %q, whose handler serves the request with status %d", method, host, target, pattern, served, w.Code)
		}
		if got := rule.Scopes(); !slices.Equal(got, []string{scopeOf(pattern)}) {
			t.Errorf("got a rule with the scopes %q, want the rule of pattern %q", got, pattern)
		}
		// File servers, proxies and other routers may use these spellings of the same path.
		for _, other := range []string{u.Path, path.Clean(u.Path), tryUnescape(u.Path), path.Clean(tryUnescape(u.Path)), strings.ReplaceAll(u.Path, `\`, "/")} {
			again := &http.Request{Method: method, URL: &url.URL{Path: other}, Host: host, Header: http.Header{}}
			if _, found := mux.Handler(again); found != pattern && strings.TrimSuffix(other, "/") != strings.TrimSuffix(u.Path, "/") {
				t.Errorf("%s %s: got the rule of pattern %q, but the spelling %s matches pattern %q", method, target, pattern, other, found)
			}
		}
	})
}

// scopeOf returns the scope that the rule of a pattern requires.
func scopeOf(pattern string) string { return strings.ReplaceAll(pattern, " ", "_") }

// tryUnescape decodes p once. If p has an invalid escape, tryUnescape returns p.
func tryUnescape(p string) string {
	if decoded, err := url.PathUnescape(p); err == nil {
		return decoded
	}
	return p
}

// identifier matches the names of methods that a key of a service covers.
var identifier = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// FuzzMethods compares Methods.Rule with a reference implementation, which looks up the
// method and then checks the prefix of the method.
func FuzzMethods(f *testing.F) {
	methods := scopes.Methods{
		"/a.v1.Things/Get": scopes.All("get"), "/a.v1.Things/*": scopes.All("things"), "/a.v1.Open/Get": scopes.Public(),
	}
	for _, method := range []string{
		"/a.v1.Things/Get", "/a.v1.Things/Put", "/a.v1.Open/Get", "/a.v1.Open/Put", "/a.v1.Things/", "/a.v1.Things/*", "a.v1.Things/Get", "//a.v1.Things/Get",
		"/a.v1.Things/Get/", "/A.v1.Things/Get", "/a.v1.Things/G%65t", "/a.v1.Things/Get?x", "/a.v1.Things/..", "/a.v1.Things/G\u0435t", "/a.v1.Things/_9", "/a.v1.Things/9", "", "/", "/a.v1.Things/a/b",
	} {
		f.Add(method)
	}
	f.Fuzz(func(t *testing.T, method string) {
		rule, _ := methods.Rule(method)
		want := scopes.Rule{}
		if exact, ok := methods[method]; ok && !strings.HasSuffix(method, "*") {
			want = exact
		} else if rest, ok := strings.CutPrefix(method, "/a.v1.Things/"); ok && identifier.MatchString(rest) {
			want = methods["/a.v1.Things/*"]
		}
		if rule.String() != want.String() {
			t.Errorf("%q: got rule %v, want %v", method, rule, want)
		}
	})
}
