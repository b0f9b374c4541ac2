package bearer_test

import (
	"errors"
	"strings"
	"testing"

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
		"dotted.name": "d", "null": raw("null"), "escaped": raw(`"production\u005fus"`),
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
		{bearer.ClaimEquals("level", "3"), bearer.MissingScope, ""},
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
		{bearer.ClaimOneOf("client_id", "x", "ci"), "", `claim "client_id" is one of "x", "ci"`},
		{bearer.ClaimOneOf("client_id", "x", "y"), bearer.MissingScope, ""},
		{bearer.ClaimIncludes("https://ns/groups", "g1"), "", `claim "https://ns/groups" includes "g1"`},
		{bearer.ClaimIncludes("https://ns/groups", 2), "", ""},
		{bearer.ClaimIncludes("https://ns/groups", "2"), bearer.MissingScope, ""},
		{bearer.ClaimIncludes("client_id", "ci"), bearer.MissingScope, ""},
		{bearer.ClientIs("x", "ci"), "", `client "x" or "ci"`},
		{bearer.ClientIs("x"), bearer.MissingScope, ""},
		{bearer.HasRole("Reader"), "", `role "Reader"`},
		{bearer.HasRole("reader"), bearer.MissingScope, ""},
		{scopes.All("Reader"), bearer.MissingScope, ""},
		{scopes.All("write", "read"), "", ""},
		{scopes.All("admin"), bearer.MissingScope, ""},
		{scopes.And(scopes.All("read"), bearer.HasRole("Reader"), bearer.ClientIs("ci")), "", `scope "read" and role "Reader" and client "ci"`},
		{scopes.Or(bearer.HasRole("Writer"), scopes.All("write")), "", ""},
	} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: row.rule})
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%v: got reason %q, want %q: %v", row.rule, got, row.want, err)
		}
		if got := row.rule.String(); row.text != "" && got != row.text {
			t.Errorf("got the sentence %s, want %s", got, row.text)
		}
	}
}

func TestClaimRuleErrors(t *testing.T) {
	for want, rule := range map[string]scopes.Rule{
		"empty":            bearer.ClaimEquals("", "x"),
		"JSON pointer":     bearer.ClaimEquals("/a/~2", "x"),
		"type float64":     bearer.ClaimEquals("a", 1.5),
		"type []string":    bearer.ClaimIncludes("a", []string{"x"}),
		"one of no values": bearer.ClaimOneOf("a"),
		"no client":        bearer.ClientIs(),
		`client "a" or ""`: bearer.ClientIs("a", ""),
		`role ""`:          bearer.HasRole(""),
	} {
		if err := rule.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	_, err := bearer.New(bearer.Config{Issuer: "x", Hierarchy: scopes.Hierarchy{"a b": {""}}})
	if err == nil || !strings.Contains(err.Error(), "Config.Hierarchy") {
		t.Errorf("a hierarchy of names that are no scopes: got %v", err)
	}
}

func TestJSONAt(t *testing.T) {
	type deployer struct {
		Repository string `json:"github_repository"`
	}
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Custom = bearer.JSONAt[deployer]("custom_claims") })
	for _, row := range []struct {
		claims members
		want   bearer.Reason
	}{
		{members{"custom_claims": members{"github_repository": "acme/x"}}, ""},
		{members{"custom_claims": members{"github_repository": 1}}, bearer.InvalidCustom},
		{members{"custom_claims": "x"}, bearer.InvalidCustom},
		{nil, bearer.InvalidCustom},
	} {
		ctx, err := bearer.Decide(t.Context(), v, bearer.Request{
			Authorization: []string{"Bearer " + issuer.Token(row.claims)}, Rule: scopes.All(),
		})
		if got := reasonOf(t, err); got != row.want {
			t.Errorf("%v: got reason %q, want %q: %v", row.claims, got, row.want, err)
		}
		if err == nil {
			if got, ok := bearer.Custom[deployer](ctx); !ok || got.Repository != "acme/x" {
				t.Errorf("got %+v, %v", got, ok)
			}
		}
	}
	bad := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Custom = bearer.JSONAt[deployer]("") })
	if _, err := bad.Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, bearer.Internal) {
		t.Errorf("a name that is none: got %v, want %q", err, bearer.Internal)
	}
}
