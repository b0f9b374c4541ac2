package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestPreflight(t *testing.T) {
	var table scopes.Table
	table.Handle("POST /deployments", scopes.All("x"))
	for _, row := range []struct {
		name    string
		allow   bool
		target  string
		header  map[string]string
		body    string
		enforce int // status with Enforce
		require int // status with Require
	}{
		{"AllowPreflight is false", false, "/deployments", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "POST"}, "", 401, 401},
		{"AllowPreflight is true", true, "/deployments", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "POST"}, "", 200, 200},
		{"announced method without a rule", true, "/deployments", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "PUT"}, "", 401, 200},
		{"route without a rule", true, "/nowhere", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "POST"}, "", 401, 200},
		{"unclean path", true, "/a/../deployments", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "POST"}, "", 401, 401},
		{"no Origin field", true, "/deployments", map[string]string{"Access-Control-Request-Method": "POST"}, "", 401, 401},
		{"no announced method", true, "/deployments", map[string]string{"Origin": "https://a"}, "", 401, 401},
		{"preflight request with a body", true, "/deployments", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "POST"}, "x", 401, 401},
		{"preflight request with credentials", true, "/deployments", map[string]string{"Origin": "https://a", "Access-Control-Request-Method": "POST", "Authorization": "Basic x"}, "", 401, 401},
	} {
		b := newFixture(t, &middleware.Options{AllowPreflight: row.allow})
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, found := bearer.FromContext(r.Context()); found || r.Method != http.MethodOptions {
				t.Errorf("%s: got %s with claims %v, want OPTIONS without claims", row.name, r.Method, found)
			}
		})
		r := httptest.NewRequest(http.MethodOptions, row.target, strings.NewReader(row.body))
		for name, value := range row.header {
			r.Header.Set(name, value)
		}
		if w := serve(b.guard.Enforce(&table)(handler), r); w.Code != row.enforce {
			t.Errorf("%s, Enforce: got status %d, want status %d", row.name, w.Code, row.enforce)
		}
		if w := serve(b.guard.Require(scopes.All("x"))(handler), r); w.Code != row.require {
			t.Errorf("%s, Require: got status %d, want status %d", row.name, w.Code, row.require)
		}
		if w := serve(b.guard.Require(scopes.Rule{})(handler), r); w.Code != http.StatusUnauthorized {
			t.Errorf("%s, zero Rule: got status %d, want status 401", row.name, w.Code)
		}
	}
}

func TestExposeChallenge(t *testing.T) {
	for expose, want := range map[bool]string{false: "", true: "WWW-Authenticate"} {
		b := newFixture(t, &middleware.Options{ExposeChallenge: expose})
		w := serve(b.guard.Require(scopes.All())(unreachable(t)), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		if got := w.Header().Get("Access-Control-Expose-Headers"); got != want {
			t.Errorf("got Access-Control-Expose-Headers %q, want %q", got, want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer x")
	w := serve(refuser(t, bearer.KeysUnavailable, &middleware.Options{ExposeChallenge: true}).Require(scopes.All())(unreachable(t)), r)
	if got := w.Header().Get("Access-Control-Expose-Headers"); got != "Retry-After" {
		t.Errorf("got Access-Control-Expose-Headers %q, want Retry-After", got)
	}
}
