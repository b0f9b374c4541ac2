package middleware_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// handlerOf returns the handler of a route.
func handlerOf(route routertest.Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route.Name == "fail" {
			http.Error(w, "deployment in progress", http.StatusConflict)
			return
		}
		claims, _ := bearer.FromContext(r.Context())
		routertest.WriteAnswer(w, route.Name, r.PathValue(route.Param), claims)
	})
}

func TestRequireOnServeMux(t *testing.T) {
	b := newFixture(t, nil)
	mux, admin := http.NewServeMux(), http.NewServeMux()
	for _, route := range routertest.Routes() {
		pattern := route.Method + " " + route.Path
		switch route.Name {
		case "admin": // a group of routes: one rule for a whole mux
			admin.Handle(strings.Replace(pattern, "/admin", "", 1), handlerOf(route))
			mux.Handle("/admin/", b.guard.Require(route.Rule)(http.StripPrefix("/admin", admin)))
		case "files": // a mounted handler
			files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				claims, _ := bearer.FromContext(r.Context())
				routertest.WriteAnswer(w, route.Name, r.URL.Path, claims)
			})
			mux.Handle("GET /files/", b.guard.Require(route.Rule)(http.StripPrefix("/files", files)))
		default:
			mux.Handle(pattern, b.guard.Require(route.Rule)(handlerOf(route)))
		}
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	routertest.Run(t, server.URL, b.issuer, false)
}

func TestEnforceOnServeMux(t *testing.T) {
	b := newFixture(t, nil)
	mux := http.NewServeMux()
	for _, route := range routertest.Routes() {
		mux.Handle(route.Method+" "+route.Path, handlerOf(route))
	}
	server := httptest.NewUnstartedServer(b.guard.Enforce(routertest.Table())(mux))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	routertest.Run(t, server.URL, b.issuer, true)
	t.Run("HTTP/2", func(t *testing.T) { routertest.RunHTTP2(t, server.URL, b.issuer, true) })
}

// TestPatternAndPathValues checks that middleware before the guard can read Pattern and
// path values, even if the handler panics.
func TestPatternAndPathValues(t *testing.T) {
	b := newFixture(t, nil)
	rule := scopes.All("read:deployments")
	var table scopes.Table
	table.Handle("/deployments/{anything...}", rule)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Pattern != "GET /deployments/{id}" || r.PathValue("id") != "7" {
			t.Errorf("got pattern %q and id %q in the handler, want GET /deployments/{id} and 7", r.Pattern, r.PathValue("id"))
		}
		if r.Header.Get("X-Panic") != "" {
			panic(http.ErrAbortHandler)
		}
	})
	inside, outside := http.NewServeMux(), http.NewServeMux()
	inside.Handle("GET /deployments/{id}", b.guard.Require(rule)(handler))
	outside.Handle("GET /deployments/{id}", handler)
	for name, h := range map[string]http.Handler{"Require": inside, "Enforce": b.guard.Enforce(&table)(outside)} {
		for _, panics := range []string{"", "yes"} {
			r := b.request(http.MethodGet, "/deployments/7", "read:deployments")
			r.Header.Set("X-Panic", panics)
			func() {
				defer func() { _ = recover() }()
				h.ServeHTTP(httptest.NewRecorder(), r)
			}()
			if r.Pattern != "GET /deployments/{id}" || r.PathValue("id") != "7" {
				t.Errorf("%s: got pattern %q and id %q in the outer request, want GET /deployments/{id} and 7", name, r.Pattern, r.PathValue("id"))
			}
			if _, found := bearer.FromContext(r.Context()); found {
				t.Errorf("%s: got claims in the outer request, want no claims", name)
			}
		}
	}
	for _, e := range b.events.Take() {
		if e.Route != "GET /deployments/{id}" && e.Route != "/deployments/{anything...}" {
			t.Errorf("got route %q in an event, want the pattern of the mux or of the table", e.Route)
		}
	}
}

// TestUncleanPathWithRequire checks that Require denies unclean paths, because a handler
// that cleans the path itself can serve a different route.
func TestUncleanPathWithRequire(t *testing.T) {
	b := newFixture(t, nil)
	for _, target := range []string{"/public/..%2fsecret", "/public/%2e%2e/secret", "//secret", "/public/../secret", `/public/..%5csecret`, "/public/%252e%252e/secret"} {
		r := b.request(http.MethodGet, target, "x")
		for name, rule := range map[string]scopes.Rule{"public": scopes.Public(), "scope": scopes.All("x"), "optional": scopes.Optional(scopes.All())} {
			if w := serve(b.guard.Require(rule)(unreachable(t)), r); w.Code != http.StatusForbidden {
				t.Errorf("%s with the rule %s: got status %d, want status 403", target, name, w.Code)
			}
		}
		r.Header.Del("Authorization")
		if w := serve(b.guard.Require(scopes.Public())(unreachable(t)), r); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: got status %d, want status 401", target, w.Code)
		}
	}
}

// TestUncleanPathIsReported checks that the error for an unclean path differs from the error
// for a missing scope and from the error for a missing rule.
func TestUncleanPathIsReported(t *testing.T) {
	for target, want := range map[string]string{"//x": "is not clean", "/x": "missing scope y", "/z": "there is no rule"} {
		b := newFixture(t, nil)
		var table scopes.Table
		table.Handle("GET /x", scopes.All("y"))
		rule, _ := table.Rule(httptest.NewRequest(http.MethodGet, target, http.NoBody))
		if target == "//x" {
			rule = scopes.Public()
		}
		_, err := b.guard.Check(b.request(http.MethodGet, target, "x"), rule)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, bearer.MissingScope) {
			t.Errorf("%s: got %v, want an error with %q", target, err, want)
		}
	}
}

// TestHeaderOutside checks that RemoveAuthorization does not change the outer request.
func TestHeaderOutside(t *testing.T) {
	b := newFixture(t, &middleware.Options{RemoveAuthorization: true})
	var table scopes.Table
	table.Handle("/x", scopes.All())
	mux := http.NewServeMux()
	mux.HandleFunc("/x", func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("got Authorization in the handler, want no such field")
		}
	})
	r := b.request(http.MethodGet, "/x", "")
	if w := serve(b.guard.Enforce(&table)(mux), r); w.Code != http.StatusOK || r.Header.Get("Authorization") == "" || r.Pattern != "/x" {
		t.Errorf("got status %d, and pattern %q and %d fields in the outer request, want status 200, pattern /x and the Authorization field", w.Code, r.Pattern, len(r.Header))
	}
}

func TestFilesOfFormsAreRemoved(t *testing.T) {
	b := newFixture(t, nil)
	r := b.request(http.MethodPost, "/", "x")
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Body = io.NopCloser(strings.NewReader("--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n"))
	served := b.guard.Require(scopes.All())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseMultipartForm(1 << 20) //nolint:gosec // the body is a few bytes
	}))
	served.ServeHTTP(httptest.NewRecorder(), r)
	if r.MultipartForm == nil {
		t.Error("got no MultipartForm in the server's request, want the form, because the server deletes its files")
	}
}
