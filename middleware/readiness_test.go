package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
)

// TestReadiness checks the answers for two issuers. One issuer has fixed keys. The other
// issuer first has no keys, then has keys, then is down for longer than MaxStale, and then
// recovers.
func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://a.example", Algorithms: []string{"ES256"}})
		defer issuer.Close()
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
		cache, err := jwks.Discover(issuer.URL(), &jwks.Options{Transport: issuer.Transport(), MaxStale: time.Hour, MaxInterval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		fixed, err := jwks.Parse(issuer.JWKS())
		if err != nil {
			t.Fatal(err)
		}
		var issuers bearer.Issuers
		defer issuers.Close()
		for _, cfg := range []bearer.Config{
			{Issuer: issuer.URL(), Audience: []string{"api"}, Keys: cache},
			{Issuer: "https://b.example", Audience: []string{"api"}, Keys: fixed},
		} {
			if err := issuers.Add(cfg); err != nil {
				t.Fatal(err)
			}
		}
		all := newReadiness(t, &issuers, nil)
		some := newReadiness(t, &issuers, &middleware.ReadinessOptions{AnyIssuer: true})
		const fixedText = `{"issuer":"https://b.example","ready":true}]}` + "\n"
		want := func(when string, status int, text string) {
			t.Helper()
			synctest.Wait()
			if got, body := probe(all, http.MethodGet); got != status || body != text+fixedText {
				t.Errorf("%s: got status %d and body %s, want status %d and body %s", when, got, body, status, text+fixedText)
			}
			if got, _ := probe(some, http.MethodGet); got != http.StatusOK {
				t.Errorf("%s, AnyIssuer: got status %d, want status %d", when, got, http.StatusOK)
			}
		}
		want("before the first keys", 503, `{"ready":false,"issuers":[{"issuer":"https://a.example","ready":false,"stale":false,"keys":0},`)
		issuer.Repair(bearertest.KeysEndpoint)
		if err := cache.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("with keys", 200, `{"ready":true,"issuers":[{"issuer":"https://a.example","ready":true,"stale":false,"keys":1,"age_seconds":0},`)
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
		issuer.Inject(bearertest.DiscoveryEndpoint, bearertest.Fault{Status: http.StatusInternalServerError})
		since := cache.Status().LastSuccess
		time.Sleep(time.Until(since.Add(30 * time.Minute)))
		want("in an outage", 200, `{"ready":true,"issuers":[{"issuer":"https://a.example","ready":true,"stale":false,"keys":1,"age_seconds":1800},`)
		time.Sleep(30 * time.Minute)
		want("in an outage longer than MaxStale", 503, `{"ready":false,"issuers":[{"issuer":"https://a.example","ready":false,"stale":true,"keys":1,"age_seconds":3600},`)
		issuer.Repair(bearertest.KeysEndpoint)
		issuer.Repair(bearertest.DiscoveryEndpoint)
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("after the outage", 200, `{"ready":true,"issuers":[{"issuer":"https://a.example","ready":true,"stale":false,"keys":1,"age_seconds":0},`)
	})
}

func newReadiness(t *testing.T, source interface{ Status() []bearer.IssuerStatus }, opts *middleware.ReadinessOptions) http.Handler {
	t.Helper()
	h, err := middleware.NewReadiness(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func probe(h http.Handler, method string) (status int, body string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/readyz", nil))
	return w.Code, w.Body.String()
}

func TestReadinessRequests(t *testing.T) {
	h := newReadiness(t, new(bearer.Issuers), nil)
	for _, row := range []struct {
		method string
		status int
		body   string
	}{
		{http.MethodGet, http.StatusServiceUnavailable, `{"ready":false,"issuers":[]}` + "\n"}, // without an issuer, no token can be verified
		{http.MethodHead, http.StatusServiceUnavailable, ""},
		{http.MethodPost, http.StatusMethodNotAllowed, "Method Not Allowed\n"},
	} {
		if status, body := probe(h, row.method); status != row.status || body != row.body {
			t.Errorf("%s: got status %d and body %q, want status %d and body %q", row.method, status, body, row.status, row.body)
		}
	}
	var none *bearer.JWTVerifier
	for _, source := range []interface{ Status() []bearer.IssuerStatus }{nil, none} {
		if _, err := middleware.NewReadiness(source, nil); err == nil {
			t.Errorf("%T: got a handler, want an error", source)
		}
	}
}
