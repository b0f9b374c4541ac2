package scalekit_test

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// registration is the request body of the vendor's quickstart for machine clients.
const registration = `{
    "name": "GitHub Actions Deployment Service",
    "description": "Service account for GitHub Actions to deploy applications to production",
    "custom_claims": [
        {
            "key": "github_repository",
            "value": "acmecorp/inventory-service"
        },
        {
            "key": "environment",
            "value": "production_us"
        }
    ],
    "scopes": [
        "deploy:applications",
        "read:deployments"
    ],
    "audience": [
        "deployment-api.acmecorp.com"
    ],
    "expiry": 3600
}`

// sampleResponse is the response in the vendor's quickstart.
const sampleResponse = `{
    "client": {
        "client_id": "m2morg_68315758685323697",
        "secrets": [
            {
                "id": "sks_68315758802764209",
                "create_time": "2025-04-16T06:56:05.360Z",
                "update_time": "2025-04-16T06:56:05.367190455Z",
                "secret_suffix": "UZ0X",
                "status": "ACTIVE",
                "last_used_time": "2025-04-16T06:56:05.360Z"
            }
        ],
        "name": "GitHub Actions Deployment Service",
        "description": "Service account for GitHub Actions to deploy applications to production",
        "organization_id": "org_59615193906282635",
        "create_time": "2025-04-16T06:56:05.290Z",
        "update_time": "2025-04-16T06:56:05.292145150Z",
        "scopes": ["deploy:applications", "read:deployments"],
        "audience": ["deployment-api.acmecorp.com"],
        "custom_claims": [
            {"key": "github_repository", "value": "acmecorp/inventory-service"},
            {"key": "environment", "value": "production_us"}
        ]
    },
    "plain_secret": "test_ly8G57h0ErRJSObJI6dShkoaq6bigo11Dxcfa6reKG1kKNVbqBKW4H5Ctmb5UZ0X"
}`

// valuePatterns contains the patterns of generated values. The values in the sample and the
// values in the response must match these patterns.
var valuePatterns = map[string]*regexp.Regexp{
	"client_id":       regexp.MustCompile(`^m2morg_[0-9]{17,18}$`),
	"id":              regexp.MustCompile(`^sks_[0-9]{17,18}$`),
	"organization_id": regexp.MustCompile(`^org_[0-9]{17,18}$`),
	"create_time":     regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z$`),
	"update_time":     regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z$`),
	"last_used_time":  regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(\d{3}|\d{6}|\d{9}))?Z$`),
	"secret_suffix":   regexp.MustCompile(`^[A-Za-z0-9]{4}$`),
	"plain_secret":    regexp.MustCompile(`^test_[A-Za-z0-9]{64}$`),
}

// compareWithSample compares each member of a response with the sample. Generated values
// must match the pattern in valuePatterns. All other values must be equal.
func compareWithSample(t *testing.T, path string, got, want any) {
	t.Helper()
	name := path[strings.LastIndexByte(path, '.')+1:]
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: got value %v, want an object", path, got)
			return
		}
		for name := range want {
			if _, ok := members[name]; !ok {
				t.Errorf("the response does not contain %s.%s, but the sample contains it", path, name)
				continue
			}
			compareWithSample(t, path+"."+name, members[name], want[name])
		}
		for name := range members {
			if _, ok := want[name]; !ok && path+"."+name != "$.client.expiry" {
				t.Errorf("the response contains %s.%s, but the sample does not contain it", path, name)
			}
		}
	case []any:
		elements, ok := got.([]any)
		if !ok || len(elements) != len(want) {
			t.Errorf("%s: got value %v, want an array with %d elements", path, got, len(want))
			return
		}
		for n := range want {
			compareWithSample(t, path, elements[n], want[n])
		}
	case string:
		value, _ := got.(string)
		if form := valuePatterns[name]; form == nil && value != want || form != nil && (!form.MatchString(value) || !form.MatchString(want)) {
			t.Errorf("%s: got value %v, want a value with the form of %q", path, got, want)
		}
	default:
		if got != want {
			t.Errorf("%s: got value %v, want value %v", path, got, want)
		}
	}
}

func TestQuickstart(t *testing.T) {
	env := startEnvironment(t)
	created := env.postClient(t, registration)
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("got status %s with body %v, want status 201", created.Status, created.members)
	}
	compareWithSample(t, "$", created.members, object(t, []byte(sampleResponse)))
	plain := text(t, created.members, "plain_secret")
	client, _ := created.members["client"].(map[string]any)
	secrets, _ := client["secrets"].([]any)
	first, _ := secrets[0].(map[string]any)
	if first["secret_suffix"] != plain[len(plain)-4:] || client["organization_id"] != env.OrganizationID || client["expiry"] != "3600" {
		t.Errorf("got suffix %v for a secret of %d characters, organization %v and expiry %v, want the last 4 characters as the suffix, the environment's organization and expiry 3600", first["secret_suffix"], len(plain), client["organization_id"], client["expiry"])
	}
	id := text(t, client, "client_id")

	// The vendor's quickstart calls curl with three -d options. curl joins the values of
	// the options to this request body.
	form := "grant_type=client_credentials&client_id=" + id + "&client_secret=" + plain
	granted := env.sendRequest(t, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", form)
	token := text(t, granted.members, "access_token")
	want := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600.0, "scope": "deploy:applications read:deployments"}
	if granted.StatusCode != http.StatusOK || !reflect.DeepEqual(granted.members, want) {
		t.Errorf("got status %s with body %v, want status 200 with body %v", granted.Status, granted.members, want)
	}
	checkToken(t, env, token, id)

	if strings.Contains(env.Dump(), plain) {
		t.Error("the state contains the plain text of the secret")
	}
}

// checkToken checks the header of a token, the claims of the token and the published key.
func checkToken(t *testing.T, env environment, token, id string) {
	t.Helper()
	var claims jwt.MapClaims
	parsed, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) {
		return env.Issuer().Keys()[0].Public(), nil
	}, jwt.WithValidMethods([]string{"RS256"}))
	if err != nil {
		t.Fatal(err)
	}
	kid, _ := parsed.Header["kid"].(string)
	if parsed.Header["typ"] != "JWT" || len(parsed.Header) != 3 || !regexp.MustCompile(`^snk_[0-9]{17,18}$`).MatchString(kid) {
		t.Errorf("got header %v, want a header with alg, typ JWT and kid only", parsed.Header)
	}
	jti, _ := claims["jti"].(string)
	iat, _ := claims["iat"].(float64)
	if !regexp.MustCompile(`^tkn_[0-9]{17,18}$`).MatchString(jti) || time.Since(time.Unix(int64(iat), 0)) > time.Minute {
		t.Errorf("got jti %q and iat %v, want tkn_ with 17 or 18 digits as jti and the current time as iat", jti, iat)
	}
	want := jwt.MapClaims{
		"iss": env.url, "sub": id, "client_id": id, "oid": env.OrganizationID,
		"iat": iat, "nbf": iat, "exp": iat + 3600, "jti": jti,
		"aud":           []any{"deployment-api.acmecorp.com"},
		"scopes":        []any{"deploy:applications", "read:deployments"},
		"scope":         "deploy:applications read:deployments",
		"custom_claims": map[string]any{"github_repository": "acmecorp/inventory-service", "environment": "production_us"},
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("got claims  %v\nwant claims %v", claims, want)
	}
	keys := env.sendRequest(t, http.MethodGet, "/keys", "", "")
	published, _ := keys.members["keys"].([]any)
	jwk, _ := published[0].(map[string]any)
	if len(published) != 1 || jwk["kid"] != kid || jwk["alg"] != "RS256" || jwk["use"] != "sig" || jwk["kty"] != "RSA" || jwk["e"] != "AQAB" || len(jwk) != 6 {
		t.Errorf("got keys %v, want only the public RSA key with kid %s", keys.members, kid)
	}
}

func TestMetadata(t *testing.T) {
	env := startEnvironment(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		got := env.sendRequest(t, http.MethodGet, path, "", "").members
		if got["issuer"] != env.url || got["jwks_uri"] != env.url+"/keys" || got["token_endpoint"] != env.url+"/oauth/token" ||
			got["authorization_endpoint"] != env.url+"/oauth/authorize" {
			t.Errorf("%s: got metadata %v, want the URLs of %s", path, got, env.url)
		}
		if want := []any{"code"}; !reflect.DeepEqual(got["response_types_supported"], want) { // the vendor's value
			t.Errorf("%s: got response types %v, want %v", path, got["response_types_supported"], want)
		}
	}
}
