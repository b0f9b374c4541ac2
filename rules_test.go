package bearer_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestClaimRules(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Profile = bearer.Profile{Roles: []string{"roles"}}
		cfg.Hierarchy = scopes.Hierarchy{"admin": {"write"}, "write": {"read"}}
	})
	token := issuer.Token(members{
		"scope": "write", "client_id": "ci", "repository_id": "74", "level": 3, "active": true, "roles": []string{"Reader"},
		"custom_claims": members{"environment": "production_us", "a/b": "x"}, "https://ns/groups": []any{"g1", 2},
		"dotted.name": "d", "null": raw("null"), "exponent form": raw("30e-1"), "fraction": 3.5,
		"large": raw("9007199254740992"), "huge": raw("9223372036854775808"), "zero": raw("-0"),
		"exponent": raw("9007199254740993e0"), "escaped": raw(`"production\u005fus"`),
	})
	for _, row := range []struct {
		rule scopes.Rule
		want bearer.Reason
		text string
	}{
		{bearer.ClaimEquals("repository_id", "74"), "", `claim "repository_id" is "74"`},
		{bearer.ClaimEquals("repository_id", 74), bearer.MissingScope, `claim "repository_id" is 74`},
		{bearer.ClaimEquals("repository_id", "7"), bearer.MissingScope, ""},
		{bearer.ClaimEquals("level", 3), "", ""},
		{bearer.ClaimEquals("level", int64(3)), "", `claim "level" is 3`},
		{bearer.ClaimEquals("level", "3"), bearer.MissingScope, ""},
		{bearer.ClaimEquals("exponent form", 3), "", ""},
		{bearer.ClaimEquals("fraction", 3), bearer.MissingScope, ""},
		{bearer.ClaimEquals("large", int64(9007199254740993)), bearer.MissingScope, ""},
		{bearer.ClaimEquals("large", int64(9007199254740992)), "", ""},
		{bearer.ClaimEquals("huge", int64(9223372036854775807)), bearer.MissingScope, ""},
		{bearer.ClaimEquals("exponent", int64(9007199254740992)), bearer.MissingScope, ""},
		{bearer.ClaimEquals("zero", 0), "", ""},
		{bearer.ClaimEquals("zero", false), bearer.MissingScope, ""},
		{bearer.ClaimEquals("active", true), "", `claim "active" is true`},
		{bearer.ClaimEquals("active", false), bearer.MissingScope, ""},
		{bearer.ClaimEquals("null", ""), bearer.MissingScope, ""},
		{bearer.ClaimEquals("absent", ""), bearer.MissingScope, ""},
		{bearer.ClaimEquals("escaped", "production_us"), "", ""},
		{bearer.ClaimEquals("dotted.name", "d"), "", ""},
		{bearer.ClaimEquals("/custom_claims/environment", "production_us"), "", `claim "/custom_claims/environment" is "production_us"`},
		{bearer.ClaimEquals("custom_claims.environment", "production_us"), bearer.MissingScope, ""},
		{bearer.ClaimEquals("/custom_claims/a~1b", "x"), "", ""},
		{bearer.ClaimEquals("/custom_claims/environment/x", "x"), bearer.MissingScope, ""},
		{bearer.ClaimEquals("/level/x", "x"), bearer.MissingScope, ""},
		{bearer.ClaimEquals("client_id", "x", "ci"), "", `claim "client_id" is one of "x", "ci"`},
		{bearer.ClaimEquals("client_id", "x", "y"), bearer.MissingScope, ""},
		{bearer.ClaimIncludes("https://ns/groups", "g1"), "", `claim "https://ns/groups" includes "g1"`},
		{bearer.ClaimIncludes("https://ns/groups", 2), "", ""},
		{bearer.ClaimIncludes("https://ns/groups", "2"), bearer.MissingScope, ""},
		{bearer.ClaimIncludes("client_id", "ci"), "", ""},
		{bearer.ClaimIncludes("client_id", "c"), bearer.MissingScope, ""},
		{bearer.ClaimIncludes("level", 3), "", ""},
		{bearer.ClaimIncludes("level", "3"), bearer.MissingScope, ""},
		{bearer.ClaimIncludes("active", true), "", ""},
		{bearer.ClientIs("x", "ci"), "", `one of the clients "x", "ci"`},
		{bearer.ClientIs("x"), bearer.MissingScope, ""},
		{bearer.HasRole("Reader"), "", `role "Reader"`},
		{bearer.HasRole("reader"), bearer.MissingScope, ""},
		{bearer.ClientIs("ci"), "", `client "ci"`},
		{
			scopes.And(scopes.All("read"), scopes.Or(bearer.HasRole("Writer"), bearer.ClientIs("x", "ci"))), "",
			`scope "read" and (role "Writer" or one of the clients "x", "ci")`,
		},
		{scopes.All("Reader"), bearer.MissingScope, ""},
		{scopes.All("write", "read"), "", ""},
		{scopes.All("admin"), bearer.MissingScope, ""},
		{scopes.And(scopes.All("read"), bearer.HasRole("Reader"), bearer.ClientIs("ci")), "", `scope "read" and role "Reader" and client "ci"`},
		{scopes.Or(bearer.HasRole("Writer"), scopes.All("write")), "", ""},
	} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: row.rule})
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%v: got reason %q, want %q; error: %v", row.rule, got, row.want, err)
		}
		if got := row.rule.String(); row.text != "" && got != row.text {
			t.Errorf("got rule text %s, want %s", got, row.text)
		}
	}
}

// TestDenialDetail tests the error of a rule. The error must be one line and must contain
// the actual values of the token. Clients see Error.Missing and Error.Required, so these fields must contain
// only scopes.
func TestDenialDetail(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Profile{Roles: []string{"roles"}} })
	plain := members{"client_id": "ci", "scope": "read"}
	for _, row := range []struct {
		claims  members
		rule    scopes.Rule
		missing string
		want    string
	}{
		{plain, bearer.ClaimEquals("env", "prod"), "", `claim "env" is "prod": the token does not have the claim`},
		{members{"env": "test"}, bearer.ClaimEquals("env", "prod"), "", `claim "env" is "prod": the claim is "test"`},
		{members{"env": "a\r\nb\u202e"}, bearer.ClaimEquals("env", "x"), "", `the claim is "a\r\nb\u202e"`},
		{members{"env": raw("[1,\"\u202e\"]")}, bearer.ClaimEquals("env", "x"), "", `the claim is [1," "]`},
		{members{"env": strings.Repeat("x", 5000)}, bearer.ClaimEquals("env", "x"), "", `xxx..."`},
		{plain, bearer.ClientIs("a", "b"), "", `one of the clients "a", "b": the client is "ci"`},
		{plain, bearer.HasRole("Writer"), "", `role "Writer": the token has no roles in the claims that Config.Profile.Roles names`},
		{members{"roles": []string{"Reader"}}, bearer.HasRole("Writer"), "", `role "Writer": the token has the roles ["Reader"]`},
		{
			plain, scopes.And(scopes.All("read", "write", "admin"), bearer.ClientIs("a"), scopes.All("write")), "write admin",
			`missing scope write admin; client "a": the client is "ci"`,
		},
		{plain, scopes.Or(scopes.All("a", "b"), scopes.All("b", "c")), "a b", "missing scope a b"},
	} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(row.claims)}, Rule: row.rule})
		if reasonOf(t, err) != bearer.MissingScope {
			t.Errorf("%v: got error %v, want reason %q", row.rule, err, bearer.MissingScope)
			continue
		}
		e, _ := errors.AsType[*bearer.Error](err)
		if got := strings.Join(e.Missing, " "); got != row.missing {
			t.Errorf("%v: got missing scopes %q, want %q", row.rule, got, row.missing)
		}
		text := err.Error()
		if !strings.Contains(text, row.want) || len(text) > 400 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%v: got error %q, want one printable line of at most 400 bytes that contains %q", row.rule, text, row.want)
		}
	}
}

func TestClaimRuleErrors(t *testing.T) {
	for want, rule := range map[string]scopes.Rule{
		"empty":                      bearer.ClaimEquals("", "x"),
		"JSON pointer":               bearer.ClaimEquals("/a/~2", "x"),
		"type float64":               bearer.ClaimEquals("a", 1.5),
		"type []string":              bearer.ClaimIncludes("a", []string{"x"}),
		"no values":                  bearer.ClaimEquals("a"),
		"at least one client":        bearer.ClientIs(),
		`one of the clients "a", ""`: bearer.ClientIs("a", ""),
		`role ""`:                    bearer.HasRole(""),
	} {
		if err := rule.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in the text", err, want)
		}
	}
	// A rule that combines other rules reports all problems of these rules at once.
	all := scopes.Optional(scopes.And(scopes.All("", "a b"), scopes.Or(bearer.HasRole(""), bearer.ClaimEquals("/", 1.5))))
	for _, want := range []string{`All("")`, `All("a b")`, `role ""`, "JSON pointer", "type float64"} {
		if err := all.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("combined rule: got error %v, want %q in the text", err, want)
		}
	}
	_, err := bearer.New(bearer.Config{Issuer: "x", Hierarchy: scopes.Hierarchy{"a b": {""}}})
	if err == nil || !strings.Contains(err.Error(), "Config.Hierarchy") {
		t.Errorf("hierarchy with invalid scope names: got error %v, want Config.Hierarchy in the text", err)
	}
}
