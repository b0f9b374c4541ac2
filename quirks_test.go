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

// These are traits of real issuers that a verifier gets wrong easily, where one
// fixture through its profile does not show them. docs/issuers.md lists all.

// named returns a fixture by name.
func named(t *testing.T, name string) fixture {
	t.Helper()
	list := fixtures(t)
	i := slices.IndexFunc(list, func(f fixture) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no fixture %q", name)
	}
	return list[i]
}

// judge takes the fixture's token through a verifier that is configured for it,
// after the change, and asks the rule.
func (f *fixture) judge(t *testing.T, rule scopes.Rule, change func(*bearer.Config)) error {
	t.Helper()
	token, keys := f.token(t)
	cfg := bearer.Config{
		Issuer: f.Claims["iss"].(string), Audience: f.Audience, Keys: keys, Profile: f.profile(t), //nolint:errcheck // a fixture without it fails
	}
	if change != nil {
		change(&cfg)
	}
	v, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: rule})
	return err
}

// TestEntraVersions is an API whose accessTokenAcceptedVersion changes: version 2
// endpoints hand out version 1 tokens, whose issuer and audience are spelt
// differently. Two issuers take both.
func TestEntraVersions(t *testing.T) {
	one, two := named(t, "entra-v1-user-official-sample"), named(t, "entra-v2-user-official-sample")
	synctest.Test(t, func(t *testing.T) {
		tokenOne, keysOne := one.token(t)
		// Their times are 34 minutes apart: the later one must be issued, and the
		// earlier one not expired.
		two.Claims["iat"], two.Claims["exp"] = one.Claims["iat"], one.Claims["exp"]
		tokenTwo, keysTwo := two.token(t)
		audiences := slices.Concat(one.Audience, two.Audience)
		var issuers bearer.Issuers
		for _, cfg := range []bearer.Config{
			{Issuer: one.Claims["iss"].(string), Audience: audiences, Keys: keysOne, Profile: bearer.EntraV1}, //nolint:errcheck // a fixture without it fails
			{Issuer: two.Claims["iss"].(string), Audience: audiences, Keys: keysTwo, Profile: bearer.EntraV2}, //nolint:errcheck // a fixture without it fails
		} {
			if err := issuers.Add(cfg); err != nil {
				t.Fatal(err)
			}
		}
		for name, token := range map[string]string{"version 1": tokenOne, "version 2": tokenTwo} {
			if _, err := issuers.Verify(t.Context(), token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := issuers.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGraphToken cannot verify for anybody but Microsoft Graph, since what was
// signed is not what is sent. The log must say so, and not "signature".
func TestGraphToken(t *testing.T) {
	for _, name := range []string{"entra-v1-user-official-sample", "entra-v2-user-official-sample"} {
		f := named(t, name)
		f.Header["nonce"] = "AQABAAAAAAD--DLA3VO7QrddgJg7WevrQ"
		synctest.Test(t, func(t *testing.T) {
			token, keys := f.token(t)
			v, err := bearer.New(bearer.Config{
				Issuer: f.Claims["iss"].(string), Audience: f.Audience, Keys: keys, Profile: f.profile(t), //nolint:errcheck // a fixture without it fails
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range []string{token, token[:strings.LastIndexByte(token, '.')+1] + strings.Repeat("A", 342)} {
				if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.WrongType || !strings.Contains(err.Error(), "Microsoft Graph") {
					t.Errorf("%s: got %v, want %q and Microsoft Graph named", name, err, bearer.WrongType)
				}
			}
		})
	}
}

// TestKeycloakDPoP is a token that Keycloak bound to its sender's key: it says so
// twice. Neither may be missed, and the log is to name the one that helps.
func TestKeycloakDPoP(t *testing.T) {
	f := named(t, "keycloak-service-account")
	f.Claims["typ"], f.Claims["cnf"] = "DPoP", map[string]any{"jkt": "x", "kc-jkt-type": "DPoP"}
	synctest.Test(t, func(t *testing.T) {
		if err := f.judge(t, scopes.All(), nil); !errors.Is(err, bearer.WrongBinding) {
			t.Errorf("got %v, want reason %q", err, bearer.WrongBinding)
		}
	})
}

// TestRolesAreNotScopes asks for one by the name of the other.
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
		// An application that nobody assigned anything has a good token.
		{"entra-v1-app-only-no-roles", scopes.All(), ""},
		{"entra-v1-app-only-no-roles", scopes.Any("user_impersonation", "Reader"), bearer.MissingScope},
		{"entra-v1-app-only-no-roles", bearer.HasRole("Reader"), bearer.MissingScope},
		{"keycloak-service-account", bearer.HasRole("offline_access"), ""},
		{"keycloak-service-account", scopes.All("offline_access"), bearer.MissingScope},
		{"keycloak-service-account", bearer.HasRole("manage-account"), bearer.MissingScope}, // a client's role
		{"cognito-access-token", scopes.All("testgroup"), bearer.MissingScope},
		{"fusionauth-client-credentials", bearer.HasRole("write"), ""},
		{"fusionauth-client-credentials", scopes.All("write"), bearer.MissingScope},
	} {
		f := named(t, row.fixture)
		synctest.Test(t, func(t *testing.T) {
			if err := f.judge(t, row.rule, nil); reasonOf(t, err) != row.want {
				t.Errorf("%s, %v: got %v, want reason %q", row.fixture, row.rule, err, row.want)
			}
		})
	}
}

// TestMachinesOnly keeps users' tokens out, by what marks them at each issuer.
func TestMachinesOnly(t *testing.T) {
	without := func(p bearer.Profile, claims ...string) bearer.Profile {
		p.Forbidden = append([]string{"at_hash", "c_hash", "nonce", "events"}, claims...)
		return p
	}
	app := bearer.EntraV2
	app.RequiredValues = map[string][]string{"ver": {"2.0"}, "idtyp": {"app"}}
	machine := named(t, "entra-v2-app-only-roles")
	machine.Claims["idtyp"] = "app"
	for _, row := range []struct {
		fixture fixture
		profile bearer.Profile
		rule    scopes.Rule
		want    bearer.Reason
	}{
		{named(t, "okta-custom-as-m2m"), without(bearer.Okta, "uid"), scopes.All(), ""},
		{named(t, "okta-custom-as-user"), without(bearer.Okta, "uid"), scopes.All(), bearer.InvalidClaims},
		{named(t, "cognito-access-token"), without(bearer.Cognito, "username"), scopes.All(), bearer.InvalidClaims},
		{machine, app, scopes.All(), ""},
		{named(t, "entra-v2-user-official-sample"), app, scopes.All(), bearer.InvalidClaims},
		{named(t, "auth0-m2m-default-profile-organization"), bearer.Auth0, bearer.ClaimEquals("gty", "client-credentials"), ""},
		{named(t, "auth0-rfc9068-profile"), bearer.Auth0, bearer.ClaimEquals("gty", "client-credentials"), bearer.MissingScope},
		{named(t, "kinde-m2m-org"), bearer.Kinde, bearer.ClaimIncludes("gty", "client_credentials"), ""},
		{named(t, "keycloak-service-account"), bearer.Keycloak, bearer.ClaimEquals("preferred_username", "service-account-tykjwt"), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := row.fixture.judge(t, row.rule, func(cfg *bearer.Config) { cfg.Profile = row.profile }); reasonOf(t, err) != row.want {
				t.Errorf("%s: got %v, want reason %q", row.fixture.Name, err, row.want)
			}
		})
	}
}

// TestLongLives bounds tokens that live for a year, in three ways.
func TestLongLives(t *testing.T) {
	for _, row := range []struct {
		name   string
		after  time.Duration
		change func(*bearer.Config)
		want   bearer.Reason
	}{
		{"unbounded", 300 * 24 * time.Hour, nil, ""},
		{"young", 59 * time.Minute, func(cfg *bearer.Config) { cfg.MaxAge = time.Hour }, ""},
		{"old", 61 * time.Minute, func(cfg *bearer.Config) { cfg.MaxAge = time.Hour }, bearer.Expired},
		{"lifetime", time.Minute, func(cfg *bearer.Config) { cfg.MaxLifetime = 24 * time.Hour }, bearer.InvalidClaims},
	} {
		f := named(t, "kubernetes-bound-service-account")
		synctest.Test(t, func(t *testing.T) {
			f.token(t) // until it was issued
			time.Sleep(row.after)
			if err := f.judge(t, scopes.All(), row.change); reasonOf(t, err) != row.want {
				t.Errorf("%s: got %v, want reason %q", row.name, err, row.want)
			}
		})
	}
}

// TestWorkloads asks for tokens without scopes and client by what they have: the
// form of GitHub's "sub" changes, its identifiers do not.
func TestWorkloads(t *testing.T) {
	moved := named(t, "github-actions-oidc")
	moved.Claims["sub"] = "repo:octo-org@65/octo-repo@74:environment:prod"
	for _, row := range []struct {
		fixture fixture
		rule    scopes.Rule
		want    bearer.Reason
	}{
		{named(t, "github-actions-oidc"), bearer.ClaimEquals("repository_id", "74"), ""},
		{moved, bearer.ClaimEquals("repository_id", "74"), ""},
		{moved, bearer.ClaimEquals("repository_owner_id", "64", "65"), ""},
		{moved, bearer.ClaimEquals("repository_id", "7"), bearer.MissingScope},
		{moved, bearer.ClaimEquals("repository_id", 74), bearer.MissingScope}, // it is a string
		{named(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("sub", "system:serviceaccount:default:default"), ""},
		{named(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("/kubernetes.io/serviceaccount/name", "default"), ""},
		{named(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("/kubernetes.io/namespace", "prod"), bearer.MissingScope},
		{named(t, "kubernetes-bound-service-account"), bearer.ClaimEquals("kubernetes.io.namespace", "default"), bearer.MissingScope},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := row.fixture.judge(t, row.rule, nil); reasonOf(t, err) != row.want {
				t.Errorf("%s, %v: got %v, want reason %q", row.fixture.Name, row.rule, err, row.want)
			}
		})
	}
}

// TestOpaqueTokens wants those who did not ask for a JWT to learn so.
func TestOpaqueTokens(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	for name, token := range map[string]string{
		"Hydra": "ory_at_8Q2YF7H2mC0.Zk1", "Google": "ya29.a0AfB_byC", "Auth0": "8Jk3mTn0pQ-r_s", "Zitadel": "V2_391184219667173286-at_391187731641798566",
		"Okta, org": "00Q1w2E3r4T5y6U7i8O9p0",
	} {
		if _, err := v.Verify(t.Context(), token); reasonOf(t, err) != bearer.Malformed || !strings.Contains(err.Error(), "opaque") {
			t.Errorf("%s: got %v, want %q and that it may be opaque", name, err, bearer.Malformed)
		}
	}
	if _, err := v.Verify(t.Context(), "e30..a.b.c"); reasonOf(t, err) != bearer.Malformed || !strings.Contains(err.Error(), "JWE") {
		t.Errorf("Auth0 without an audience: got %v, want %q and JWE named", err, bearer.Malformed)
	}
	if _, err := v.Verify(t.Context(), bearertest.NewKey("ES256", "x").Sign([]byte(`{"alg":"HS256","typ":"JWT"}`), []byte(`{"iss":"https://issuer.example"}`))); reasonOf(t, err) != bearer.WrongAlgorithm {
		t.Errorf("FusionAuth's default key: got %v, want %q", err, bearer.WrongAlgorithm)
	}
}
