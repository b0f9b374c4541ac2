package bearer_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

var profiles = map[string]bearer.Profile{
	"Scalekit": bearer.Scalekit, "Auth0": bearer.Auth0, "Okta": bearer.Okta, "Keycloak": bearer.Keycloak,
	"EntraV1": bearer.EntraV1, "EntraV2": bearer.EntraV2, "Cognito": bearer.Cognito, "Google": bearer.Google,
	"PingOne": bearer.PingOne, "Zitadel": bearer.Zitadel, "Hydra": bearer.Hydra, "FusionAuth": bearer.FusionAuth,
	"WorkOS": bearer.WorkOS, "Stytch": bearer.Stytch, "Kinde": bearer.Kinde, "GitHubActions": bearer.GitHubActions,
	"Kubernetes": bearer.Kubernetes,
}

// fixture is a token of a real issuer: its claims as documented or observed.
type fixture struct {
	Name     string         `json:"name"`
	Profile  string         `json:"profile"`
	Audience []string       `json:"audience"`
	Header   map[string]any `json:"header"`
	Claims   map[string]any `json:"claims"`
	Scopes   []string       `json:"scopes"`
	ClientID string         `json:"client_id"`
	Roles    []string       `json:"roles"`
	Refused  string         `json:"refused"` // a reason, or "configuration"
}

// fixtures reads testdata/issuers.json.
func fixtures(t *testing.T) []fixture {
	t.Helper()
	data, err := os.ReadFile("testdata/issuers.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []fixture
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// fixtureKey signs all fixtures: making an RSA key for each takes seconds.
var fixtureKey = sync.OnceValue(func() *bearertest.Key { return bearertest.NewKey("RS256", "k") })

// token signs the fixture with a key of our own, and sleeps (in virtual time)
// until it is valid.
func (f *fixture) token(t *testing.T) (string, *jwks.Set) {
	t.Helper()
	key := fixtureKey()
	if kid, ok := f.Header["kid"].(string); ok {
		key = key.Renamed(kid)
	}
	header, err := json.Marshal(f.Header)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(f.Claims)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwks.Parse([]byte(`{"keys":[` + string(key.JWK()) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	at, ok := f.Claims["iat"].(float64)
	if exp, hasExp := f.Claims["exp"].(float64); !ok && hasExp {
		at = exp - 60
	}
	time.Sleep(time.Until(time.Unix(int64(at), 0)))
	return key.Sign(header, claims), set
}

// TestIssuers takes the tokens of real issuers through their profiles.
func TestIssuers(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				v, err := bearer.New(bearer.Config{
					Issuer: f.Claims["iss"].(string), Audience: f.Audience, Keys: keys, Profile: profiles[f.Profile], //nolint:errcheck // a fixture without it fails
				})
				if f.Refused == "configuration" {
					if err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
						t.Errorf("New: got %v, want an error on Config.Issuer", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				claims, err := v.Verify(t.Context(), token)
				if got := reasonOf(t, err); string(got) != f.Refused {
					t.Fatalf("got reason %q, want %q: %v", got, f.Refused, err)
				}
				if err != nil {
					return
				}
				if got := slices.Collect(claims.Scopes().All()); !slices.Equal(got, f.Scopes) {
					t.Errorf("got scopes %q, want %q", got, f.Scopes)
				}
				if got := claims.Roles(); !slices.Equal(got, f.Roles) {
					t.Errorf("got roles %q, want %q", got, f.Roles)
				}
				if got := claims.ClientID(); got != f.ClientID {
					t.Errorf("got client %q, want %q", got, f.ClientID)
				}
			})
		})
	}
}

// TestProfilesAreStrict takes away from each fixture what its profile must not
// do without, or adds what it must not take.
func TestProfilesAreStrict(t *testing.T) {
	byName := map[string]fixture{}
	for _, f := range fixtures(t) {
		byName[f.Name] = f
	}
	for _, row := range []struct {
		fixture, where, member string
		value                  any // nil: taken away
		want                   bearer.Reason
	}{
		{"scalekit-m2m-org-interceptor-claims", "claims", "aud", nil, bearer.WrongAudience},
		{"scalekit-m2m-org-interceptor-claims", "claims", "client_id", nil, bearer.InvalidClaims},
		{"scalekit-m2m-org-interceptor-claims", "claims", "at_hash", "x", bearer.InvalidClaims},
		{"scalekit-m2m-org-interceptor-claims", "header", "typ", nil, bearer.WrongType},
		{"auth0-m2m-default-profile-organization", "claims", "iss", "https://exampleco.auth0.com", bearer.WrongIssuer},
		{"auth0-m2m-default-profile-organization", "claims", "nonce", "x", bearer.InvalidClaims},
		{"okta-custom-as-m2m", "claims", "cid", nil, bearer.InvalidClaims},
		{"keycloak-service-account", "claims", "typ", "ID", bearer.InvalidClaims},
		{"keycloak-service-account", "claims", "typ", "Refresh", bearer.InvalidClaims},
		{"keycloak-service-account", "claims", "typ", "DPoP", bearer.InvalidClaims},
		{"keycloak-service-account", "claims", "nonce", "x", ""},
		{"keycloak-service-account", "claims", "at_hash", "x", bearer.InvalidClaims},
		{"keycloak-service-account", "claims", "cnf", map[string]any{"kc-jkt-type": "DPoP"}, ""},
		{"keycloak-service-account", "claims", "cnf", map[string]any{"kc-jkt-type": "DPoP", "jkt": "y"}, bearer.WrongBinding},
		{"entra-v1-user-official-sample", "claims", "ver", "2.0", bearer.InvalidClaims},
		{"entra-v2-user-official-sample", "claims", "ver", "1.0", bearer.InvalidClaims},
		{"entra-v2-user-official-sample", "header", "nonce", "x", bearer.WrongType},
		{"entra-v2-user-official-sample", "claims", "tid", nil, bearer.InvalidClaims},
		{"cognito-access-token", "claims", "token_use", "id", bearer.InvalidClaims},
		{"cognito-access-token", "claims", "token_use", nil, bearer.InvalidClaims},
		{"cognito-access-token", "claims", "client_id", "other", bearer.WrongAudience},
		{"cognito-access-token-resource-binding", "claims", "aud", "other", bearer.WrongAudience},
		{"google-service-account-id-token", "claims", "iss", "accounts.google.com", ""},
		{"google-service-account-id-token", "claims", "iss", "https://accounts.google.com/", bearer.WrongIssuer},
		{"google-service-account-id-token", "claims", "scope", "a", ""},
		{"zitadel-jwt-access-token", "claims", "aud", []string{}, bearer.WrongAudience},
		{"ory-hydra-jwt-scope-both", "claims", "aud", []string{}, bearer.WrongAudience},
		{"stytch-m2m", "claims", "sub", nil, bearer.InvalidClaims},
		{"kinde-m2m-org", "claims", "azp", nil, bearer.InvalidClaims},
		{"github-actions-oidc", "claims", "repository_id", nil, bearer.InvalidClaims},
		{"kubernetes-bound-service-account", "claims", "kubernetes.io", nil, bearer.InvalidClaims},
		{"kubernetes-bound-service-account", "claims", "aud", nil, bearer.WrongAudience},
	} {
		t.Run(row.fixture+" "+row.member, func(t *testing.T) {
			f, ok := byName[row.fixture]
			if !ok {
				t.Fatal("no such fixture")
			}
			issuer := f.Claims["iss"].(string) //nolint:errcheck // a fixture without it fails
			members := map[string]map[string]any{"header": f.Header, "claims": f.Claims}[row.where]
			before, had := members[row.member]
			defer func() {
				if members[row.member] = before; !had {
					delete(members, row.member)
				}
			}()
			if members[row.member] = row.value; row.value == nil {
				delete(members, row.member)
			}
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				v, err := bearer.New(bearer.Config{Issuer: issuer, Audience: f.Audience, Keys: keys, Profile: profiles[f.Profile]})
				if err != nil {
					t.Fatal(err)
				}
				claims, err := v.Verify(t.Context(), token)
				if got := reasonOf(t, err); got != row.want {
					t.Fatalf("got reason %q, want %q: %v", got, row.want, err)
				}
				if err == nil && f.Profile == "Google" && claims.Scopes().Len() != 0 {
					t.Errorf("got scopes %q of an issuer that has none", claims.Scopes())
				}
			})
		})
	}
}

func TestProfileErrors(t *testing.T) {
	keys := &jwks.Set{}
	_, err := bearer.New(bearer.Config{
		Issuer: "https://issuer.example", Audience: []string{"a"}, Keys: keys,
		Profile: bearer.Profile{
			Types: []string{}, Audience: []string{}, Scopes: []string{"/"}, Roles: []string{"/a//b"}, ClientID: []string{"/a~2"},
			Required: []string{""}, RequiredValues: map[string][]string{"x": nil}, WrongIssuers: map[string]string{"(": ""},
			InertConfirmation: []string{""},
		},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Types", "Audience", "Scopes", "Roles", "ClientID", "Required", "RequiredValues", "WrongIssuers", "InertConfirmation"} {
		if !strings.Contains(err.Error(), "Config.Profile."+want) && !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	for issuer, profile := range map[string]bearer.Profile{
		"https://acme.okta.com": bearer.Okta, "https://acme.auth0.com": bearer.Auth0, "https://acme.scalekit.com/": bearer.Scalekit,
		"https://sts.windows.net/x": bearer.EntraV1, "https://login.microsoftonline.com/x/v2.0/": bearer.EntraV2, "https://acme.kinde.com/": bearer.Kinde,
	} {
		if _, err := bearer.New(bearer.Config{Issuer: issuer, Audience: []string{"a"}, Keys: keys, Profile: profile}); err == nil {
			t.Errorf("%s: issuer %q is accepted", profile.Name, issuer)
		}
	}
}

// TestOwnProfile is a profile that a user writes.
func TestOwnProfile(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Profile = bearer.Profile{
			Name: "house", Types: []string{"house+jwt"}, Scopes: []string{"/grants/api.v1"}, Roles: []string{"/a~1b/c~0d"},
			ClientID: []string{"/app/id"}, Required: []string{"/app/id"},
		}
	})
	claims, err := v.Verify(t.Context(), issuer.Mint(members{"typ": "house+jwt"}, members{
		"client_id": nil, "jti": nil, "grants": members{"api.v1": []string{"a", "b"}}, "a/b": members{"c~d": members{"r1": 1, "r2": 2}},
		"app": members{"id": "app-1"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Scopes().String() != "a b" || claims.ClientID() != "app-1" || !slices.Equal(claims.Roles(), []string{"r1", "r2"}) {
		t.Errorf("got scopes %q, client %q, roles %q", claims.Scopes(), claims.ClientID(), claims.Roles())
	}
	if _, err := v.Verify(t.Context(), issuer.Mint(members{"typ": "house+jwt"}, members{"app": members{}})); !errors.Is(err, bearer.InvalidClaims) {
		t.Errorf("without the nested claim: got %v, want %q", err, bearer.InvalidClaims)
	}
}

// TestRoleForms is roles as an array of strings, as the names of an object and of
// objects within an array; any other form has none.
func TestRoleForms(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Profile{Roles: []string{"roles", "/nested/roles"}} })
	for _, row := range []struct {
		claims members
		want   []string
	}{
		{nil, nil},
		{members{"roles": []string{"a", "b"}}, []string{"a", "b"}},
		{members{"roles": members{"a": members{"org": "x"}}}, []string{"a"}},
		{members{"roles": []any{members{"a": 1}, members{"b": 2}}}, []string{"a", "b"}},
		{members{"roles": []string{"a"}, "nested": members{"roles": []string{"b"}}}, []string{"a", "b"}},
		{members{"roles": "a"}, nil},
		{members{"roles": []any{"a", 1}}, nil},
		{members{"roles": []any{"a", members{"b": 1}}}, nil},
		{members{"roles": []any{members{"a": 1}, "b"}}, nil},
		{members{"roles": [][]string{{"a"}}}, nil},
		{members{"roles": raw("null"), "nested": []string{"roles"}}, nil},
	} {
		claims, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if err != nil {
			t.Errorf("%v: %v", row.claims, err)
		} else if got := claims.Roles(); !slices.Equal(got, row.want) {
			t.Errorf("%v: got roles %q, want %q", row.claims, got, row.want)
		}
	}
}

// TestIssuerAdvice wants the log of another issuer's token to say what people
// overlook.
func TestIssuerAdvice(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	const tenant = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
	v1, v2 := "https://sts.windows.net/"+tenant+"/", "https://login.microsoftonline.com/"+tenant+"/v2.0"
	for _, row := range []struct {
		profile         bearer.Profile
		configured, iss string
		want            string
	}{
		{bearer.Auth0, "https://login.acme.example", "https://login.acme.example/", "the slash at the end counts"},
		{bearer.Kinde, "https://login.acme.example/", "https://login.acme.example", "the slash at the end counts"},
		{bearer.EntraV2, v2, v1, "accessTokenAcceptedVersion"},
		{bearer.EntraV1, v1, v2, "EntraV2"},
		{bearer.Okta, "https://acme.okta.com/oauth2/default", "https://acme.okta.com", "org authorization server"},
		{bearer.Keycloak, "http://keycloak:8080/realms/r", "https://login.acme.example/realms/r", ""},
	} {
		v, err := bearer.New(bearer.Config{Issuer: row.configured, Audience: []string{"a"}, Keys: &jwks.Set{}, Profile: row.profile})
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(t.Context(), issuer.Token(members{"iss": row.iss}))
		_, advice, _ := strings.Cut(err.Error(), strconv.Quote(row.configured))
		if reasonOf(t, err) != bearer.WrongIssuer || (advice == "") != (row.want == "") || !strings.Contains(advice, row.want) {
			t.Errorf("%s: got %v, want %q with the advice %q", row.profile.Name, err, bearer.WrongIssuer, row.want)
		}
	}
}

// TestAudienceText wants the log to say which claim was looked at.
func TestAudienceText(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Profile{Audience: []string{"aud", "/app/id"}} })
	for _, row := range []struct {
		claims members
		want   string
	}{
		{members{"aud": "x"}, `"aud" is ["x"], and want one of ["deployment-api"]`},
		{members{"aud": []string{"x", "y"}}, `"aud" is ["x" "y"], and want one of ["deployment-api"]`},
		{members{"aud": []string{}, "app": members{"id": "x"}}, `there is no "aud", "/app/id" is ["x"], and want`},
		{members{"aud": nil, "app": members{}}, `there is no "aud" nor "/app/id", and want`},
	} {
		_, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if reasonOf(t, err) != bearer.WrongAudience || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: got %v, want %s", row.claims, err, row.want)
		}
	}
}
