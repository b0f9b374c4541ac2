package bearer_test

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// fixture describes a token of a real issuer. The claims are from the documentation of the
// issuer or from a real token.
type fixture struct {
	Name     string         `json:"name"`
	Profile  string         `json:"profile"`
	Issuer   string         `json:"issuer"` // Config.Issuer; empty means "iss"
	Audience []string       `json:"audience"`
	Tenants  []string       `json:"tenants"` // Config.Tenants; nil for most issuers
	Header   map[string]any `json:"header"`
	Claims   map[string]any `json:"claims"`
	Scopes   []string       `json:"scopes"`
	ClientID string         `json:"client_id"`
	Roles    []string       `json:"roles"`
	Refused  string         `json:"refused"` // a reason, or "configuration" if New returns an error
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

// profile returns the fixture's profile.
func (f *fixture) profile(t *testing.T) bearer.Profile {
	t.Helper()
	return profileNamed(t, f.Profile)
}

// issuer returns Config.Issuer.
func (f *fixture) issuer() string {
	iss, _ := f.Claims["iss"].(string)
	return cmp.Or(f.Issuer, iss)
}

// TestFixtures tests that testdata/issuers.json has at least one accepted token for each
// profile.
func TestFixtures(t *testing.T) {
	accepted := map[string]bool{}
	for _, f := range fixtures(t) {
		if f.Profile == "" {
			t.Errorf("testdata/issuers.json: %s: got no \"profile\", want one", f.Name)
		}
		if f.Refused == "" {
			accepted[f.profile(t).Name] = true
		}
	}
	for name, p := range builtIn(t) {
		if p.Name != "" && !accepted[p.Name] {
			t.Errorf("testdata/issuers.json: there is no token that profile %s accepts; "+
				"add a token from the issuer's documentation, with \"profile\": %q and \"refused\": \"\"", p.Name, name)
		}
	}
}

// fixtureKey signs all fixtures, because generating an RSA key for each fixture takes seconds.
var fixtureKey = sync.OnceValue(func() *bearertest.Key { return bearertest.NewKey("RS256", "k") })

// token signs the fixture with fixtureKey and sleeps in virtual time until the token is valid.
// It returns the token and a key set with the public key.
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

// TestIssuers verifies the tokens of real issuers, each with the profile of its issuer.
func TestIssuers(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				v, err := bearer.New(bearer.Config{
					Issuer: f.issuer(), Audience: f.Audience, Tenants: f.Tenants, Keys: keys, Profile: f.profile(t),
				})
				if f.Refused == "configuration" {
					if err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
						t.Errorf("New: got error %v, want an error about Config.Issuer", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				claims, err := v.Verify(t.Context(), token)
				if got := reasonOf(t, err); string(got) != f.Refused {
					t.Fatalf("got reason %q, want %q; error: %v", got, f.Refused, err)
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

// TestProfilesAreStrict changes or removes one header member or claim of a fixture, and
// compares the reason of the verdict.
func TestProfilesAreStrict(t *testing.T) {
	byName := map[string]fixture{}
	for _, f := range fixtures(t) {
		byName[f.Name] = f
	}
	for _, row := range []struct {
		fixture, where, member string
		value                  any // nil removes the member
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
		{"entra-b2c-user-official-sample", "claims", "scp", nil, bearer.InvalidClaims},
		{"entra-b2c-user-official-sample", "claims", "azp", nil, bearer.InvalidClaims},
		{"entra-b2c-user-official-sample", "claims", "ver", "2.0", bearer.InvalidClaims},
		{"entra-b2c-user-official-sample", "claims", "at_hash", "x", bearer.InvalidClaims},
		{"entra-b2c-user-official-sample", "claims", "nonce", nil, ""},
		{"entra-b2c-user-official-sample", "claims", "tfp", nil, ""},
		{"entra-b2c-user-official-sample", "claims", "aud", "38307aee-303c-4fff-8087-d8d2c0ffee01", bearer.WrongAudience},
		{"entra-b2c-user-official-sample", "header", "typ", nil, bearer.WrongType},
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
		{"stytch-m2m", "claims", "https://stytch.com/session", map[string]any{"id": "session-test-x"}, bearer.InvalidClaims},
		{"stytch-m2m", "claims", "https://stytch.com/organization", map[string]any{"organization_id": "organization-test-x"}, bearer.InvalidClaims},
		{"stytch-m2m", "claims", "client_id", "connected-app-test-d731954d-dab3-4a2b-bdee-07f3ad1be888", bearer.InvalidClaims},
		{"stytch-m2m", "claims", "nonce", "x", bearer.InvalidClaims},
		{"kinde-m2m-org", "claims", "azp", nil, bearer.InvalidClaims},
		{"github-actions-oidc", "claims", "repository_id", nil, bearer.InvalidClaims},
		{"kubernetes-bound-service-account", "claims", "kubernetes.io", nil, bearer.InvalidClaims},
		{"kubernetes-bound-service-account", "claims", "aud", nil, bearer.WrongAudience},
		{"lemonldap-jwt-access-token", "claims", "sub", nil, bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "client_id", nil, bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "iat", nil, bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "jti", nil, bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "azp", "deployer", bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "nonce", "x", bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "at_hash", "x", bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "c_hash", "x", bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "s_hash", "x", bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "events", map[string]any{}, bearer.InvalidClaims},
		{"lemonldap-jwt-access-token", "claims", "auth_time", 1700000000, ""}, // RFC 9068, section 2.2.1
		{"lemonldap-jwt-access-token", "header", "typ", nil, bearer.WrongType},
		{"lemonldap-jwt-access-token", "header", "typ", "at+jwt", ""},
		{"lemonldap-jwt-access-token", "header", "typ", "logout+jwt", bearer.WrongType},
		{"adfs-user-groups-and-scopes", "claims", "iss", "https://fs.example.com/adfs", bearer.WrongIssuer},
		{"adfs-user-groups-and-scopes", "claims", "ver", "2.0", bearer.InvalidClaims},
		{"adfs-user-groups-and-scopes", "claims", "apptype", nil, bearer.InvalidClaims},
		{"adfs-user-groups-and-scopes", "claims", "appid", nil, bearer.InvalidClaims},
		{"adfs-user-groups-and-scopes", "claims", "nonce", "x", bearer.InvalidClaims},
		{"adfs-user-groups-and-scopes", "claims", "at_hash", "x", bearer.InvalidClaims},
		{"oracle-idcs-client", "claims", "tok_type", "IT", bearer.InvalidClaims},
		{"oracle-idcs-client", "claims", "tok_type", nil, bearer.InvalidClaims},
		{"oracle-idcs-client", "claims", "tenant", nil, bearer.InvalidClaims},
		{"oracle-idcs-client", "claims", "tenant", "idcs-00000000000000000000000000000000", bearer.InvalidClaims},
		{"oracle-idcs-client", "claims", "iss", "https://identity.oraclecloud.com", bearer.WrongIssuer},
		{"oracle-idcs-client", "header", "typ", "JWT", ""},
		{"spire-jwt-svid", "header", "typ", "at+jwt", bearer.WrongType},
		{"spire-jwt-svid", "header", "typ", "wit+jwt", bearer.WrongType},
		{"spire-jwt-svid", "header", "typ", "JOSE", ""},
		{"spire-jwt-svid", "header", "typ", nil, ""},
		{"spire-jwt-svid", "header", "kid", nil, ""},
		{"spire-jwt-svid", "claims", "aud", nil, bearer.WrongAudience},
		{"spire-jwt-svid", "claims", "exp", nil, bearer.InvalidClaims},
		{"spire-jwt-svid", "claims", "iss", "https://other.example", ""},
		{"spire-jwt-svid", "claims", "iss", 7, bearer.WrongIssuer},
		{"spire-jwt-svid", "claims", "sub", nil, bearer.WrongIssuer},
		{"spire-jwt-svid", "claims", "sub", "spiffe://example.com/ns/production/sa/openai-wif", bearer.WrongIssuer},
		{"spire-jwt-svid", "claims", "sub", "spiffe://example.org", bearer.InvalidClaims},
		{"spire-jwt-svid", "claims", "cnf", map[string]any{"kid": "x"}, bearer.WrongBinding},
		{"spire-jwt-svid-with-issuer", "claims", "iss", nil, ""},
	} {
		t.Run(row.fixture+" "+row.member, func(t *testing.T) {
			f, ok := byName[row.fixture]
			if !ok {
				t.Fatalf("there is no fixture %q, want one", row.fixture)
			}
			issuer := f.issuer()
			members := map[string]map[string]any{"header": f.Header, "claims": f.Claims}[row.where]
			original, had := members[row.member]
			defer func() {
				if members[row.member] = original; !had {
					delete(members, row.member)
				}
			}()
			if members[row.member] = row.value; row.value == nil {
				delete(members, row.member)
			}
			synctest.Test(t, func(t *testing.T) {
				token, keys := f.token(t)
				v, err := bearer.New(bearer.Config{Issuer: issuer, Audience: f.Audience, Tenants: f.Tenants, Keys: keys, Profile: f.profile(t)})
				if err != nil {
					t.Fatal(err)
				}
				claims, err := v.Verify(t.Context(), token)
				if got := reasonOf(t, err); got != row.want {
					t.Fatalf("got reason %q, want %q; error: %v", got, row.want, err)
				}
				if err == nil && f.Profile == "Google" && claims.Scopes().Len() != 0 {
					t.Errorf("got scopes %q, want none, because Google's tokens have no scopes", claims.Scopes())
				}
			})
		})
	}
}
