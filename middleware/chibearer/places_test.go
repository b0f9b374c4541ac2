package chibearer_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

// get returns the body of the response if a handler served the request, or "" if the guard
// refused the request.
func get(h http.Handler, request string) string {
	method, path, _ := strings.Cut(request, " ")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
	body, _ := strings.CutPrefix(w.Body.String(), "served ")
	if w.Code == http.StatusUnauthorized {
		return ""
	}
	return body
}

// TestPlaces puts the middleware at different places of a router. Route /api/open is public
// and route /api/admin needs a scope.
func TestPlaces(t *testing.T) {
	enforce := chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{
		"GET /api/open": scopes.Public(), "GET /api/admin": scopes.All("admin"), "GET /api/": scopes.All("root"), "GET /api/*": scopes.Public(),
		"GET /api": scopes.Public(), "GET /open": scopes.Public(), "GET /*": scopes.Public(), "GET /admin": scopes.Public(),
	})
	routes := func(r chi.Router) {
		r.Get("/", serves("/api/"))
		r.Get("/open", serves("/api/open"))
		r.Get("/admin", serves("/api/admin"))
	}
	router := func(m ...use) *chi.Mux {
		r := chi.NewRouter()
		r.Use(m...)
		return r
	}
	inner := func(m ...use) *chi.Mux {
		r := router(m...)
		routes(r)
		return r
	}
	for _, row := range []struct {
		name  string
		works bool // the middleware lets requests for the public route through
		build func(r *chi.Mux) http.Handler
	}{
		{"Use", true, func(r *chi.Mux) http.Handler { r.Use(enforce); r.Route("/api", routes); return r }},
		{"Use of a mounted router", true, func(r *chi.Mux) http.Handler { r.Mount("/api", inner(enforce)); return r }},
		{"Use twice", true, func(r *chi.Mux) http.Handler { r.Use(enforce); r.Mount("/api", inner(enforce)); return r }},
		{"StripSlashes before it in a mounted router", true, func(r *chi.Mux) http.Handler {
			r.Mount("/api", inner(chimiddleware.StripSlashes, enforce))
			return r
		}},
		{"StripSlashes after it in a mounted router", true, func(r *chi.Mux) http.Handler {
			r.Mount("/api", inner(enforce, chimiddleware.StripSlashes))
			return r
		}},
		{"Group with the mount", true, func(r *chi.Mux) http.Handler {
			r.Group(func(r chi.Router) { r.Use(enforce); r.Route("/api", routes) })
			return r
		}},
		{"With and Mount", true, func(r *chi.Mux) http.Handler { r.With(enforce).Mount("/api", inner()); return r }},
		{"With, StripSlashes and Mount", true, func(r *chi.Mux) http.Handler {
			r.With(chimiddleware.StripSlashes, enforce).Mount("/api", inner(chimiddleware.StripSlashes))
			return r
		}},
		{"With, and again in Use of the mounted router", false, func(r *chi.Mux) http.Handler { r.With(enforce).Mount("/api", inner(enforce)); return r }},
		{"Group with the routes", true, func(r *chi.Mux) http.Handler {
			r.Route("/api", func(r chi.Router) {
				r.Group(func(r chi.Router) { r.Use(chimiddleware.StripSlashes, enforce); routes(r) })
			})
			return r
		}},
		{"two mounts", true, func(r *chi.Mux) http.Handler {
			m := router()
			m.Mount("/api", inner(enforce))
			r.Mount("/", m)
			return r
		}},
		{"around the router", false, func(r *chi.Mux) http.Handler { r.Route("/api", routes); return enforce(r) }},
		{"around a mounted router", false, func(r *chi.Mux) http.Handler { r.Mount("/api", enforce(inner())); return r }},
		{"in a chain", false, func(r *chi.Mux) http.Handler {
			r.Use(chi.Chain(enforce).Handler)
			r.Route("/api", routes)
			return r
		}},
		{"a router registered with Handle", false, func(r *chi.Mux) http.Handler { r.Handle("/api/*", http.StripPrefix("/api", inner(enforce))); return r }},
		{"a router as middleware", false, func(r *chi.Mux) http.Handler {
			m := router(enforce)
			m.Route("/api", routes)
			r.Use(func(http.Handler) http.Handler { return m })
			r.Get("/*", serves("/*"))
			return r
		}},
		{"a router of another request context", false, func(r *chi.Mux) http.Handler {
			m := router(enforce)
			m.Route("/api", routes)
			r.Handle("/*", m)
			return r
		}},
	} {
		h := row.build(chi.NewRouter())
		for _, request := range []string{"GET /api/open", "GET /api/admin", "GET /api/admin/", "GET /api", "GET /api/", "GET /api/open/", "GET /api/%61dmin", "GET /api/open/../admin", "GET /open", "GET /admin", "GET /api/x"} {
			got := get(h, request)
			want := ""
			if row.works && request == "GET /api/open" || row.name == "StripSlashes before it in a mounted router" && request == "GET /api/open/" {
				want = "GET /api/open"
			}
			if strings.HasPrefix(got, "404") {
				got = "" // no handler of the program
			}
			if got != want {
				t.Errorf("%s: got response %q for %s, want %q", row.name, got, request, want)
			}
		}
	}
}

// TestReplacedMount checks that the guard denies a route that was registered in place of a
// mounted router. chi's Find returns the route of the mounted router, but chi serves the
// route in its place.
func TestReplacedMount(t *testing.T) {
	r := chi.NewRouter()
	rules := scopes.Routes{"GET /api/open": scopes.Public(), "GET /api/*": scopes.Public(), "POST /api/open": scopes.Public(), "GET /stub": scopes.All("stub"), "GET /stub/": scopes.Public()}
	r.Use(chibearer.EnforceRoutes(newGuard(t, nil), rules))
	r.Route("/api", func(r chi.Router) {
		r.Get("/open", serves("/api/open"))
		r.Post("/open", serves("/api/open"))
	})
	r.Get("/api/*", serves("replaced"))
	r.Route("/stub", func(r chi.Router) { r.Get("/", serves("/stub/")) })
	r.Get("/stub", serves("replaced"))
	for request, want := range map[string]string{"GET /api/open": "", "GET /api/x": "", "POST /api/open": "POST /api/open", "GET /stub": "", "GET /stub/": "GET /stub/"} {
		if got := get(r, request); got != want {
			t.Errorf("got response %q for %s, want %q", got, request, want)
		}
	}
	report := chibearer.AuditRoutes(r, rules)
	if want := []string{"GET /api/*"}; !slices.Equal(report.WithoutRule, want) || len(report.Unguarded) != 0 {
		t.Errorf("got the report\n%s\nwant only the routes %q without a rule", report, want)
	}
}

// TestStripPrefixBehindTheGuard checks that a router behind http.StripPrefix gets the same
// path as without the guard.
func TestStripPrefixBehindTheGuard(t *testing.T) {
	r := chi.NewRouter()
	r.Use(chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"GET /nested/*": scopes.Public()}))
	r.Handle("/nested/*", http.StripPrefix("/nested", nested()))
	if got := get(r, "GET /nested/7"); got != "GET /nested/*" {
		t.Errorf("got response %q, want the response of the nested router", got)
	}
}

func TestAuditRoutes(t *testing.T) {
	guard := newGuard(t, nil)
	rules := scopes.Routes{"GET /a": scopes.All("a"), "GET /in/b": scopes.Public(), "GET /gone": scopes.All()}
	enforce := chibearer.EnforceRoutes(guard, rules)
	calls := 0
	counted := func(next http.Handler) http.Handler {
		calls++
		return next
	}
	routes := func(r chi.Router) {
		r.Get("/a", serves("/a"))
		r.Get("/new", serves("/new"))
	}
	for _, row := range []struct {
		name                                 string
		build                                func(r chi.Router)
		withoutRule, withoutRoute, unguarded []string
	}{
		{"guarded", func(r chi.Router) { r.Use(enforce); routes(r) }, []string{"GET /new"}, []string{"GET /gone", "GET /in/b"}, nil},
		{"no guard", routes, nil, []string{"GET /gone", "GET /in/b"}, []string{"GET /a", "GET /new"}},
		{"guard of other rules", func(r chi.Router) {
			r.Use(chibearer.EnforceRoutes(guard, scopes.Routes{"GET /a": scopes.Public()}))
			routes(r)
		}, []string{"GET /new"}, []string{"GET /gone", "GET /in/b"}, []string{"GET /a"}},
		{"only the mounted router", func(r chi.Router) {
			routes(r)
			r.Route("/in", func(r chi.Router) { r.Use(enforce); r.Get("/b", serves("/in/b")) })
		}, nil, []string{"GET /gone"}, []string{"GET /a", "GET /new"}},
		{"the mount in a group", func(r chi.Router) {
			r.Group(func(r chi.Router) {
				r.Use(enforce)
				r.Route("/in", func(r chi.Router) { r.Get("/b", serves("/in/b")) })
				r.Get("/a", serves("/a"))
			})
			r.Get("/new", serves("/new"))
		}, nil, []string{"GET /gone"}, []string{"GET /new"}},
		{"rule of the handler", func(r chi.Router) {
			guard.Handle(r, "GET /a", scopes.All("a"), serves("/a"))
			guard.Handle(r, "GET /new", scopes.Public(), serves("/new"))
		}, nil, []string{"GET /gone", "GET /in/b"}, nil},
	} {
		r := chi.NewRouter()
		row.build(r)
		report := chibearer.AuditRoutes(r, rules)
		if !slices.Equal(report.WithoutRule, row.withoutRule) || !slices.Equal(report.WithoutRoute, row.withoutRoute) || !slices.Equal(report.Unguarded, row.unguarded) {
			t.Errorf("%s: got routes without a rule %q, rules without a route %q and unguarded routes %q, want %q, %q and %q", row.name,
				report.WithoutRule, report.WithoutRoute, report.Unguarded, row.withoutRule, row.withoutRoute, row.unguarded)
		}
		if report.Err() == nil {
			t.Errorf("%s: got no error, want one", row.name)
		}
	}
	r := chi.NewRouter()
	r.With(counted).Get("/a", serves("/a"))
	calls = 0 // chi itself calls the middleware when it registers the route
	if report := chibearer.AuditRoutes(r, rules); len(report.Unguarded) != 1 || calls != 0 {
		t.Errorf("got the report\n%s\nand %d calls of the program's middleware, want one unguarded route and 0 calls", report, calls)
	}
	if report := chibearer.AuditRoutes(chi.NewRouter(), nil); report.Err() != nil || report.String() != "" {
		t.Errorf("got error %v and text %q for an empty router, want neither", report.Err(), report)
	}
}

// TestAuditFindsRequire puts guards of single rules at each place of a router. The audit must
// report the rule of the route, and bearertest.Unguarded must confirm each row.
func TestAuditFindsRequire(t *testing.T) {
	guard := newGuard(t, nil)
	rules := scopes.Routes{"GET /x": scopes.All("listed")}
	a, b := scopes.All("a"), scopes.All("b")
	h := serves("/x")
	const found, unknown = `GET /x requires scope "a"`, "the audit found no guard with these rules for GET /x"
	for _, row := range []struct {
		name, want string
		build      func(r chi.Router)
	}{
		{"With", found, func(r chi.Router) { r.With(guard.Require(a)).Get("/x", h) }},
		{"With and RequireAt", found, func(r chi.Router) { r.With(guard.RequireAt("GET /x", a)).Get("/x", h) }},
		{"Use", found, func(r chi.Router) { r.Use(noop, guard.Require(a), noop); r.Get("/x", h) }},
		{"Use of a mounted router", found, func(r chi.Router) {
			r.Route("/", func(r chi.Router) { r.Use(guard.Require(a)); r.Get("/x", h) })
		}},
		{"With around a mount", found, func(r chi.Router) {
			r.With(guard.Require(a)).Route("/", func(r chi.Router) { r.Get("/x", h) })
		}},
		{"Group", found, func(r chi.Router) {
			r.Group(func(r chi.Router) { r.Use(guard.Require(a)); r.Get("/x", h) })
		}},
		{"handler", found, func(r chi.Router) { r.Method("GET", "/x", guard.Require(a)(h)) }},
		{"handler in With", found, func(r chi.Router) { r.With(noop).Method("GET", "/x", guard.Require(a)(h)) }},
		{"two rules", `GET /x requires scope "a" and scope "b"`, func(r chi.Router) { r.Use(guard.Require(a)); r.With(guard.Require(b)).Get("/x", h) }},
		{"the same rule twice", found, func(r chi.Router) { r.Use(guard.Require(a)); r.With(guard.Require(a)).Get("/x", h) }},
		{"public and a rule", found, func(r chi.Router) { r.Use(guard.Require(scopes.Public())); r.With(guard.Require(a)).Get("/x", h) }},
		{"a rule and public", found, func(r chi.Router) { r.Use(guard.Require(a)); r.With(guard.Require(scopes.Public())).Get("/x", h) }},
		{"public", "GET /x is public", func(r chi.Router) { r.Use(guard.Require(scopes.Public())); r.Get("/x", h) }},
		{"no rule", "GET /x has no rule and is denied", func(r chi.Router) { r.Use(guard.Require(a)); r.With(guard.Require(scopes.Rule{})).Get("/x", h) }},
		{"optional and a rule", found, func(r chi.Router) { r.Use(guard.Require(scopes.Optional(b))); r.With(guard.Require(a)).Get("/x", h) }},
		{"report only", `GET /x requires scope "a" (report only)`, func(r chi.Router) { r.Use(guard.Require(scopes.ReportOnly(a))); r.Get("/x", h) }},
		{"rules of the list and Require", `GET /x requires scope "listed"`, func(r chi.Router) {
			r.Use(chibearer.EnforceRoutes(guard, rules), guard.Require(a))
			r.Get("/x", h)
		}},

		// The audit cannot see these guards.
		{"HandlerFunc", unknown, func(r chi.Router) { r.Get("/x", guard.Require(a)(h).ServeHTTP) }},
		{"chain", unknown, func(r chi.Router) { r.Use(chi.Chain(guard.Require(a)).Handler); r.Get("/x", h) }},
		{"wrapped handler", unknown, func(r chi.Router) { r.Method("GET", "/x", http.StripPrefix("/", guard.Require(a)(h))) }},
		{"other list", unknown, func(r chi.Router) {
			r.Use(chibearer.EnforceRoutes(guard, scopes.Routes{"GET /x": scopes.Public()}), guard.Require(a))
			r.Get("/x", h)
		}},
		{"table", unknown, func(r chi.Router) { r.Use(guard.Enforce(nil)); r.Get("/x", h) }},
	} {
		r := chi.NewRouter()
		row.build(r)
		if got := strings.TrimSuffix(chibearer.AuditRoutes(r, rules).String(), "\n"); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
		if open := bearertest.Unguarded(r, chibearer.Routes(r)); len(open) != 0 {
			t.Errorf("%s: got routes without a guard %q, want none", row.name, open)
		}
	}
}

// TestWrongDeclarations checks that EnforceRoutes refuses a nil guard and wrong rules.
func TestWrongDeclarations(t *testing.T) {
	var none *middleware.Guard
	for name, declare := range map[string]func(){
		"nil guard":  func() { chibearer.EnforceRoutes(none, nil) },
		"wrong key":  func() { chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"get /x": scopes.All()}) },
		"wrong rule": func() { chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"GET /x": scopes.All("a b")}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic, want one", name)
				}
			}()
			declare()
		}()
	}
}

// TestConcurrency sends requests at the same time, and reads chi's context in several
// goroutines of a handler.
func TestConcurrency(t *testing.T) {
	r := chi.NewRouter()
	r.Use(chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"GET /users/{id}": scopes.Public()}))
	r.Route("/users", func(r chi.Router) {
		r.Use(chimiddleware.StripSlashes)
		r.Get("/{id}", func(w http.ResponseWriter, r *http.Request) {
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					if id := chi.URLParam(r, "id"); id != "7" {
						t.Errorf("got id %q, want 7", id)
					}
				})
			}
			group.Wait()
			serves("/users/{id}")(w, r)
		})
	})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if got := get(r, "GET /users/7"); got != "GET /users/{id}" {
					t.Errorf("got response %q, want GET /users/{id}", got)
				}
			}
		})
	}
	group.Wait()
}

// TestHEAD checks that the guard denies HEAD requests to a route for GET. A route for HEAD, or
// GetHead before the guard, has the rule for GET.
func TestHEAD(t *testing.T) {
	for name, want := range map[string]string{"": "", "route": "HEAD /healthz", "GetHead": "GET /healthz"} {
		r := chi.NewRouter()
		if name == "GetHead" {
			r.Use(chimiddleware.GetHead)
		}
		r.Use(chibearer.EnforceRoutes(newGuard(t, nil), scopes.Routes{"GET /healthz": scopes.Public()}))
		r.Get("/healthz", serves("/healthz"))
		if name == "route" {
			r.Head("/healthz", serves("/healthz"))
		}
		if got := get(r, "HEAD /healthz"); got != want {
			t.Errorf("HEAD by %q: got response %q, want %q", name, got, want)
		}
	}
}
