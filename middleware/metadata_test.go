package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// fetchDocument fetches a metadata document, checks the response fields and returns the
// members of the document.
func fetchDocument(t *testing.T, h http.Handler, target string) map[string]any {
	t.Helper()
	w := serve(h, httptest.NewRequest(http.MethodGet, target, http.NoBody))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Header().Get("Cache-Control"), "max-age=") {
		t.Fatalf("got status %d, the header %v and the body %s, want status 200 and JSON that caches may keep", w.Code, w.Header(), w.Body)
	}
	var members map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestMetadata(t *testing.T) {
	b := newFixture(t, &middleware.Options{Resource: routertest.Audience, Metadata: map[string]any{"resource_name": "Deployments", "resource_name#de": "Verteilung"}})
	pattern, handler := b.guard.Metadata()
	if pattern != "/.well-known/oauth-protected-resource" {
		t.Errorf("got pattern %q, want /.well-known/oauth-protected-resource", pattern)
	}
	want := map[string]any{
		"resource": routertest.Audience, "authorization_servers": []any{b.issuer.URL()}, "bearer_methods_supported": []any{"header"},
		"resource_name": "Deployments", "resource_name#de": "Verteilung",
	}
	if got := fetchDocument(t, handler, pattern); !reflect.DeepEqual(got, want) {
		t.Errorf("without rules: got %v, want %v", got, want)
	}
	// The document lists the scopes of all rules that were declared so far.
	_ = b.guard.Require(scopes.And(scopes.All("b"), scopes.Any("c", "a")))
	_ = b.guard.Require(scopes.All("b", "c"))
	_ = b.guard.Require(scopes.Public())
	want["scopes_supported"] = []any{"a", "b", "c"}
	middleware.AgeMetadata(b.guard, time.Second)
	if got := fetchDocument(t, handler, pattern); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var table scopes.Table
	_ = b.guard.Enforce(&table)
	table.Handle("/d", scopes.ReportOnly(scopes.All("d")))
	want["scopes_supported"] = []any{"a", "b", "c", "d"}
	middleware.AgeMetadata(b.guard, time.Second)
	if got := fetchDocument(t, handler, pattern); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// A client that follows the document gets a token that the guard accepts. The token
	// comes from the listed authorization server, names the resource, and has listed scopes.
	token := b.issuer.Token(map[string]any{"aud": want["resource"], "scope": "b c"})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	if w := serve(b.guard.Require(scopes.And(scopes.All("b"), scopes.Any("c", "a")))(http.HandlerFunc(writeCaller)), r); w.Code != http.StatusOK {
		t.Errorf("got status %d and body %s, want status 200", w.Code, w.Body)
	}
}

func TestMetadataPaths(t *testing.T) {
	for _, row := range []struct{ resource, pattern, target, url string }{
		{"https://h", "/.well-known/oauth-protected-resource", "", "https://h/.well-known/oauth-protected-resource"},
		{"https://h/", "/.well-known/oauth-protected-resource", "", "https://h/.well-known/oauth-protected-resource"},
		{"https://h:8443/a/b", "/.well-known/oauth-protected-resource/a/b", "", "https://h:8443/.well-known/oauth-protected-resource/a/b"},
		{"https://h/a/", "/.well-known/oauth-protected-resource/a/{$}", "/.well-known/oauth-protected-resource/a/", "https://h/.well-known/oauth-protected-resource/a/"},
		{"https://h/a?k=v", "/.well-known/oauth-protected-resource/a", "/.well-known/oauth-protected-resource/a?k=v", "https://h/.well-known/oauth-protected-resource/a?k=v"},
	} {
		guard := refuser(t, bearer.Malformed, &middleware.Options{Resource: row.resource})
		mux := http.NewServeMux()
		mux.Handle(guard.Metadata())
		if pattern, _ := guard.Metadata(); pattern != row.pattern {
			t.Errorf("%s: got pattern %q, want pattern %q", row.resource, pattern, row.pattern)
		}
		target := row.target
		if target == "" {
			target = row.pattern
		}
		if got := fetchDocument(t, mux, target); got["resource"] != row.resource {
			t.Errorf("got %v, want resource %q", got, row.resource)
		}
		if w := serve(mux, httptest.NewRequest(http.MethodGet, target+"x", http.NoBody)); w.Code != http.StatusNotFound {
			t.Errorf("%s: got status %d, want status 404", target+"x", w.Code)
		}
		// The challenge contains the URL of the document and the scopes to request.
		w := serve(guard.Require(scopes.All("a", "b"))(unreachable(t)), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		if got, want := w.Header().Get("WWW-Authenticate"), `Bearer resource_metadata="`+row.url+`", scope="a b"`; got != want {
			t.Errorf("got challenge %q, want challenge %q", got, want)
		}
	}
}

func TestMetadataMethods(t *testing.T) {
	guard := refuser(t, bearer.Malformed, &middleware.Options{Resource: "https://h"})
	pattern, handler := guard.Metadata()
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodHead: 200, http.MethodOptions: 204, http.MethodPost: 405} {
		w := serve(handler, httptest.NewRequest(method, pattern, http.NoBody))
		if w.Code != want || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: got status %d and the header %v, want status %d", method, w.Code, w.Header(), want)
		}
	}
	pattern, handler = refuser(t, bearer.Malformed, nil).Metadata()
	if w := serve(handler, httptest.NewRequest(http.MethodGet, pattern, http.NoBody)); w.Code != http.StatusNotFound {
		t.Errorf("without a resource: got status %d, want status 404", w.Code)
	}
}

func TestMetadataOfSeveralIssuers(t *testing.T) {
	a, b := newFixture(t, nil), newFixture(t, nil)
	var issuers bearer.Issuers
	defer issuers.Close()
	guard, err := middleware.New(&issuers, &middleware.Options{Resource: routertest.Audience})
	if err != nil {
		t.Fatal(err)
	}
	pattern, handler := guard.Metadata()
	if got := fetchDocument(t, handler, pattern)["authorization_servers"]; got != nil {
		t.Errorf("got authorization servers %v, want no servers", got)
	}
	for i, issuer := range []string{a.issuer.URL(), b.issuer.URL()} {
		if err := issuers.Add(bearer.Config{Issuer: issuer, Audience: []string{routertest.Audience}}); err != nil {
			t.Fatal(err)
		}
		middleware.AgeMetadata(guard, time.Second)
		if got, _ := fetchDocument(t, handler, pattern)["authorization_servers"].([]any); len(got) != i+1 {
			t.Errorf("got authorization servers %v, want %d servers", got, i+1)
		}
	}
	issuers.Remove(a.issuer.URL())
	middleware.AgeMetadata(guard, time.Second)
	if got, want := fetchDocument(t, handler, pattern)["authorization_servers"], []any{b.issuer.URL()}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The authorization server publishes its metadata at a URL that differs from "iss".
	guard, err = middleware.New(&issuers, &middleware.Options{Resource: routertest.Audience, Metadata: map[string]any{"authorization_servers": []string{"https://as.example/resources/1"}}})
	if err != nil {
		t.Fatal(err)
	}
	pattern, handler = guard.Metadata()
	if got, want := fetchDocument(t, handler, pattern)["authorization_servers"], []any{"https://as.example/resources/1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// countingVerifier counts the calls of AuthorizationServers.
type countingVerifier struct {
	bearer.VerifierFunc
	servers []string
	calls   atomic.Int32
}

func (*countingVerifier) Audience() []string { return nil }

func (v *countingVerifier) AuthorizationServers() []string {
	v.calls.Add(1)
	return slices.Clone(v.servers)
}

// TestMetadataIsBuiltOncePerSecond sends concurrent requests to a service with many issuers and
// routes. Requests need no token, so the guard must build the document at most once per second.
func TestMetadataIsBuiltOncePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &countingVerifier{}
		for i := range 2000 {
			v.servers = append(v.servers, fmt.Sprintf("https://%04d.example", i))
		}
		guard, err := middleware.New(v, &middleware.Options{Resource: "https://h"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			_ = guard.Require(scopes.All(fmt.Sprint("scope", i)))
		}
		pattern, handler := guard.Metadata()
		before := v.calls.Load()
		for second := range int32(3) {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if got, _ := fetchDocument(t, handler, pattern)["authorization_servers"].([]any); len(got) != 2000 {
						t.Errorf("got %d authorization servers, want 2,000", len(got))
					}
				})
			}
			all.Wait()
			if got := v.calls.Load() - before; got != second+1 {
				t.Errorf("after %d s: got %d documents, want %d", second, got, second+1)
			}
			time.Sleep(time.Second)
		}
		w, r := newProbe()
		r.URL.Path = pattern
		handler.ServeHTTP(w, r)
		if n := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }); n > 10 && !testkit.RaceEnabled {
			t.Errorf("got %v allocations of a request, want at most 10", n)
		}
	})
}

// TestOptionsAreCopied checks that later changes of the maps in Options do not change the
// guard.
func TestOptionsAreCopied(t *testing.T) {
	opts := &middleware.Options{
		Resource: "https://h", Metadata: map[string]any{"resource_name": "as given"},
		Headers: map[string]func(*bearer.Claims) string{"X-A": (*bearer.Claims).Subject},
	}
	guard := refuser(t, bearer.Malformed, opts)
	opts.Metadata["resource_name"], opts.Metadata["scopes_supported"], opts.Realm = "changed", "x", "\""
	delete(opts.Headers, "X-A")
	pattern, handler := guard.Metadata()
	if got := fetchDocument(t, handler, pattern); got["resource_name"] != "as given" || got["scopes_supported"] != nil {
		t.Errorf("got %v, want the members that were passed to New", got)
	}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-A", "admin")
	if allowed, err := guard.Check(r, scopes.Public()); err != nil || allowed.Header.Get("X-A") != "" {
		t.Errorf("got the error %v, want no error and a request without the client's X-A", err)
	}
}

// TestChallengeForAlternatives checks that the challenge of a 401 names one alternative of the
// rule and not all of them, because clients request everything that a challenge names.
func TestChallengeForAlternatives(t *testing.T) {
	b := newFixture(t, &middleware.Options{Resource: routertest.Audience})
	never := scopes.Func("never", func(context.Context) error { panic("called") })
	for _, row := range []struct {
		rule scopes.Rule
		want string // the end of the challenge
	}{
		{scopes.Any("read", "admin"), `, scope="read"`},
		{scopes.Or(scopes.All("a", "b"), scopes.All("c"), scopes.All("d")), `, scope="c"`},
		{scopes.And(scopes.All("a"), scopes.Any("b", "c")), `, scope="a b"`},
		{scopes.And(scopes.All("a"), never), `, scope="a"`},
		{scopes.Or(scopes.And(scopes.All("a"), never), scopes.All("b", "c")), `, scope="b c"`},
		{scopes.All(), `/.well-known/oauth-protected-resource"`},
	} {
		w := serve(b.guard.Require(row.rule)(unreachable(t)), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		if got := w.Header().Get("WWW-Authenticate"); w.Code != http.StatusUnauthorized || !strings.HasSuffix(got, row.want) {
			t.Errorf("%v: got status %d and the challenge %s, want status 401 and a challenge that ends with %s", row.rule, w.Code, got, row.want)
		}
	}
}

// TestChallengeForMissingScope checks that the challenges of a 401 and of a 403 name all scopes
// that the rule requires, even those that the token grants.
func TestChallengeForMissingScope(t *testing.T) {
	b := newFixture(t, &middleware.Options{Resource: routertest.Audience})
	h := b.guard.Require(scopes.All("a", "b"))(unreachable(t))
	const prefix = `Bearer resource_metadata="https://deployments.example/.well-known/oauth-protected-resource"`
	for auth, want := range map[string]string{
		"":                         prefix + `, scope="a b"`,
		"Bearer x":                 prefix + `, error="invalid_token", error_description="The access token is invalid", scope="a b"`,
		"Bearer x y":               prefix + `, error="invalid_request", error_description="The request must carry exactly one bearer token"`,
		"Bearer " + b.token("a c"): prefix + `, error="insufficient_scope", error_description="The access token does not allow this", scope="a b"`,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		if got := serve(h, r).Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("got challenge %s, want challenge %s", got, want)
		}
	}
}
