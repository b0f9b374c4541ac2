package tenant_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/internal/tenant"
)

// list returns the list of entries for two claims with numbers and an address.
func list(t *testing.T, entries ...string) *tenant.List {
	t.Helper()
	claims, errs := tenant.ParseClaims(map[string]string{"a": `[0-9]+`, "b": `[0-9]+`, "email": `.+@.+`})
	if errs != nil {
		t.Fatal(errs)
	}
	l, errs := tenant.ParseList(entries, claims)
	if errs != nil {
		t.Fatal(errs)
	}
	return l
}

// record reads a claims set.
func record(t *testing.T, set string) *strictjson.Record {
	t.Helper()
	r := new(strictjson.Record)
	if err := r.Read([]byte(set)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNames(t *testing.T) {
	claims, errs := tenant.ParseClaims(map[string]string{"b": "", "/c/d": "x", "a": ""})
	if got, want := tenant.Names(claims), `"/c/d" or "a" or "b"`; got != want || errs != nil {
		t.Errorf("got %s and errors %v, want %s", got, errs, want)
	}
	claims, errs = tenant.ParseClaims(map[string]string{"": "", "a": "(", "b": "x|y"})
	if len(claims) != 1 || len(errs) != 2 {
		t.Errorf("got claims %v and errors %v, want one claim and two errors", claims, errs)
	}
	// The regular expression matches the whole value, even if it has alternatives.
	for _, entry := range []string{"xz", "zy", "x\n"} {
		if _, errs := tenant.ParseList([]string{entry}, claims); len(errs) != 1 {
			t.Errorf("%q: got errors %v, want one", entry, errs)
		}
	}
}

// TestAnyValue tests a claim whose values have no form. An empty value is still an error,
// because a token without the claim must not match.
func TestAnyValue(t *testing.T) {
	claims, errs := tenant.ParseClaims(map[string]string{"a": ""})
	if errs != nil {
		t.Fatal(errs)
	}
	l, errs := tenant.ParseList([]string{"x/y", "a=z"}, claims)
	if errs != nil {
		t.Fatal(errs)
	}
	for set, want := range map[string]bool{`{"a":"x/y"}`: true, `{"a":"z"}`: true, `{"a":"a=z"}`: false, `{"a":""}`: false, `{}`: false} {
		if got := l.Allows(record(t, set)); got != want {
			t.Errorf("%s: got %v, want %v", set, got, want)
		}
	}
	for _, entry := range []string{"", "a="} {
		if _, errs := tenant.ParseList([]string{entry}, claims); len(errs) != 1 {
			t.Errorf("%q: got errors %v, want one", entry, errs)
		}
	}
}

// TestAllows compares Allows with a slow implementation that uses encoding/json, for random
// claims sets and lists. The values are taken from a small set, so that many of them match.
func TestAllows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test with the same values in each run
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	texts := []string{"1", "2", "12", "x@y"}
	counts := map[bool]int{}
	for range 20_000 {
		var entries []string
		for range 1 + random.IntN(3) {
			entries = append(entries, pick("1", "2", "12", "x@y", "a=1", "b=2", "a=12", "email=x@y"))
		}
		members := []string{}
		for _, name := range []string{"a", "b", "email", "email_verified", "A", "c"} {
			value := pick(`"1"`, `"2"`, `"12"`, `"x@y"`, `"\u0031"`, `1`, `12`, `true`, `true`, `false`, `null`, `["1"]`, `{"a":"1"}`, `""`, `" 1"`, ``)
			if value != "" {
				members = append(members, fmt.Sprintf("%q:%s", name, value))
			}
		}
		set := "{" + strings.Join(members, ",") + "}"
		var decoded map[string]any
		if err := json.Unmarshal([]byte(set), &decoded); err != nil {
			t.Fatal(err)
		}
		want := false
		for _, name := range []string{"a", "b", "email"} {
			text, ok := decoded[name].(string)
			fits := slices.Contains(texts, text) && strings.Contains(text, "@") == (name == "email")
			listed := slices.Contains(entries, text) || slices.Contains(entries, name+"="+text)
			want = want || ok && fits && listed && (name != "email" || decoded["email_verified"] == true)
		}
		counts[want]++
		if got := list(t, entries...).Allows(record(t, set)); got != want {
			t.Fatalf("entries %q, claims set %s: got %v, want %v", entries, set, got, want)
		}
	}
	if counts[true] < 2000 || counts[false] < 2000 {
		t.Errorf("got %v, want at least 2000 of each", counts)
	}
}

func TestListTexts(t *testing.T) {
	l := list(t, "1", "2", "a=3", "x@y", "4", "5")
	if got, want := l.String(), `"1", "2", "a=3", "x@y" and 2 more`; got != want {
		t.Errorf("String: got %s, want %s", got, want)
	}
	if got, want := list(t, "1").String(), `"1"`; got != want {
		t.Errorf("String: got %s, want %s", got, want)
	}
	for set, want := range map[string]string{
		`{}`:                               `no "a", no "b", no "email"`,
		`{"a":1,"b":"\u0007","email":"x"}`: `"a" is not a string, "b" is "\a", "email" is "x", but "email_verified" is not true`,
		`{"a":null,"email":"x@y","email_verified":true}`: `"a" is not a string, no "b", "email" is "x@y"`,
	} {
		if got := l.Values(record(t, set)); got != want {
			t.Errorf("Values of %s: got %s, want %s", set, got, want)
		}
	}
}

// TestListErrors requires the whole error of each wrong entry.
func TestListErrors(t *testing.T) {
	github := map[string]string{"repository_id": `[1-9][0-9]*`, "repository_owner_id": `[1-9][0-9]*`}
	google := map[string]string{"azp": `[^@/=]+`, "sub": `[1-9][0-9]*`, "email": `[a-z]+@[a-z.]+`}
	const (
		both  = `"repository_id" (a value has the form [1-9][0-9]*) or "repository_owner_id" (a value has the form [1-9][0-9]*)`
		names = ". Names are refused, because a different customer can register a name that its owner gave up; write the identifier that the issuer assigned"
	)
	for _, row := range []struct {
		forms map[string]string
		entry string
		want  string
	}{
		{github, "owner_id=65", `"owner_id=65": the claim "owner_id" does not identify a customer; write NAME=VALUE with the name "repository_id" or "repository_owner_id"`},
		{github, "octo-org", `"octo-org": not a value of ` + both + names},
		{github, "065", `"065": not a value of ` + both},
		{github, "=65", `"=65": not a value of ` + both},
		{github, "repository_id=065", `"repository_id=065": not a value of "repository_id" (a value has the form [1-9][0-9]*)`},
		{github, "repository_owner_id=octo", `"repository_owner_id=octo": not a value of "repository_owner_id" (a value has the form [1-9][0-9]*)` + names},
		{github, "repository_owner_id=", `"repository_owner_id=": the value of "repository_owner_id" is empty; write the identifier that the issuer assigned`},
		{google, "hd=example.com", `"hd=example.com": the claim "hd" does not identify a customer; write NAME=VALUE with the name "azp" or "email" or "sub"`},
		{google, "CI@acme.example", `"CI@acme.example": write the value of "email" in lower case, as the issuer does`},
		{google, "email=CI@acme.example", `"email=CI@acme.example": write the value of "email" in lower case, as the issuer does`},
		{map[string]string{"org": ""}, "org=", `"org=": the value of "org" is empty; write the identifier that the issuer assigned`},
	} {
		claims, _ := tenant.ParseClaims(row.forms)
		_, errs := tenant.ParseList([]string{row.entry}, claims)
		if len(errs) != 1 || errs[0].Error() != row.want {
			t.Errorf("%s: got errors\n%v, want\n%s", row.entry, errs, row.want)
		}
	}
}

// TestAmbiguous requires the numbers that several claims of numbers accept.
func TestAmbiguous(t *testing.T) {
	for _, row := range []struct {
		a, b string // the forms of two claims
		want string // of the entries "65", "a=65", "x"
	}{
		{`[1-9][0-9]*`, `[1-9][0-9]*`, "[65]"},
		{`\d+`, `6[0-5]|7+`, "[65]"},
		{`\d{2}`, `(?:6|7)5`, "[65]"},
		{``, `\d+`, "[65]"},
		{``, ``, "[65]"},
		{`\d`, `\d+`, "[]"},
		{`\w+`, `\d+`, "[]"},
		{`.+`, `\d+`, "[]"},
		{`[^@]+`, `\d+`, "[]"},
		{`(?:\d+|x)`, `\d+`, "[]"},
		{`\D+`, `\d+`, "[]"},
	} {
		claims, errs := tenant.ParseClaims(map[string]string{"a": row.a, "b": row.b})
		if errs != nil {
			t.Fatal(errs)
		}
		if got := fmt.Sprint(tenant.Ambiguous([]string{"65", "a=65", "x"}, claims)); got != row.want {
			t.Errorf("%q and %q: got %s, want %s", row.a, row.b, got, row.want)
		}
	}
}
