package bearer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/scopes"
)

// The tests in this file test properties of real issuers that are easy to overlook.
// TestIssuers does not test these properties. docs/issuers.md lists them.

// fixtureNamed returns the fixture with this name.
func fixtureNamed(t *testing.T, name string) fixture {
	t.Helper()
	list := fixtures(t)
	i := slices.IndexFunc(list, func(f fixture) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("there is no fixture %q, want one", name)
	}
	return list[i]
}

// The method decide calls bearer.Decide with a new verifier, the fixture's token and this
// rule. If adjust is not nil, it may change the configuration before the verifier is created.
func (f *fixture) decide(t *testing.T, rule scopes.Rule, adjust func(*bearer.Config)) error {
	t.Helper()
	token, keys := f.token(t)
	cfg := bearer.Config{
		Issuer: f.issuer(), Audience: f.Audience, Tenants: f.Tenants, Keys: keys, Profile: f.profile(t),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	v, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: rule})
	return err
}

// TestEntraVersions tests an API whose setting accessTokenAcceptedVersion changes. This
// setting, and not the endpoint, selects the version of a token. Each version has its own
// issuer and audience. An Issuers with both issuers must accept both versions.
func TestEntraVersions(t *testing.T) {
	one, two := fixtureNamed(t, "entra-v1-user-official-sample"), fixtureNamed(t, "entra-v2-user-official-sample")
	synctest.Test(t, func(t *testing.T) {
		tokenOne, keysOne := one.token(t)
		// The times of the fixtures differ by 34 min, but both tokens must be valid at the same
		// time.
		two.Claims["iat"], two.Claims["exp"] = one.Claims["iat"], one.Claims["exp"]
		tokenTwo, keysTwo := two.token(t)
		audiences := slices.Concat(one.Audience, two.Audience)
		var issuers bearer.Issuers
		for _, cfg := range []bearer.Config{
			{Issuer: one.Claims["iss"].(string), Audience: audiences, Keys: keysOne, Profile: bearer.EntraV1}, //nolint:errcheck // every fixture has an "iss"
			{Issuer: two.Claims["iss"].(string), Audience: audiences, Keys: keysTwo, Profile: bearer.EntraV2}, //nolint:errcheck // every fixture has an "iss"
		} {
			if err := issuers.Add(cfg); err != nil {
				t.Fatal(err)
			}
		}
		for name, token := range map[string]string{"version 1": tokenOne, "version 2": tokenTwo} {
			if _, err := issuers.Verify(t.Context(), token); err != nil {
				t.Errorf("%s: got error %v, want none", name, err)
			}
		}
		if err := issuers.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGraphToken tests tokens for Microsoft Graph. Only Microsoft Graph can verify the
// signature of such a token. So the error must name Microsoft Graph and must not report a
// wrong signature.
func TestGraphToken(t *testing.T) {
	for _, name := range []string{"entra-v1-user-official-sample", "entra-v2-user-official-sample"} {
		f := fixtureNamed(t, name)
		f.Header["nonce"] = "AQABAAAAAAD--DLA3VO7QrddgJg7WevrQ"
		synctest.Test(t, func(t *testing.T) {
			token, keys := f.token(t)
			v, err := bearer.New(bearer.Config{
				Issuer: f.issuer(), Audience: f.Audience, Tenants: f.Tenants, Keys: keys, Profile: f.profile(t),
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range []string{token, token[:strings.LastIndexByte(token, '.')+1] + strings.Repeat("A", 342)} {
				if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.WrongType || !strings.Contains(err.Error(), "Microsoft Graph") {
					t.Errorf("%s: got error %v, want reason %q and Microsoft Graph in the text", name, err, bearer.WrongType)
				}
			}
		})
	}
}

// TestKeycloakDPoP tests a token that Keycloak bound to a client key. In such a token, "typ"
// is "DPoP" and "cnf" names the key. The reason must be WrongBinding.
func TestKeycloakDPoP(t *testing.T) {
	f := fixtureNamed(t, "keycloak-service-account")
	f.Claims["typ"], f.Claims["cnf"] = "DPoP", map[string]any{"jkt": "x", "kc-jkt-type": "DPoP"}
	synctest.Test(t, func(t *testing.T) {
		if err := f.decide(t, scopes.All(), nil); !errors.Is(err, bearer.WrongBinding) {
			t.Errorf("got error %v, want reason %q", err, bearer.WrongBinding)
		}
	})
}

// TestRolesAreNotScopes uses rules that require a scope with the name of a role, or a role with
// the name of a scope. Roles must not count as scopes, and scopes must not count as roles.
func TestRolesAreNotScopes(t *testing.T) {
	for _, row := range []struct {
		fixture string
		rule    scopes.Rule
		want    bearer.Reason
	}{
		{"entra-v2-app-only-roles", bearer.HasRole("Reader"), ""},
		{"entra-v2-app-only-roles", scopes.All("Reader"), bearer.MissingScope},
		{"entra-v2-app-only-roles", scopes.Any("Reader", "access_as_user"), bearer.MissingScope},
		{"entra-v2-user-official-sample", scopes.All("access_as_user"), ""},
		{"entra-v2-user-official-sample", bearer.HasRole("access_as_user"), bearer.MissingScope},
		// Entra ID issues valid tokens even to an application without assigned roles.
		{"entra-v1-app-only-no-roles", scopes.All(), ""},
		{"entra-v1-app-only-no-roles", scopes.Any("user_impersonation", "Reader"), bearer.MissingScope},
		{"entra-v1-app-only-no-roles", bearer.HasRole("Reader"), bearer.MissingScope},
		{"keycloak-service-account", bearer.HasRole("offline_access"), ""},
		{"keycloak-service-account", scopes.All("offline_access"), bearer.MissingScope},
		{"keycloak-service-account", bearer.HasRole("manage-account"), bearer.MissingScope}, // this role belongs to another client
		{"cognito-access-token", scopes.All("testgroup"), bearer.MissingScope},
		{"fusionauth-client-credentials", bearer.HasRole("write"), ""},
		{"fusionauth-client-credentials", scopes.All("write"), bearer.MissingScope},
	} {
		f := fixtureNamed(t, row.fixture)
		synctest.Test(t, func(t *testing.T) {
			if err := f.decide(t, row.rule, nil); reasonOf(t, err) != row.want {
				t.Errorf("%s, %v: got error %v, want reason %q", row.fixture, row.rule, err, row.want)
			}
		})
	}
}

// TestMachinesOnly tests configurations that accept tokens of machines and refuse tokens of
// users. Each issuer needs a different configuration, because the issuers mark machines and
// users with different claims.
func TestMachinesOnly(t *testing.T) {
	without := func(p bearer.Profile, claims ...string) bearer.Profile {
		p.Forbidden = append([]string{"at_hash", "c_hash", "nonce", "events"}, claims...)
		return p
	}
	app := bearer.EntraV2
	app.RequiredValues = map[string][]string{"ver": {"2.0"}, "idtyp": {"app"}}
	machine := fixtureNamed(t, "entra-v2-app-only-roles")
	machine.Claims["idtyp"] = "app"
	for _, row := range []struct {
		fixture fixture
		profile bearer.Profile
		rule    scopes.Rule
		want    bearer.Reason
	}{
		{fixtureNamed(t, "okta-custom-as-m2m"), without(bearer.Okta, "uid"), scopes.All(), ""},
		{fixtureNamed(t, "okta-custom-as-user"), without(bearer.Okta, "uid"), scopes.All(), bearer.InvalidClaims},
		{fixtureNamed(t, "cognito-access-token"), without(bearer.Cognito, "username"), scopes.All(), bearer.InvalidClaims},
		{machine, app, scopes.All(), ""},
		{fixtureNamed(t, "entra-v2-user-official-sample"), app, scopes.All(), bearer.InvalidClaims},
		{fixtureNamed(t, "auth0-m2m-default-profile-organization"), bearer.Auth0, bearer.ClaimEquals("gty", "client-credentials"), ""},
		{fixtureNamed(t, "auth0-rfc9068-profile"), bearer.Auth0, bearer.ClaimEquals("gty", "client-credentials"), bearer.MissingScope},
		{fixtureNamed(t, "kinde-m2m-org"), bearer.Kinde, bearer.ClaimIncludes("gty", "client_credentials"), ""},
		{fixtureNamed(t, "keycloak-service-account"), bearer.Keycloak, bearer.ClaimEquals("preferred_username", "service-account-tykjwt"), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := row.fixture.decide(t, row.rule, func(cfg *bearer.Config) { cfg.Profile = row.profile }); reasonOf(t, err) != row.want {
				t.Errorf("%s: got error %v, want reason %q", row.fixture.Name, err, row.want)
			}
		})
	}
}

// TestLongLives tests configurations that limit the use of a token that is valid for a year.
func TestLongLives(t *testing.T) {
	for _, row := range []struct {
		name   string
		after  time.Duration
		change func(*bearer.Config)
		want   bearer.Reason
	}{
		{"no limit", 300 * 24 * time.Hour, nil, ""},
		{"token younger than MaxAge", 59 * time.Minute, func(cfg *bearer.Config) { cfg.MaxAge = time.Hour }, ""},
		{"token older than MaxAge", 61 * time.Minute, func(cfg *bearer.Config) { cfg.MaxAge = time.Hour }, bearer.Expired},
		{"lifetime longer than MaxLifetime", time.Minute, func(cfg *bearer.Config) { cfg.MaxLifetime = 24 * time.Hour }, bearer.InvalidClaims},
	} {
		f := fixtureNamed(t, "kubernetes-bound-service-account")
		synctest.Test(t, func(t *testing.T) {
			f.token(t) // sleeps until the token's "iat"
			time.Sleep(row.after)
			if err := f.decide(t, scopes.All(), row.change); reasonOf(t, err) != row.want {
				t.Errorf("%s: got error %v, want reason %q", row.name, err, row.want)
			}
		})
	}
}

// TestWorkloads tests rules on the claims of tokens that have no scopes and no client ID. For
// GitHub, the rules use the claims with IDs, because GitHub changed the form of "sub".
func TestWorkloads(t *testing.T) {
	moved := fixtureNamed(t, "github-actions-oidc")
	moved.Claims["sub"] = "repo:octo-org@65/octo-repo@74:environment:prod"
	for _, row := range []struct {
		fixture fixture
		rule    scopes.Rule
		want    bearer.Reason
	}{
		{fixtureNamed(t, "github-actions-oidc"), bearer.ClaimEquals("repository_id", "74"), ""},
		{moved, bearer.ClaimEquals("repository_id", "74"), ""},
		{moved, bearer.ClaimEquals("repository_owner_id", "64", "65"), ""},
		{moved, bearer.ClaimEquals("repository_id", "7"), bearer.MissingScope},
		{moved, bearer.ClaimEquals("repository_id", 74), bearer.MissingScope}, // the claim is a string
		{fixtureNamed(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("sub", "system:serviceaccount:default:default"), ""},
		{fixtureNamed(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("/kubernetes.io/serviceaccount/name", "default"), ""},
		{fixtureNamed(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("/kubernetes.io/namespace", "prod"), bearer.MissingScope},
		{fixtureNamed(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("kubernetes.io.namespace", "default"), bearer.MissingScope},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := row.fixture.decide(t, row.rule, nil); reasonOf(t, err) != row.want {
				t.Errorf("%s, %v: got error %v, want reason %q", row.fixture.Name, row.rule, err, row.want)
			}
		})
	}
}

// TestOpaqueTokens tests that the error for an opaque token contains the word "opaque". This
// word shows the developer that the client must request a JWT.
func TestOpaqueTokens(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	for name, token := range map[string]string{
		"Hydra": "ory_at_8Q2YF7H2mC0.Zk1", "Google": "ya29.a0AfB_byC", "Auth0": "8Jk3mTn0pQ-r_s", "Zitadel": "V2_391184219667173286-at_391187731641798566",
		"Okta org server": "00Q1w2E3r4T5y6U7i8O9p0",
	} {
		if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.Malformed || !strings.Contains(err.Error(), "opaque") {
			t.Errorf("%s: got error %v, want reason %q and the word opaque", name, err, bearer.Malformed)
		}
	}
	if _, err := v.Verify(t.Context(), "e30..a.b.c"); reasonOf(t, err) != bearer.Malformed || !strings.Contains(err.Error(), "JWE") {
		t.Errorf("Auth0 without an audience: got error %v, want reason %q and the word JWE", err, bearer.Malformed)
	}
	if _, err := v.Verify(t.Context(), bearertest.NewKey("ES256", "x").Sign([]byte(`{"alg":"HS256","typ":"JWT"}`), []byte(`{"iss":"https://issuer.example"}`))); reasonOf(t, err) != bearer.WrongAlgorithm {
		t.Errorf("FusionAuth's default key: got error %v, want reason %q", err, bearer.WrongAlgorithm)
	}
}
