package bearer_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestHintNamesIssuersProfile verifies the token of each issuer with the profiles of all
// other issuers. If a profile refuses the token, the error must name the profile of the
// token's issuer.
func TestHintNamesIssuersProfile(t *testing.T) {
	all := builtIn(t)
	refused := 0
	for _, f := range fixtures(t) {
		iss, ok := f.Claims["iss"].(string)
		if f.Refused != "" || !ok { // TestSVIDAdvice has tokens without "iss"
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				own := f.profile(t).Name
				for name, other := range all {
					if other.Name == own {
						continue
					}
					v, err := bearer.New(bearer.Config{
						Issuer: iss, Audience: f.Audience, InsecureAnyTenant: true, Keys: keys, Profile: other,
					})
					if err != nil {
						continue // New returns an error for this issuer with this profile
					}
					if _, err := v.Verify(t.Context(), token); err != nil {
						refused++
						if _, hint, _ := strings.Cut(err.Error(), "the token has the form of profile "); !strings.Contains(hint, own) {
							t.Errorf("profile %s: got error %v, want an error that names profile %s", name, err, own)
						}
					}
				}
			})
		})
	}
	if refused < 250 {
		t.Errorf("got %d refusals, want at least 250", refused)
	}
}

// TestHintOmitsProfilesWithoutGrants tests the hints for tokens with scopes. If a profile
// accepts the token, but does not read the scopes of the token, the hint omits the profile.
func TestHintOmitsProfilesWithoutGrants(t *testing.T) {
	want := map[string]string{
		"scalekit-m2m-org-quickstart":            "Scalekit",
		"auth0-m2m-default-profile-organization": "Auth0",
		"okta-custom-as-m2m":                     "Okta",
		"entra-v2-app-only-roles":                "Entra ID v2",
		"cognito-access-token":                   "Cognito",
		"kinde-m2m-org":                          "Kinde",
		"ory-hydra-jwt-default-scope-list":       "Ory Hydra",
	}
	for _, f := range fixtures(t) {
		if want[f.Name] == "" {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			token, keys := f.token(t)
			v, err := bearer.New(bearer.Config{
				Issuer: f.issuer(), Audience: f.Audience, Keys: keys,
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = v.Verify(t.Context(), token); err == nil || !strings.Contains(err.Error(), "the form of profile "+want[f.Name]+": see") {
				t.Errorf("%s: got error %v, want an error that names only profile %s", f.Name, err, want[f.Name])
			}
		})
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("there are no fixtures with the names %q, want a fixture for each name", slices.Collect(maps.Keys(want)))
	}
}

// TestNoHintForWrongAudience tests that the error names no profile if only the audience is
// wrong.
func TestNoHintForWrongAudience(t *testing.T) {
	for _, f := range fixtures(t) {
		if f.Refused != "" {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			token, keys := f.token(t)
			v, err := bearer.New(bearer.Config{
				Issuer: f.issuer(), Audience: []string{"another"}, Tenants: f.Tenants, Keys: keys, Profile: f.profile(t),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(t.Context(), token)
			if got := reasonOf(t, err); got != bearer.WrongAudience || strings.Contains(err.Error(), "profile") {
				t.Errorf("%s: got error %v, want reason %q and no hint", f.Name, err, bearer.WrongAudience)
			}
		})
	}
}

// TestNoHintForOtherTokenTypes verifies tokens that are not access tokens for this API, such
// as ID tokens. The error must name no profile, although profiles of other issuers accept
// these tokens.
func TestNoHintForOtherTokenTypes(t *testing.T) {
	for _, row := range []struct {
		fixture, profile, where, member, value string
	}{
		{"cognito-access-token", "Cognito", "claims", "token_use", "id"},
		{"cognito-access-token", "", "claims", "token_use", "id"},
		{"keycloak-service-account", "Keycloak", "claims", "typ", "ID"},
		{"keycloak-service-account", "Keycloak", "claims", "typ", "Refresh"},
		{"keycloak-service-account", "", "claims", "typ", "ID"},
		{"entra-v1-user-official-sample", "EntraV1", "header", "nonce", "x"},
		{"entra-v2-user-official-sample", "EntraV2", "header", "nonce", "x"},
		{"auth0-m2m-default-profile-organization", "Auth0", "claims", "nonce", "x"},
		{"auth0-m2m-default-profile-organization", "Auth0", "claims", "at_hash", "x"},
	} {
		for _, f := range fixtures(t) {
			if f.Name != row.fixture {
				continue
			}
			map[string]map[string]any{"header": f.Header, "claims": f.Claims}[row.where][row.member] = row.value
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				v, err := bearer.New(bearer.Config{
					Issuer: f.issuer(), Audience: f.Audience, Keys: keys, Profile: profileNamed(t, row.profile),
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := v.Verify(t.Context(), token); err == nil || strings.Contains(err.Error(), "has the form of profile") {
					t.Errorf("%s, %q %s: got error %v, want a refusal that names no profile", f.Name, row.member, row.value, err)
				}
			})
		}
	}
}

// TestHintRespectsIssuer tests that the hint depends on the issuer of the token. If New
// returns an error for this issuer with a profile, the hint must not name this profile.
func TestHintRespectsIssuer(t *testing.T) {
	for _, f := range fixtures(t) {
		if f.Name != "auth0-m2m-default-profile-organization" {
			continue
		}
		for _, slash := range []string{"/", ""} {
			f.Claims["iss"] = "https://tenant.auth0.com" + slash
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				v, err := bearer.New(bearer.Config{Issuer: "https://tenant.auth0.com" + slash, Audience: f.Audience, Keys: keys})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := v.Verify(t.Context(), token); err == nil || strings.Contains(err.Error(), "profile Auth0") != (slash != "") {
					t.Errorf("issuer %s: got a hint with profile Auth0 = %v, want %v; error: %v", f.Claims["iss"], strings.Contains(fmt.Sprint(err), "profile Auth0"), slash != "", err)
				}
			})
		}
	}
}

// TestNoHintIfNoProfileHelps verifies tokens that every profile refuses, because the failed
// check does not depend on the profile. The error must name no profile.
func TestNoHintIfNoProfileHelps(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	for name, row := range map[string]struct {
		change func(*bearer.Config)
		claims members
	}{
		"Required":         {func(cfg *bearer.Config) { cfg.Required = []string{"/tenant/id"} }, nil},
		"MaxLifetime":      {func(cfg *bearer.Config) { cfg.MaxLifetime = time.Minute }, nil},
		"sub is a number":  {nil, members{"sub": 1}},
		"iat is a string":  {nil, members{"iat": "x"}},
		"aud is an object": {nil, members{"aud": members{"x": 1}}},
		"no exp":           {nil, members{"exp": nil}},
	} {
		v := newVerifier(t, issuer, row.change)
		_, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if got := reasonOf(t, err); got != bearer.InvalidClaims || strings.Contains(err.Error(), "profile") {
			t.Errorf("%s: got error %v, want reason %q and no hint", name, err, bearer.InvalidClaims)
		}
		if name == "Required" && !strings.Contains(err.Error(), `"/tenant/id" is required (Config.Required)`) {
			t.Errorf("got error %v, want an error that names the claim and Config.Required", err)
		}
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(row.claims)}, Rule: scopes.All()})
		if len(x.Fits) > 0 {
			t.Errorf("%s: Explain: got profiles %q, want none", name, x.Fits)
		}
	}
}

// TestMissingScopeHint tests the hint in the error for a missing scope. If the token has
// scopes in a claim that the profile does not read, the hint must name this claim.
func TestMissingScopeHint(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	for _, row := range []struct {
		profile bearer.Profile
		claims  members
		want    string
	}{
		{bearer.Profile{}, members{"scp": []string{"read"}}, `"scp", but the profile`},
		{bearer.Profile{}, members{"scopes": []string{"read"}}, `"scopes", but the profile`},
		{bearer.Profile{}, members{"scope": []string{"read"}}, `the claim "scope" is an array, but this profile accepts only a string: to accept both, name the claim in Config.Profile.Scopes`},
		{bearer.Profile{}, members{"scope": "read\twrite"}, `the claim "scope" grants no scopes, because it contains '\t'`},
		{bearer.Profile{Roles: []string{"roles"}}, members{"roles": []string{"Reader"}}, "HasRole"},
		{bearer.Profile{}, members{"roles": []string{"Reader"}}, "the token grants no scopes"},
		{bearer.Profile{}, members{"scope": "", "scp": []string{}, "scopes": raw("null")}, "the token grants no scopes"},
		{bearer.Profile{}, members{"scope": "api/read write", "scp": []string{"read"}}, `the token grants ["api/read" "write"]`},
	} {
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = row.profile })
		_, err := bearer.Decide(t.Context(), v, bearer.Request{
			Authorization: []string{"Bearer " + issuer.Token(row.claims)}, Rule: scopes.All("read"),
		})
		if reasonOf(t, err) != bearer.MissingScope {
			t.Errorf("%v: got error %v, want reason %q", row.claims, err, bearer.MissingScope)
			continue
		}
		_, hint, _ := strings.Cut(err.Error(), "; ")
		if (hint == "") != (row.want == "") || !strings.Contains(hint, row.want) {
			t.Errorf("%v: got error %v, want hint %s", row.claims, err, row.want)
		}
	}
}

// refusals returns a verifier and two correctly signed tokens that the verifier refuses. The
// error for the first token has a hint. The error for the second token has no hint.
func refusals(tb testing.TB) (v *bearer.JWTVerifier, withHint, withoutHint string) {
	tb.Helper()
	issuer := newIssuer(tb, "EdDSA")
	v = newVerifier(tb, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Keycloak })
	claims := members{"scp": []string{"a"}, "cid": "c", "exp": int64(4102444800), "iat": 1}
	return v, issuer.Mint(members{"typ": "JWT"}, claims), issuer.Mint(members{"typ": "JWT"}, members{"exp": 1, "iat": 1})
}

// TestHintAllocations tests that a hint causes at most 6 additional allocations if no code
// reads the text of the error. A client whose tokens are correctly signed but have the wrong
// form must not be more expensive than other clients.
func TestHintAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector adds allocations")
	}
	v, withHint, withoutHint := refusals(t)
	if _, err := v.Verify(t.Context(), withHint); err == nil || !strings.Contains(err.Error(), "the form of profile") {
		t.Fatalf("got error %v, want an error with a hint", err)
	}
	allocs := func(token string) float64 {
		return testkit.Allocs(10, 50, func() { _, _ = v.Verify(t.Context(), token) }) // The test measures only the allocations.
	}
	if with, without := allocs(withHint), allocs(withoutHint); with > without+6 {
		t.Errorf("got %v allocations with a hint and %v without a hint, want a difference of at most 6", with, without)
	}
}

// BenchmarkHint measures refusals with a hint, refusals without a hint, and the method Error
// of an error with a hint.
func BenchmarkHint(b *testing.B) {
	v, withHint, withoutHint := refusals(b)
	for name, token := range map[string]string{"hinted": withHint, "plain": withoutHint} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Verify(b.Context(), token) // The benchmark measures only the cost.
			}
		})
	}
	b.Run("read", func(b *testing.B) {
		_, err := v.Verify(b.Context(), withHint)
		b.ReportAllocs()
		for b.Loop() {
			_ = err.Error()
		}
	})
}

// TestHintForCopiedProfile configures a changed copy of a profile. If the copy has the same
// name as the original profile, the hint must not name the original profile, because the
// user changed the profile on purpose.
func TestHintForCopiedProfile(t *testing.T) {
	for _, own := range []string{"Scalekit", "Mine"} {
		f := fixtureNamed(t, "scalekit-m2m-org-quickstart")
		synctest.Test(t, func(t *testing.T) {
			token, keys := f.token(t)
			profile := bearer.Scalekit
			profile.Name, profile.Types = own, []string{"at+jwt"}
			v, err := bearer.New(bearer.Config{
				Issuer: f.issuer(), Audience: f.Audience, Keys: keys, Profile: profile,
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(t.Context(), token)
			if got := reasonOf(t, err); got != bearer.WrongType || strings.Contains(err.Error(), "form of profile Scalekit") != (own != "Scalekit") {
				t.Errorf("copy with the name %s: got error %v, want reason %q; profile Scalekit in the hint: want %v", own, err, bearer.WrongType, own != "Scalekit")
			}
		})
	}
}

// TestHintForTokenWithoutClientID tests the hint for a token that names its client only in
// "sub". The hint must name only profiles that read the token's scopes.
func TestHintForTokenWithoutClientID(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	key := issuer.SigningKey("")
	token := key.Sign(
		fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":"JWT"}`, key.Algorithm(), key.ID()),
		fmt.Appendf(nil, `{"iss":%q,"aud":%q,"sub":"s","iat":%d,"exp":4102444800,"jti":"j","scope":"a"}`, issuer.URL(), audience, time.Now().Unix()))
	_, err := newVerifier(t, issuer, nil).Verify(t.Context(), token)
	if got := reasonOf(t, err); got != bearer.WrongType || !strings.Contains(err.Error(), "Stytch") || strings.Contains(err.Error(), "Zitadel") {
		t.Errorf("got error %v, want reason %q and Stytch in the text, but not Zitadel, because the profile Zitadel reads no scopes", err, bearer.WrongType)
	}
}
