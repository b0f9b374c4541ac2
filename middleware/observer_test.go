package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestOptionsObserver checks that Options.Observer receives each outcome once, and that the
// verifier's observer receives no outcome.
func TestOptionsObserver(t *testing.T) {
	b := newFixture(t, nil)
	v, err := bearer.New(bearer.Config{Issuer: b.issuer.URL(), Audience: []string{"https://deployments.example"}, Observer: b.events})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for name, verifier := range map[string]bearer.Verifier{"a verifier": v, "a function that calls a verifier": bearer.VerifierFunc(v.Verify)} {
		events := new(testkit.Recorder)
		guard, err := middleware.New(verifier, &middleware.Options{Observer: events})
		if err != nil {
			t.Fatal(err)
		}
		var table scopes.Table
		table.Handle("GET /x", scopes.All("x"))
		next := http.HandlerFunc(writeCaller)
		forward := func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("X-Forwarded-Method", r.Method)
			r.Header.Set("X-Forwarded-Uri", r.URL.Path)
			guard.ForwardAuth(&table).ServeHTTP(w, r)
		}
		for how, h := range map[string]http.Handler{
			"Require": guard.RequireAt("GET /x", scopes.All("x"))(next), "Enforce": guard.Enforce(&table)(next), "ForwardAuth": http.HandlerFunc(forward),
		} {
			for _, row := range []struct {
				r    *http.Request
				want bearer.Reason
			}{
				{b.request(http.MethodGet, "/x", "x"), ""},
				{b.request(http.MethodGet, "/x", "y"), bearer.MissingScope},
				{httptest.NewRequest(http.MethodGet, "/x", http.NoBody), bearer.NoToken},
			} {
				serve(h, row.r)
				got := events.Take()
				if len(got) != 1 || got[0].Reason != row.want || got[0].Transport != "http" || got[0].Route != "GET /x" {
					t.Errorf("%s, %s: got %+v, want one event with the reason %q", name, how, got, row.want)
				}
				if got := b.events.Take(); len(got) != 0 {
					t.Errorf("%s, %s: got %+v in the verifier's observer, want no event", name, how, got)
				}
			}
		}
		if serve(guard.Require(scopes.Public())(next), httptest.NewRequest(http.MethodGet, "/", http.NoBody)); len(events.Take()) != 0 {
			t.Errorf("%s: got an event for a public route, want no event", name)
		}
	}
}

// TestNilObserver checks that New returns an error if the observer is nil, is an empty list
// or contains nil.
func TestNilObserver(t *testing.T) {
	for name, observer := range map[string]bearer.Observer{"pointer": (*testkit.Recorder)(nil), "function": bearer.ObserverFunc(nil), "list": bearer.Observers{nil}, "empty list": bearer.Observers{}} {
		_, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Observer: observer})
		if err == nil || !strings.Contains(err.Error(), "Options.Observer") {
			t.Errorf("%s: got %v, want an error about Options.Observer", name, err)
		}
	}
	if _, err := middleware.New(bearer.VerifierFunc(refuseAll), &middleware.Options{Observer: bearer.ObserverFunc(func(context.Context, bearer.Event) {})}); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}
