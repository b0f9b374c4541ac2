package bearer_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestExplainRule checks that an explanation of a rule that denies the request says the same as the
// log, and advises scopes only if a scope is missing and the profile reads scopes.
func TestExplainRule(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}, Audience: []string{audience}})
	defer issuer.Close()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	roles := bearer.Profile{Roles: []string{"ext.roles"}}
	for _, row := range []struct {
		name    string
		profile bearer.Profile
		claims  members
		rule    scopes.Rule
		want    string
		scopes  bool // the advice is about scopes
	}{
		{"missing scope", bearer.Profile{}, members{"scope": "write"}, scopes.All("read"), `missing scope read; the token grants ["write"]`, true},
		{"wildcard", bearer.Profile{}, members{"scope": "read:*"}, scopes.All("read:users"), "see Config.Profile.WildcardScopes", true},
		{"another wildcard", bearer.Profile{}, members{"scope": "write:*"}, scopes.All("read:users"), `the token grants ["write:*"]. At the`, true},
		{"no scopes in the profile", bearer.Zitadel, members{"scope": nil}, scopes.All("read"), "Zitadel reads no scopes", false},
		{"role", roles, members{"ext": members{"roles": []string{"admin"}}}, bearer.HasRole("admin"), `the JSON pointer "/ext/roles"`, false},
		{"claim", bearer.Profile{}, members{"custom": members{"env": "prod"}}, bearer.ClaimEquals("custom.env", "prod"), `the JSON pointer "/custom/env"`, false},
		{"subject", bearer.Profile{}, members{"sub": "other"}, bearer.ClaimEquals("sub", "client"), `the claim is "other"`, false},
	} {
		v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys, Profile: row.profile})
		if err != nil {
			t.Fatal(err)
		}
		typ := "at+jwt"
		if row.profile.Name != "" {
			typ = "JWT"
		}
		req := bearer.Request{Authorization: []string{"Bearer " + issuer.Mint(members{"typ": typ}, row.claims)}, Rule: row.rule}
		_, err = bearer.Decide(t.Context(), v, req)
		explained := bearer.Explain(t.Context(), v, req)
		last := explained.Checks[len(explained.Checks)-1]
		if last.Name != "rule" || err == nil || !strings.Contains(last.Advice, strings.TrimPrefix(err.Error(), "bearer: scope: ")) || !strings.Contains(last.Advice, row.want) {
			t.Errorf("%s: got error %v and advice %q, want both with %q", row.name, err, last.Advice, row.want)
		}
		if got := strings.Contains(last.Advice, "grant the client the missing scopes"); got != row.scopes {
			t.Errorf("%s: got advice %q, want advice about scopes = %v", row.name, last.Advice, row.scopes)
		}
	}
}
