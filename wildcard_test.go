package bearer_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWildcardHierarchy tests that New refuses a Hierarchy with "*" if the profile has wildcards,
// and that a wildcard is not expanded.
func TestWildcardHierarchy(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	for _, row := range []struct {
		hierarchy  scopes.Hierarchy
		wildcards  bool
		wantErrors []string
	}{
		{scopes.Hierarchy{"read:*": {"read:users"}, "admin": {"write.*", "read:users"}}, false, nil},
		{scopes.Hierarchy{"read": {"read:users"}}, true, nil},
		{scopes.Hierarchy{"read:*": {"read:users"}}, true, []string{`Config.Hierarchy: "read:*" in the hierarchy of "read:*"`}},
		{scopes.Hierarchy{"admin": {"write.*", "a", "*"}, "x*": nil}, true, []string{`"write.*" in the hierarchy of "admin"`, `"*" in the hierarchy of "admin"`, `"x*" in the hierarchy of "x*"`}},
	} {
		var cfg bearer.Config
		newVerifier(t, issuer, func(c *bearer.Config) { cfg = *c })
		cfg.Hierarchy, cfg.Profile.WildcardScopes = row.hierarchy, row.wildcards
		_, err := bearer.New(cfg)
		if (err != nil) != (row.wantErrors != nil) {
			t.Errorf("%v, wildcards %v: got error %v, want the errors %q", row.hierarchy, row.wildcards, err, row.wantErrors)
		}
		for _, want := range row.wantErrors {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, wildcards %v: got error %v, want %q in the text", row.hierarchy, row.wildcards, err, want)
			}
		}
	}
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Profile.WildcardScopes, c.Hierarchy = true, scopes.Hierarchy{"read:users": {"list"}, "admin": {"audit"}}
	})
	claims, err := v.Verify(t.Context(), issuer.Token(members{"scope": "read:* admin"}))
	if err != nil {
		t.Fatal(err)
	}
	if granted := claims.Scopes(); granted.String() != "read:* admin audit" || !granted.Has("read:users") || granted.Has("list") {
		t.Errorf("got scopes %q, want the wildcard itself, and the scopes that admin implies", granted)
	}
}

// TestWildcardsOfProfiles tests that only Stytch has wildcards among the profiles, and that
// Profile.Claims follows the profile.
func TestWildcardsOfProfiles(t *testing.T) {
	for name, p := range builtIn(t) {
		if want := p.Name == "Stytch"; p.WildcardScopes != want {
			t.Errorf("profile %s: got WildcardScopes %v, want %v", name, p.WildcardScopes, want)
		}
	}
	for _, wildcards := range []bool{false, true} {
		claims, err := bearer.Profile{WildcardScopes: wildcards, Scopes: []string{"scope", "scp"}}.Claims([]byte(`{"scope":"a","scp":["read:*"]}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := claims.Scopes().Has("read:users"); got != wildcards {
			t.Errorf("Profile.Claims with WildcardScopes %v: Has(\"read:users\"): got %v, want %v", wildcards, got, wildcards)
		}
	}
}

// uaaProfile is the profile of docs/issuers.md for the machine clients of a Cloud Foundry UAA.
var uaaProfile = bearer.Profile{
	Name:           "UAA",
	Types:          []string{"JWT"},
	Scopes:         []string{"scope"},
	WildcardScopes: true,
	RequiredValues: map[string][]string{"grant_type": {"client_credentials"}},
}

// TestUAA verifies a token of a UAA's machine client with uaaProfile. The claims have the form
// that "uaac token decode" prints, with a wildcard among the client's authorities. A user's
// token is refused, because a "*" in a user's scope is not a wildcard in a UAA.
func TestUAA(t *testing.T) {
	issuer := newIssuer(t, "RS256")
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Profile, c.Audience = uaaProfile, []string{"document"} })
	claims := func(own members) members {
		m := members{
			"sub": "portal", "authorities": []string{"document.*", "uaa.resource"}, "scope": []string{"document.*", "uaa.resource"}, "client_id": "portal",
			"cid": "portal", "azp": "portal", "grant_type": "client_credentials", "rev_sig": "416147db", "zid": "uaa", "aud": []string{"portal", "document", "uaa"},
		}
		maps.Copy(m, own)
		return m
	}
	header := members{"typ": "JWT", "jku": "https://uaa.example/token_keys"}
	verified, err := v.Verify(t.Context(), issuer.Mint(header, claims(nil)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"document.7": true, "document.7.read": true, "uaa.resource": true, "document": false, "documents.7": false, "uaa.admin": false} {
		if got := verified.Scopes().Has(name); got != want {
			t.Errorf("Has(%q): got %v, want %v", name, got, want)
		}
	}
	_, err = v.Verify(t.Context(), issuer.Mint(header, claims(members{"grant_type": "password", "user_id": "u-1", "user_name": "u", "origin": "uaa"})))
	if got := reasonOf(t, err); got != bearer.InvalidClaims {
		t.Errorf("token of a user: got reason %q, want %q; error: %v", got, bearer.InvalidClaims, err)
	}
	page := strings.Join(strings.Fields(readText(t, "docs/issuers.md")), " ")
	for _, field := range []string{`Types: []string{"JWT"}`, `Scopes: []string{"scope"}`, "WildcardScopes: true", `RequiredValues: map[string][]string{"grant_type": {"client_credentials"}}`} {
		if !strings.Contains(page, field) {
			t.Errorf("docs/issuers.md: the page does not contain %q, want the profile of this test", field)
		}
	}
}
