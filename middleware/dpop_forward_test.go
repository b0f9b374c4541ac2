package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// nginx before 1.23 passes only the first field WWW-Authenticate of a refusal to the client, so that
// all challenges must be in one field.
func TestDPoPChallengesForProxies(t *testing.T) {
	for dialect, want := range map[string]int{"": 1, "ingress-nginx": 1, "caddy": 2, "haproxy": 2, "envoy": 2} {
		f := newBoundFixture(t, &middleware.Options{Dialect: dialect}, dpop.Options{}, nil)
		var rules scopes.Table
		rules.Handle("GET /orders", scopes.All("a"))
		r := httptest.NewRequest(http.MethodGet, "/orders", http.NoBody)
		for name, value := range map[string]string{
			"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders", "X-Forwarded-Host": "api.example",
			"X-Original-Method": "GET", "X-Original-Url": "https://api.example/orders", "Authorization": "DPoP " + f.bound,
		} {
			r.Header.Set(name, value)
		}
		w := serve(f.guard.ForwardAuth(&rules), r)
		const challenges = `Bearer realm="api", DPoP realm="api", error="invalid_dpop_proof", error_description="The DPoP proof is missing or invalid"` + algs
		got := w.Header().Values("WWW-Authenticate")
		if w.Code != http.StatusUnauthorized || len(got) != want || want == 1 && got[0] != challenges {
			t.Errorf("%q: got status %d and challenges %q, want 401 and %d fields", dialect, w.Code, got, want)
		}
	}
}
