package bearertest_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// newGuard returns a guard that accepts no token.
func newGuard(t *testing.T) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, &bearer.Error{Reason: bearer.Malformed, Err: errors.New("no token is valid here")}
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

// pairs returns the routes as a sequence of methods and patterns. A route without a space
// has no method.
func pairs(routes ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, route := range routes {
			method, pattern, found := strings.Cut(route, " ")
			if !found {
				method, pattern = "", route
			}
			if !yield(method, pattern) {
				return
			}
		}
	}
}

func TestUnguarded(t *testing.T) {
	guard := newGuard(t)
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /all", scopes.All(), served)
	guard.Handle(mux, "GET /scope/{id}", scopes.All("a"), served)
	guard.Handle(mux, "GET /none", scopes.Rule{}, served)
	guard.Handle(mux, "GET /public", scopes.Public(), served)
	guard.Handle(mux, "GET /public/404", scopes.Public(), status(http.StatusNotFound))
	guard.Handle(mux, "GET /public/panic", scopes.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no database") }))
	guard.Handle(mux, "GET /optional", scopes.Optional(scopes.All()), served)
	guard.Handle(mux, "GET /report", scopes.ReportOnly(scopes.All("a")), served)
	guard.Handle(mux, "GET /files/{path...}", scopes.All(), served)
	guard.Handle(mux, "GET /exact/{$}", scopes.All(), served)
	guard.Handle(mux, "api.example/host/{id}", scopes.All(), served)
	guard.Handle(mux, "GET /timeout", scopes.All(), served)
	guard.Handle(mux, "/", scopes.All(), served)
	mux.Handle("GET /open", served)
	mux.Handle("GET /open/{id}", served)
	mux.Handle("/every", served)
	mux.Handle("GET /literal:run", served)
	mux.Handle("other.example/host/{id}", served)
	mux.Handle("GET /own/401", status(http.StatusUnauthorized))
	mux.Handle("GET /own/403", status(http.StatusForbidden))
	mux.Handle("GET /own/404", status(http.StatusNotFound))
	mux.Handle("GET /own/302", status(http.StatusFound))
	mux.Handle("GET /own/nothing", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	mux.Handle("GET /own/panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no database") }))
	mux.Handle("GET /check", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := guard.Check(r, scopes.All()); err != nil {
			guard.Deny(w, r, err)
		}
	}))
	mux.Handle("GET /ignored", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = guard.Check(r, scopes.All()) }))
	for _, row := range []struct{ route, want string }{
		{"GET /all", ""},
		{"GET /scope/{id}", ""},
		{"GET /none", ""},
		{"GET /public", ""},
		{"GET /public/404", ""},
		{"GET /public/panic", ""},
		{"GET /optional", ""},
		{"GET /report", ""},
		{"GET /files/{path...}", ""},
		{"GET /exact/{$}", ""},
		{"GET api.example/host/{id}", ""},
		{"GET /check", ""},
		{"HEAD /all", ""},
		{"GET /open", "GET /open"},
		{"HEAD /open", "HEAD /open"},
		{"GET /open/{id}", "GET /open/{id}"},
		{"GET /literal:run", "GET /literal:run"},
		{"GET other.example/host/{id}", "GET other.example/host/{id}"},
		{"GET /own/401", "GET /own/401"},
		{"GET /own/403", "GET /own/403"},
		{"GET /own/404", "GET /own/404 (status 404)"},
		{"GET /own/302", "GET /own/302"},
		{"GET /own/nothing", "GET /own/nothing"},
		{"GET /own/panic", "GET /own/panic (panic: no database)"},
		{"GET /ignored", "GET /ignored"},
		{`GET /x/{id:(?P<bad}`, `GET /x/{id:(?P<bad} (no path matches the pattern)`},
		{"GET /x/{id", "GET /x/{id (no path matches the pattern)"},
	} {
		got := strings.Join(bearertest.Unguarded(mux, pairs(row.route)), ", ")
		if got != row.want {
			t.Errorf("%s: got %q, want %q", row.route, got, row.want)
		}
	}
	if got := bearertest.Unguarded(mux, pairs("/every", "/all")); len(got) != 7 || got[0] != "GET /every" {
		t.Errorf("got %q for two routes without a method, want GET /every and six other methods", got)
	}
	inPattern := func(yield func(string, string) bool) { _ = yield("", "GET /open") && yield("", "GET /all") }
	if got := bearertest.Unguarded(mux, inPattern); !slices.Equal(got, []string{"GET /open"}) {
		t.Errorf("got %q for patterns with a method, want GET /open", got)
	}
}

// TestUnguardedAround checks middleware around and inside a guard of a whole mux.
func TestUnguardedAround(t *testing.T) {
	guard := newGuard(t)
	served := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("/x", served)
	enforced := guard.EnforceRoutes(scopes.Routes{"/x": scopes.All()}, func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return pattern
	})(mux)
	background := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		enforced.ServeHTTP(w, r.WithContext(context.Background())) //nolint:contextcheck // the test loses the context on purpose
	})
	for _, row := range []struct {
		name string
		h    http.Handler
		open bool
	}{
		{"enforced", enforced, false},
		{"timeout", http.TimeoutHandler(enforced, time.Minute, ""), false},
		{"prefix", http.StripPrefix("", enforced), false},
		{"without a guard", mux, true},
		{"the values of the context are lost", background, true},
		{"the guard is behind a branch", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				enforced.ServeHTTP(w, r)
			} else {
				mux.ServeHTTP(w, r)
			}
		}), true},
	} {
		if got := bearertest.Unguarded(row.h, pairs("GET /x")); (len(got) > 0) != row.open {
			t.Errorf("%s: got %q, want a result: %v", row.name, got, row.open)
		}
	}
}

// TestUnguardedPaths checks the path for patterns of different routers.
func TestUnguardedPaths(t *testing.T) {
	for _, row := range []struct {
		pattern string
		want    []string
	}{
		{"/x", []string{"/x"}},
		{"/{$}", []string{"/"}},
		{"/{id}/{rest...}", []string{"/x7q/x7q"}},
		{"/:id", []string{"/x7q", "/:id"}},
		{"/user_:name/*action", []string{"/user_x7q/x7q", "/user_:name/*action"}},
		{`/a\:b`, []string{"/a:b", `/a\:b`}},
		{"/files/*", []string{"/files/x7q", "/files/*"}},
		{"/{id:[0-9]+}", []string{"/7"}},
		{"/{id:[0-9]{4}}-{m:0[1-9]|1[0-2]}", []string{"/7777-07"}},
		{"/{id:^[^/]+$}", []string{"/x7q"}},
		{"/{id:(?i)ABC}.json", []string{"/ABC.json"}},
		{"/{id:[a-f0-9]{8}-[a-f0-9]{4}}", []string{"/77777777-7777"}},
		{"/{id:}", []string{"/x7q"}},
		{"/{a}.{b:v\\d+}", []string{"/x7q.v7"}},
	} {
		var got []string
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.URL.Path)
			w.WriteHeader(http.StatusNotFound)
		})
		bearertest.Unguarded(h, pairs("GET "+row.pattern))
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: got requests for %q, want %q", row.pattern, got, row.want)
		}
	}
}
