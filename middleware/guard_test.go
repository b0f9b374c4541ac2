package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestNewReportsAll(t *testing.T) {
	claim := func(*bearer.Claims) string { return "" }
	_, err := middleware.New((*bearer.JWTVerifier)(nil), &middleware.Options{
		Realm:    "a\"b",
		Resource: "http://api.example",
		Metadata: map[string]any{
			"scopes_supported": []string{"x"}, "jwks_uri": "http://api.example", "authorization_servers": []string{},
			"resource_signing_alg_values_supported": []string{"none"}, "resource_name": func() {},
		},
		Headers: map[string]func(*bearer.Claims) string{"X_Subject": claim, "Connection": claim, "X-A": nil, "X-B": claim, "x-b": claim, "": claim},
	})
	if err == nil {
		t.Fatal("got no error, want an error")
	}
	for _, want := range []string{
		"verifier: nil", "Options.Realm", `Options.Resource: "http://api.example": must be https`, `"scopes_supported"`, `"jwks_uri"`,
		`"authorization_servers"`, `without "none"`, "unsupported type", `"X_Subject"`, `"Connection"`, `"X-A": the function is nil`, `"x-b": this field is declared twice`, `Options.Headers: ""`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestNewResource(t *testing.T) {
	for _, row := range []struct{ resource, want string }{
		{"https://api.example", ""},
		{"https://api.example/a/b?x=1", ""},
		{"http://127.0.0.1:8080/mcp", ""},
		{"http://[::1]:8080/mcp", ""},
		{"http://localhost", ""},
		{"http://api.example", "https"},
		{"https://api.example#f", "fragment"},
		{"https://api.example/#", "fragment"},
		{"https://user@api.example", "absolute URL"},
		{"api.example", "absolute URL"},
		{"https:///path", "absolute URL"},
		{"https://api.example/a//b", "must be clean"},
		{"https://api.example/{a}", "must be clean"},
		{"https://api.example/a%2fb", "must be clean"},
		{"urn:api", "absolute URL"},
	} {
		_, err := middleware.New(new(bearer.JWTVerifier), &middleware.Options{Resource: row.resource})
		if (err == nil) != (row.want == "") || (err != nil && !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want an error with %q", row.resource, err, row.want)
		}
	}
	b := newFixture(t, nil)
	_, err := middleware.New(routertest.Verifier(t, b.issuer, nil), &middleware.Options{Resource: "https://other.example"})
	if err == nil || !strings.Contains(err.Error(), "audience") {
		t.Errorf("got %v, want an error about the audience", err)
	}
}

func TestNilTableDeniesAll(t *testing.T) {
	b := newFixture(t, nil)
	for name, h := range map[string]http.Handler{
		"Enforce(nil)": b.guard.Enforce(nil)(unreachable(t)), "Enforce(zero)": b.guard.Enforce(new(scopes.Table))(unreachable(t)),
		"Require(zero)": b.guard.Require(scopes.Rule{})(unreachable(t)),
	} {
		if w := serve(h, b.request(http.MethodGet, "/", "x")); w.Code != http.StatusForbidden {
			t.Errorf("%s: got status %d, want status 403", name, w.Code)
		}
		if w := serve(h, httptest.NewRequest(http.MethodGet, "/", http.NoBody)); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: got status %d, want status 401", name, w.Code)
		}
	}
}

func TestCheckWritesNothing(t *testing.T) {
	b := newFixture(t, nil)
	r := b.request(http.MethodGet, "/", "x")
	before := r.Header.Clone()
	allowed, err := b.guard.Check(r, scopes.All("x"))
	if err != nil {
		t.Fatal(err)
	}
	if claims, found := bearer.FromContext(allowed.Context()); !found || claims.ClientID() != "ci" {
		t.Errorf("got the claims %v, want the claims of the client ci", claims)
	}
	if _, found := bearer.FromContext(r.Context()); found || len(r.Header) != len(before) {
		t.Error("got a changed outer request, want no change")
	}
	if allowed, err := b.guard.Check(r, scopes.Public()); err != nil || allowed != r {
		t.Errorf("public: got the request %p and error %v, want the request %p and no error", allowed, err, r)
	}
	if _, err := b.guard.Check(r, scopes.All("y")); !errors.Is(err, bearer.MissingScope) {
		t.Errorf("got error %v, want the reason %v", err, bearer.MissingScope)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := newFixture(t, nil)
	h := b.guard.Enforce(routertest.Table())(http.HandlerFunc(writeCaller))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			scope := []string{"read:deployments", "other"}[i%2]
			for range 20 {
				w := serve(h, b.request(http.MethodGet, "/deployments", scope))
				if want := []int{200, 403}[i%2]; w.Code != want {
					t.Errorf("got status %d, want status %d", w.Code, want)
				}
				_ = b.guard.Require(scopes.All(scope))
				_ = b.guard.Routes()
			}
		})
	}
	wg.Wait()
}

// TestLongHeaderIsCheap checks the memory for the refusal of a field of 64 KiB. The guard may
// allocate at most 1 KiB more than for the refusal of a short field.
func TestLongHeaderIsCheap(t *testing.T) {
	guard := refuser(t, bearer.Malformed, nil)
	cost := func(value string) uint64 {
		const n = 100
		r := httptest.NewRequest(http.MethodGet, "/deployments", http.NoBody)
		r.Header.Set("Authorization", value)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			if _, err := guard.Check(r, scopes.All("x")); err == nil {
				t.Fatal("got no error, want a refusal")
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / n
	}
	short := cost("Bearer x")
	for _, value := range []string{"Bearer " + strings.Repeat("A", 64<<10), "Bearer " + strings.Repeat(".", 64<<10), "Basic " + strings.Repeat("A", 64<<10), strings.Repeat("a, ", 22<<10), "Bearer" + strings.Repeat(" ", 64<<10)} {
		if long := cost(value); long > short+1024 {
			t.Errorf("value that begins with %.10q: got %d allocated bytes per request, want at most %d", value, long, short+1024)
		}
	}
}

func TestVerifierPanics(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { panic("secret") }), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer x")
	w := serve(guard.Require(scopes.All())(unreachable(t)), r)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("got status %d and body %s, want status 500 and a body without the text of the panic", w.Code, w.Body)
	}
}

func BenchmarkRequire(b *testing.B) {
	f := newFixture(b, nil)
	claims := f.issuer.Token(map[string]any{"aud": routertest.Audience, "scope": "x"})
	for name, rule := range map[string]scopes.Rule{"public": scopes.Public(), "scope": scopes.All("x")} {
		b.Run(name, func(b *testing.B) {
			h := f.guard.Require(rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r, w := httptest.NewRequest(http.MethodGet, "/", http.NoBody), httptest.NewRecorder()
			r.Header.Set("Authorization", "Bearer "+claims)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
