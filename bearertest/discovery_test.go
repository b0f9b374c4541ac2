package bearertest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
)

func TestMetadata(t *testing.T) {
	const inPath = "https://login.example/tenant"
	for _, row := range []struct {
		issuer string
		paths  []string
	}{
		{"", []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}},
		{inPath, []string{
			"/tenant/.well-known/openid-configuration", "/tenant/.well-known/oauth-authorization-server",
			"/.well-known/openid-configuration/tenant", "/.well-known/oauth-authorization-server/tenant",
		}},
		{"https://slash.example/", []string{"/.well-known/openid-configuration"}},
	} {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: row.issuer, Algorithms: []string{"ES256"}})
		for _, path := range row.paths {
			got := fetch(t, issuer.HTTPClient(), withPath(t, issuer.KeysURL(), path))
			document := object(t, got.body)
			if got.StatusCode != http.StatusOK || document["issuer"] != issuer.URL() || document["jwks_uri"] != issuer.KeysURL() || document["token_endpoint"] != issuer.TokenURL() {
				t.Errorf("%s: got status %s and body %s, want status 200 and the issuer's metadata", path, got.Status, got.body)
			}
		}
		if got := issuer.Fetches(bearertest.DiscoveryEndpoint); got != len(row.paths) {
			t.Errorf("%q: got %d metadata fetches, want %d", row.issuer, got, len(row.paths))
		}
		issuer.Close()
	}
}

func TestNewIssuer(t *testing.T) {
	for _, opts := range []*bearertest.Options{nil, {TLS: true}, {Issuer: "stytch.com/PROJECT"}} {
		issuer := bearertest.NewIssuer(opts)
		base := issuer.KeysURL()[:len(issuer.KeysURL())-len("/keys")]
		want := base
		if opts != nil && opts.Issuer != "" {
			want = opts.Issuer
		}
		if issuer.URL() != want {
			t.Errorf("got identifier %q, want %q", issuer.URL(), want)
		}
		if got := part(t, issuer.Token(nil), 1)["iss"]; got != want {
			t.Errorf("got iss %q, want %q", got, want)
		}
		for _, path := range []string{"/keys", "/.well-known/jwks.json"} {
			got := fetch(t, issuer.HTTPClient(), base+path)
			if string(got.body) != string(issuer.JWKS()) || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: got body %s with Content-Type %q, want the key set with Content-Type application/json", path, got.body, got.Header.Get("Content-Type"))
			}
		}
		if got := object(t, fetch(t, issuer.HTTPClient(), base+"/.well-known/openid-configuration").body); got["issuer"] != want || got["jwks_uri"] != issuer.KeysURL() {
			t.Errorf("got metadata %v, want issuer %q and jwks_uri %q", got, want, issuer.KeysURL())
		}
		issuer.Close()
	}
}

func TestOptionsMetadata(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Metadata: map[string]any{"jwks_uri": "https://elsewhere.example/keys", "token_endpoint": nil}})
	defer issuer.Close()
	document := object(t, issuer.Metadata())
	if _, ok := document["token_endpoint"]; ok || document["jwks_uri"] != "https://elsewhere.example/keys" {
		t.Errorf("got metadata %v, want the new jwks_uri and no token_endpoint", document)
	}
}

// TestAuthorizationEndpoint tests that the authorization endpoint refuses every request with an
// OAuth error. A redirect can send a browser to an address that the request names.
func TestAuthorizationEndpoint(t *testing.T) {
	for _, identifier := range []string{"", "https://login.example/tenant", "https://slash.example/"} {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: identifier})
		endpoint, _ := object(t, issuer.Metadata())["authorization_endpoint"].(string)
		if want := strings.TrimSuffix(issuer.TokenURL(), "/oauth/token") + "/oauth/authorize"; endpoint != want {
			t.Errorf("%q: got authorization endpoint %q, want %q", identifier, endpoint, want)
		}
		for _, query := range []string{
			"", "?response_type=code&client_id=ci&redirect_uri=https%3A%2F%2Fattacker.example%2F&state=x", "?redirect_uri=//attacker.example&prompt=none",
		} {
			for method, status := range map[string]int{http.MethodGet: 400, http.MethodHead: 400, http.MethodPost: 400, http.MethodPut: 405} {
				request, err := http.NewRequestWithContext(t.Context(), method, endpoint+query, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				got, err := do(issuer.HTTPClient(), request)
				if err != nil {
					t.Fatal(err)
				}
				_, redirects := got.Header["Location"]
				if got.StatusCode != status || redirects || strings.Contains(string(got.body), "attacker") || got.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: got status %d, header %v and body %s, want status %d, Cache-Control no-store and no redirect", method, query, got.StatusCode, got.Header, got.body, status)
				}
				if method == http.MethodHead {
					continue
				}
				want := "unauthorized_client"
				if status == http.StatusMethodNotAllowed {
					want = "invalid_request"
				}
				if document := object(t, got.body); document["error"] != want || document["error_description"] == "" {
					t.Errorf("%s %s: got body %s, want the error %s with a description", method, query, got.body, want)
				}
			}
		}
		issuer.Close()
	}
}

func TestKeysEndpointMethods(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(nil)
	defer issuer.Close()
	for method, status := range map[string]int{http.MethodHead: 200, http.MethodPost: 405, http.MethodDelete: 405} {
		request, err := http.NewRequestWithContext(t.Context(), method, issuer.KeysURL(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		got, err := do(issuer.HTTPClient(), request)
		if err != nil || got.StatusCode != status || len(got.body) != 0 {
			t.Errorf("%s: got response %v and error %v, want status %d, no body and no error", method, got.Response, err, status)
		}
	}
}
