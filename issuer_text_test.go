package bearer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestIssuerOfWrongType sends tokens whose "iss" is not a string. The log and Explain must name
// "iss" as the mistake: they must not say that "iss" is missing, and must not blame "sub", which is
// right.
func TestIssuerOfWrongType(t *testing.T) {
	key := bearertest.NewKey("ES256", "k")
	keys := bundleOf(t, bundleKey(t, key, "jwt-svid"))
	for kind, cfg := range map[string]bearer.Config{
		"SPIFFE": {Issuer: domainA, Audience: []string{audience}, Profile: bearer.SPIFFE, Keys: keys},
		"URL":    {Issuer: "https://a.example", Audience: []string{audience}, Keys: keys},
	} {
		for name, v := range oneAndSeveral(t, cfg) {
			for _, iss := range []any{7, true, raw("null"), []string{domainA}, members{}} {
				token := mintSVID(t, key, nil, members{"iss": iss})
				_, err := v.Verify(t.Context(), token)
				if !errors.Is(err, bearer.WrongIssuer) || !strings.Contains(err.Error(), "iss is not a string") || strings.Contains(err.Error(), "sub") {
					t.Errorf("%s, %s, iss %v: got error %v, want reason %q and a text about the type of iss", kind, name, iss, err, bearer.WrongIssuer)
				}
				x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}})
				for _, c := range x.Checks {
					if c.Name == "issuer" && (c.State != "failed" || c.Got != "iss is not a string" || !strings.Contains(c.Advice, "iss of the token is not a string") || strings.Contains(c.Advice, "this sub")) {
						t.Errorf("%s, %s, iss %v: got check %+v, want one about the type of iss", kind, name, iss, c)
					}
					if c.Name == "subject" && strings.Contains(c.Got, "iss") {
						t.Errorf("%s, %s, iss %v: got %q in the check of sub, want no iss", kind, name, iss, c.Got)
					}
				}
			}
		}
	}
}

// TestWhyTenantsRequired tests that the error of New says that the issuer issues the tokens of all
// its customers only about an issuer that does so.
func TestWhyTenantsRequired(t *testing.T) {
	const shared = "issues the tokens of all its customers"
	for _, row := range []struct {
		issuer  string
		profile bearer.Profile
		want    string
	}{
		{"https://identity.oraclecloud.com/", bearer.OracleIDCS, shared},
		{"https://idcs-1.identity.oraclecloud.com/", bearer.OracleIDCS, `the profile "Oracle IDCS" has claims of the customer`},
		{github, bearer.GitHubActions, shared},
		{"https://ghes.example/_services/token", bearer.GitHubActions, `the profile "GitHub Actions" has claims of the customer`},
		{anyTenant, bearer.EntraV2, shared},
		{"https://a.example", bearer.Profile{TenantClaims: map[string]string{"org": ""}}, "the profile has claims of the customer"},
	} {
		err := accept(t, bearer.Config{Issuer: row.issuer, Profile: row.profile})
		testkit.WantError(t, row.issuer, err, "Config.Tenants: required", row.want)
		if err != nil && strings.Contains(err.Error(), shared) != (row.want == shared) {
			t.Errorf("%s: got error %v, want a text about all customers only for a shared issuer", row.issuer, err)
		}
	}
}
