package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/demo/demotest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestProfile(t *testing.T) { demotest.RunProfile(t, api) }

func TestAPI(t *testing.T) { demotest.RunRoutes(t, api) }

// TestRules checks that every route has a rule, that every rule has a route, and that no
// route can be reached without a guard.
func TestRules(t *testing.T) {
	r := routes()
	if err := middleware.AuditRoutes(names(r), rules()).Err(); err != nil {
		t.Error(err)
	}
	if open := bearertest.Unguarded(enforce(demotest.Guard(t), rules(), r), names(r)); len(open) != 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
	if open := bearertest.Unguarded(r, names(r)); len(open) != len(rules()) {
		t.Errorf("got routes without a guard %q for the router alone, want all routes", open)
	}
}

// TestEnforceRoutes sends hostile requests, with the guard in front of the router and in
// Use.
func TestEnforceRoutes(t *testing.T) {
	for name, configure := range map[string]func(*mux.Router){
		"clean":          func(*mux.Router) {},
		"SkipClean":      func(r *mux.Router) { r.SkipClean(true) },
		"UseEncodedPath": func(r *mux.Router) { r.SkipClean(true).UseEncodedPath() },
		"StrictSlash":    func(r *mux.Router) { r.SkipClean(true).StrictSlash(true) },
	} {
		for _, inside := range []bool{false, true} {
			var router *mux.Router
			named := demotest.Named{
				Build: func(g *middleware.Guard, rules scopes.Routes, routes []demotest.NamedRoute) http.Handler {
					router = mux.NewRouter()
					configure(router)
					// The first route that matches wins.
					slices.SortStableFunc(routes, func(a, b demotest.NamedRoute) int {
						return strings.Count(a.Pattern, "{") - strings.Count(b.Pattern, "{")
					})
					for _, route := range routes {
						router.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) { route.Serve(w, r, param(r)) }).Methods(route.Method)
					}
					if !inside {
						return enforce(g, rules, router)
					}
					router.Use(g.EnforceRoutes(rules, current))
					router.NotFoundHandler = g.EnforceRoutes(nil, current)(http.NotFoundHandler())
					router.MethodNotAllowedHandler = router.NotFoundHandler
					return router
				},
				Audit: func(_ http.Handler, rules scopes.Routes) middleware.AuditReport {
					return middleware.AuditRoutes(names(router), rules)
				},
				Path:        strings.NewReplacer("{path...}", "{path:.*}").Replace,
				Cleans:      inside && name == "clean",
				NoPreflight: inside,
			}
			t.Run(fmt.Sprintf("%s, guard inside %v", name, inside), named.Run)
		}
	}
}

// param returns a function for the variables of the route. With UseEncodedPath, they are
// encoded.
func param(r *http.Request) func(string) string {
	return func(name string) string {
		value, err := url.PathUnescape(mux.Vars(r)[name])
		if err != nil {
			return mux.Vars(r)[name]
		}
		return value
	}
}

// TestMatchers checks routes that differ in the host, in a subrouter and in the query.
func TestMatchers(t *testing.T) {
	serves := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Served", name) }
	}
	names := []string{"GET api.example/x", "GET /x", "GET /sub/{id:[0-9]+}", "GET /sub/{id}", "GET /query", "GET /static/"}
	for _, public := range names {
		rules := scopes.Routes{}
		for _, name := range names {
			rules[name] = scopes.All("never")
		}
		rules[public] = scopes.Public()
		r := mux.NewRouter()
		r.Host("api.example").Path("/x").Methods("GET").Handler(serves("GET api.example/x"))
		r.Path("/x").Methods("GET").Handler(serves("GET /x"))
		sub := r.PathPrefix("/sub").Subrouter()
		sub.Path("/{id:[0-9]+}").Methods("GET").Handler(serves("GET /sub/{id:[0-9]+}"))
		sub.Path("/{id}").Methods("GET").Handler(serves("GET /sub/{id}"))
		r.Path("/query").Queries("a", "b").Methods("GET").Handler(serves("GET /query"))
		r.Path("/query").Methods("GET").Handler(serves("GET /query"))
		r.PathPrefix("/static/").Methods("GET").Handler(serves("GET /static/"))
		r.Host("bare.example").Handler(serves("a route without a path"))
		h := enforce(demotest.Guard(t), rules, r)
		reached := false
		for _, target := range []string{"http://api.example/x", "http://other.example/x", "http://API.example/x", "/sub/7", "/sub/x", "/sub/%37", "/query", "/query?a=b", "/static/", "/static/a/b", "http://bare.example/y"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, http.NoBody))
			got := w.Header().Get("Served")
			if got != "" && got != public {
				t.Errorf("only %s is public: got a response of %s for %s, want a refusal", public, got, target)
			}
			reached = reached || got != ""
		}
		if !reached {
			t.Errorf("got no response of the public route %s, want one", public)
		}
	}
}
