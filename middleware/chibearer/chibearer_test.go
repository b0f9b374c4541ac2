package chibearer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

// newGuard returns a guard that accepts no token.
func newGuard(t *testing.T, opts *middleware.Options) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, &bearer.Error{Reason: bearer.Malformed, Err: errors.New("no token is valid here")}
	}), opts)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

type use = func(http.Handler) http.Handler

// serves returns a handler that answers with the method that chi used to find the route, and
// with the pattern of the route.
func serves(pattern string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "served ", chi.RouteContext(r.Context()).RouteMethod, " ", pattern)
	}
}

// api registers routes of every shape. The middleware top is in Use of the router, and sub
// is in Use of each mounted router.
func api(top, sub []use) *chi.Mux {
	r := chi.NewRouter()
	r.Use(top...)
	r.Get("/", serves("/"))
	r.Get("/healthz", serves("/healthz"))
	r.Get("/{id}", serves("/{id}"))
	r.Get("/admin", serves("/admin"))
	r.Get("/admin/", serves("/admin/"))
	r.Post("/admin", serves("/admin"))
	r.HandleFunc("DELETE /items/{id:[0-9]+}", serves("/items/{id:[0-9]+}"))
	r.Get("/items/{name}.{ext}", serves("/items/{name}.{ext}"))
	r.Head("/items/list", serves("/items/list"))
	r.Method("POST", "/items/*", serves("/items/*"))
	r.Handle("/any", serves("/any"))
	r.With(noop).Get("/with", serves("/with"))
	r.Group(func(r chi.Router) {
		r.Use(noop)
		r.Get("/group", serves("/group"))
		r.Route("/grouped", func(r chi.Router) {
			r.Use(sub...)
			r.Get("/{id}", serves("/grouped/{id}"))
		})
	})
	r.Route("/users", func(r chi.Router) {
		r.Use(sub...)
		r.Get("/", serves("/users/"))
		r.Get("/admin", serves("/users/admin"))
		r.Get("/{id}", serves("/users/{id}"))
		r.Get("/{id}/", serves("/users/{id}/"))
		r.Route("/{id}/keys", func(r chi.Router) {
			r.Use(sub...)
			r.Get("/*", serves("/users/{id}/keys/*"))
			r.Get("/secret", serves("/users/{id}/keys/secret"))
		})
	})
	r.Mount("/files", serves("/files/*"))
	r.Handle("/nested/*", http.StripPrefix("/nested", nested()))
	return r
}

func nested() http.Handler {
	r := chi.NewRouter()
	r.Get("/{id}", serves("/nested/*"))
	return r
}

func noop(next http.Handler) http.Handler { return next }

// hostile are paths that routers and middleware read in different ways.
var hostile = []string{
	"/", "//", "/healthz", "/healthz/", "/healthz.json", "/he%61lthz", "/healthz%2F", "/x", "/x.y", "/x/", "/admin", "/admin/", "/admin.json", "/admin/.json",
	"/%61dmin", "/admin%2f", "/admin//", "//admin", "/./admin", "/x/../admin", "/healthz/../admin", "/items/7", "/items/7/", "/items/7.json", "/items/%37",
	"/items/a.b", "/items/a.b.json", "/items/list", "/items/list/", "/items/", "/items", "/any", "/any/", "/any.x", "/with", "/with/", "/group", "/group/", "/grouped", "/grouped/", "/grouped/7",
	"/grouped/7.json", "/grouped/7/", "/users", "/users/", "/users//", "/users/7", "/users/7/", "/users/admin", "/users/admin/", "/users/admin.json", "/users/%61dmin",
	"/users/7.json", "/users/7/keys", "/users/7/keys/", "/users/7/keys/secret", "/users/7/keys/secret/", "/users/7/keys/secret.json", "/users/7/keys/%73ecret", "/users/7%2Fkeys/secret",
	"/files", "/files/", "/files/x", "/files/../admin", "/nested/7", "/nested/", "/nested", "/nested/7.json", "/nested/7/", "/nothing/here",
}

// override reads the method from a header field, as method-override middleware does.
func override(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := r.Header.Get("X-Http-Method-Override"); m != "" {
			r.Method = m
		}
		next.ServeHTTP(w, r)
	})
}

// routeMethod is method-override middleware that sets chi's own method.
func routeMethod(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := r.Header.Get("X-Http-Method-Override"); m != "" {
			chi.RouteContext(r.Context()).RouteMethod = m
		}
		next.ServeHTTP(w, r)
	})
}

// toAdmin sets chi's path to the path of another route.
func toAdmin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RoutePath = "/admin"
		next.ServeHTTP(w, r)
	})
}

func rewriters() map[string]use {
	return map[string]use{
		"none": noop, "StripSlashes": chimiddleware.StripSlashes, "URLFormat": chimiddleware.URLFormat, "CleanPath": chimiddleware.CleanPath,
		"GetHead": chimiddleware.GetHead, "PathRewrite": chimiddleware.PathRewrite("/healthz", "/admin"), "StripPrefix": chimiddleware.StripPrefix("/users"),
		"override": override, "RouteMethod": routeMethod, "RoutePath": toAdmin, "RedirectSlashes": chimiddleware.RedirectSlashes,
		"SupressNotFound": chimiddleware.SupressNotFound(chi.NewRouter()), "Heartbeat": chimiddleware.Heartbeat("/ping"),
	}
}

var methods = []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS", "get"}

// ask sends requests to the handler and reports each response of a handler that is not the
// handler of the public route.
func ask(t *testing.T, name string, h http.Handler, method, pattern string) (reached bool) {
	t.Helper()
	for _, m := range methods {
		for _, path := range hostile {
			for _, override := range []string{"", "GET", "POST", "DELETE"} {
				if override != "" && (m != "POST" || !strings.HasPrefix(name, "override") && !strings.HasPrefix(name, "RouteMethod")) {
					continue
				}
				r := &http.Request{Method: m, Host: "h", Header: http.Header{}, URL: new(url.URL), Body: http.NoBody}
				r.URL.Path, _ = url.PathUnescape(path)
				if r.URL.EscapedPath() != path {
					r.URL.RawPath = path
				}
				if override != "" {
					r.Header.Set("X-Http-Method-Override", override)
				}
				if m == "OPTIONS" {
					r.Header.Set("Origin", "https://h")
					r.Header.Set("Access-Control-Request-Method", method)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				served, found := strings.CutPrefix(w.Body.String(), "served ")
				if !found {
					continue
				}
				servedMethod, servedPattern, _ := strings.Cut(served, " ")
				if m == "OPTIONS" && servedMethod == m && slices.Contains([]string{"/any", "/files/*", "/nested/*"}, servedPattern) {
					continue // a preflight request reaches the handler of a route for all methods
				}
				if servedPattern != pattern || servedMethod != method && (servedMethod != "HEAD" || method != "GET") {
					t.Errorf("%s: only %s %s is public: got %q for %s %s (override %q), want a refusal", name, method, pattern, w.Body, m, path, override)
				}
				reached = true
			}
		}
	}
	return reached
}

// TestServedIsJudged makes one route public, and sends requests without a token. No request
// may reach the handler of another route, with any middleware around the guard.
func TestServedIsJudged(t *testing.T) {
	guard := newGuard(t, &middleware.Options{
		AllowPreflight: true,
		Body:           func(*http.Request, middleware.Refusal) (string, []byte) { return "text/plain", nil },
	})
	var routes [][2]string
	for method, pattern := range chibearer.Routes(api(nil, nil)) {
		all := pattern == "/any" || pattern == "/files/*" || pattern == "/nested/*"
		if method == "GET" || !all {
			routes = append(routes, [2]string{method, pattern})
		}
	}
	for name, rewriter := range rewriters() {
		for _, route := range routes {
			rules := scopes.Routes{}
			for _, other := range routes {
				rules[other[0]+" "+other[1]] = scopes.All("never")
			}
			rules[route[0]+" "+route[1]] = scopes.Public()
			enforce := chibearer.EnforceRoutes(guard, rules)
			for place, h := range map[string]http.Handler{
				"before":     api([]use{rewriter, enforce}, nil),
				"after":      api([]use{noop, enforce, noop, rewriter}, nil),
				"in mounted": api([]use{enforce}, []use{noop, rewriter}),
				"everywhere": api([]use{rewriter, enforce, rewriter}, []use{rewriter}),
			} {
				reached := ask(t, name+" "+place, h, route[0], route[1])
				if name == "none" && !reached {
					t.Errorf("%s: got no response of the public route %v, want one", place, route)
				}
			}
		}
	}
}

// TestRoutesAreTheNamesOfWalk checks that Routes returns the names that chi.Walk lists.
func TestRoutesAreTheNamesOfWalk(t *testing.T) {
	walked, listed := map[string]bool{}, map[string]bool{}
	r := api(nil, nil)
	if err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		walked[method+" "+route] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for method, pattern := range chibearer.Routes(r) {
		listed[method+" "+pattern] = true
	}
	if !maps.Equal(walked, listed) || len(listed) < 30 {
		t.Errorf("got %q, want %q", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(walked)))
	}
}
