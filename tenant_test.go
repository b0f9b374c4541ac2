package bearer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// withIssuer returns the JWK of key with an additional member "issuer". The keys that Entra ID
// publishes contain this member.
func withIssuer(key *bearertest.Key, issuer string) string {
	return fmt.Sprintf(`{"issuer":%q,%s`, issuer, key.JWK()[1:])
}

// TestTenants verifies tokens of two tenants. Config.Issuer is the template that Entra ID
// publishes as the issuer of all tenants.
func TestTenants(t *testing.T) {
	const (
		tid   = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
		other = "72f988bf-86f1-41af-91ab-2d7cd011db47"
		form  = "https://login.microsoftonline.com/{tenantid}/v2.0"
	)
	of := func(tid string) string { return strings.ReplaceAll(form, "{tenantid}", tid) }
	key := bearertest.NewKey("RS256", "common")
	own := key.Renamed("own")
	keys, err := jwks.Parse([]byte(`{"keys":[` + withIssuer(key, form) + `,` + withIssuer(own, of(other)) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	cfg := bearer.Config{Issuer: form, Audience: []string{"api"}, Keys: keys, Profile: bearer.EntraV2, Tenants: []string{tid, other}}
	verifiers := oneAndSeveral(t, cfg)
	mint := func(key *bearertest.Key, iss, tid string) string {
		return key.Sign([]byte(`{"alg":"RS256","typ":"JWT","kid":"`+key.ID()+`"}`), fmt.Appendf(nil,
			`{"iss":%q,"tid":%q,"aud":"api","sub":"s","azp":"c","ver":"2.0","iat":1,"exp":4102444800,"roles":["Reader"]}`, iss, tid))
	}
	for _, row := range []struct {
		name, token string
		want        bearer.Reason
	}{
		{"first tenant", mint(key, of(tid), tid), ""},
		{"second tenant", mint(key, of(other), other), ""},
		{"second tenant with its own key", mint(own, of(other), other), ""},
		{"first tenant with the key of the second tenant", mint(own, of(tid), tid), bearer.WrongIssuer},
		{"first tenant with the tid of the second tenant", mint(key, of(tid), other), bearer.WrongIssuer},
		{"empty tid", mint(key, of(tid), ""), bearer.WrongIssuer},
		{"tenant name instead of a GUID", mint(key, of("common"), "common"), bearer.WrongIssuer},
		{"iss is the template itself", mint(key, form, "{tenantid}"), bearer.WrongIssuer},
		{"tenant contains a slash", mint(key, of("x/"+tid), "x/"+tid), bearer.WrongIssuer},
		{"iss with a different host", mint(key, "https://evil.example/"+tid+"/v2.0", tid), bearer.WrongIssuer},
	} {
		for name, v := range verifiers {
			claims, err := v.Verify(t.Context(), row.token)
			if got := reasonOf(t, err); got != row.want {
				t.Errorf("%s, %s: got reason %q, want %q; error: %v", row.name, name, got, row.want, err)
			}
			if err == nil && !strings.Contains(claims.Issuer(), "microsoftonline.com/") {
				t.Errorf("%s: got issuer %q, want an issuer at microsoftonline.com", row.name, claims.Issuer())
			}
		}
	}
	if _, err := bearer.New(bearer.Config{Issuer: form, Audience: []string{"api"}, Profile: bearer.EntraV2}); err == nil {
		t.Error("template without Config.Keys: got a verifier, want an error")
	}
	if _, err := bearer.New(bearer.Config{Issuer: "http://x/{tenantid}", Audience: []string{"api"}, Keys: keys}); err == nil {
		t.Error("template over http: got a verifier, want an error")
	}
}

// TestTenantsOfVersion1 tests Entra ID's version 1 issuer for all tenants. Each key of this
// issuer names a version 2 issuer or no issuer.
func TestTenantsOfVersion1(t *testing.T) {
	const (
		tid   = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
		other = "72f988bf-86f1-41af-91ab-2d7cd011db47"
		v2    = "https://login.microsoftonline.com/"
	)
	key := bearertest.NewKey("RS256", "plain")
	all, own, foreign := key.Renamed("all"), key.Renamed("own"), key.Renamed("foreign")
	keys, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[%s,%s,%s,%s]}`, key.JWK(), withIssuer(all, v2+"{tenantid}/v2.0"),
		withIssuer(own, v2+tid+"/v2.0"), withIssuer(foreign, v2+other+"/v2.0")))
	if err != nil {
		t.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{
		Issuer: "https://sts.windows.net/{tenantid}/", Audience: []string{"api://x"}, Keys: keys, Profile: bearer.EntraV1, Tenants: []string{tid, other},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, kid, iss, tid string
		want                bearer.Reason
	}{
		{"key without an issuer", "plain", tid, tid, ""},
		{"key of all tenants", "all", tid, tid, ""},
		{"key of the tenant", "own", tid, tid, ""},
		{"key of a different tenant", "foreign", tid, tid, bearer.WrongIssuer},
		{"different tenant with its own key", "foreign", other, other, ""},
		{"tid of a different tenant", "plain", tid, other, bearer.WrongIssuer},
	} {
		token := key.Sign(fmt.Appendf(nil, `{"alg":"RS256","typ":"JWT","kid":%q}`, row.kid), fmt.Appendf(nil,
			`{"iss":"https://sts.windows.net/%s/","tid":%q,"aud":"api://x","sub":"s","appid":"c","ver":"1.0","iat":1,"exp":4102444800}`, row.iss, row.tid))
		if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != row.want {
			t.Errorf("%s: got error %v, want reason %q", row.name, err, row.want)
		}
	}
}

// TestWrongEntraIssuers tests that New returns an error for issuers that users often
// configure for Entra ID by mistake. No token contains such an issuer.
func TestWrongEntraIssuers(t *testing.T) {
	for _, issuer := range []string{
		"https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/organizations/v2.0",
		"https://login.microsoftonline.com/{tenant}/v2.0", "https://login.microsoftonline.com/{tenantId}/v2.0",
	} {
		_, err := bearer.New(bearer.Config{Issuer: issuer, Audience: []string{"api"}, Profile: bearer.EntraV2})
		if err == nil || !strings.Contains(err.Error(), "{tenantid}") {
			t.Errorf("%s: got error %v, want {tenantid} in the text", issuer, err)
		}
	}
}
