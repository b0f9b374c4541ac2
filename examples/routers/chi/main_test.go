package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/demo/demotest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestProfile(t *testing.T) { demotest.RunProfile(t, api) }

func TestAPI(t *testing.T) { demotest.RunRoutes(t, api) }

func TestRequire(t *testing.T) {
	demotest.Run(t, false, func(guard *middleware.Guard) http.Handler { return perRoute(guard) })
}

// TestRules checks that every route has a rule, that every rule has a route, and that no
// route can be reached without a guard.
func TestRules(t *testing.T) {
	r := routes(demotest.Guard(t))
	if err := chibearer.AuditRoutes(r, rules()).Err(); err != nil {
		t.Error(err)
	}
	if open := bearertest.Unguarded(r, chibearer.Routes(r)); len(open) != 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
}

// TestEnforce declares the rules in a table. Enforce applies the table to all requests before
// they reach the router.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		r := chi.NewRouter()
		for route := range demotest.Routes("{id}", "*") {
			r.Method(route.Method, route.Path, answer(route.Name))
		}
		r.Get("/fail", fail)
		return guard.Enforce(demotest.Table())(r)
	})
}

// TestNoRouteWithoutRule checks the API that declares each rule with its route.
func TestNoRouteWithoutRule(t *testing.T) {
	r := perRoute(demotest.Guard(t))
	if open := bearertest.Unguarded(r, chibearer.Routes(r)); len(open) != 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
	r.Get("/forgotten/{id:[0-9]+}", answer("forgotten"))
	if open := bearertest.Unguarded(r, chibearer.Routes(r)); len(open) != 1 || open[0] != "GET /forgotten/{id:[0-9]+}" {
		t.Errorf("got routes without a guard %q, want only the forgotten route", open)
	}
}

// TestHandleAndOuterLog tests that Guard.Handle accepts the patterns of chi. The handler and
// the middleware in front of the guard must see the same route as without a guard.
func TestHandleAndOuterLog(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return new(bearer.Claims), nil }), nil)
	if err != nil {
		t.Fatal(err)
	}
	served := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Pattern, " ", r.PathValue("id"), " ", chi.URLParam(r, "id")) //nolint:gosec // plain text, not rendered as HTML
	})
	var pattern, value, route string
	log := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			pattern, value, route = r.Pattern, r.PathValue("id"), ""
			if c := chi.RouteContext(r.Context()); c != nil {
				route = c.RoutePattern()
			}
		})
	}
	inside := chi.NewRouter()
	inside.Use(log)
	guard.Handle(inside, "GET /deployments/{id}", scopes.All(), served)
	outside := chi.NewRouter()
	outside.Get("/deployments/{id}", served)
	var rules scopes.Table
	rules.Handle("GET /deployments/{id}", scopes.All())
	bare := chi.NewRouter()
	bare.Use(log)
	bare.Get("/deployments/{id}", served)

	request := func(h http.Handler) (body string) {
		r := httptest.NewRequest(http.MethodGet, "/deployments/7", http.NoBody)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Body.String()
	}
	if got, want := request(inside), request(bare); got != want || got == "" {
		t.Errorf("Handle: got body %q, want %q", got, want)
	}
	if pattern != "/deployments/{id}" || value != "7" || route != "/deployments/{id}" {
		t.Errorf("Handle, middleware in front of the guard: got pattern %q, id %q and route %q, want pattern /deployments/{id}, id 7 and route /deployments/{id}", pattern, value, route)
	}
	if got := request(log(guard.Enforce(&rules)(outside))); got != "/deployments/{id} 7 7" {
		t.Errorf("Enforce: got body %q, want \"/deployments/{id} 7 7\"", got)
	}
	if routes := guard.Routes(); len(routes) != 2 || routes[0].String() != "GET /deployments/{id} requires any valid token" {
		t.Errorf("got routes %v, want two routes that require any valid token", routes)
	}
}

func Example() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := chi.NewRouter()
	r.With(guard.Require(scopes.All("deploy:applications"))).Post("/deployments/{id}", func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())
		_, _ = fmt.Fprintln(w, "deploying", chi.URLParam(r, "id"), "for", claims.ClientID()) //nolint:gosec // plain text, not rendered as HTML
	})
	for _, scope := range []string{"deploy:applications", "read:deployments"} {
		request := httptest.NewRequest(http.MethodPost, "/deployments/7", http.NoBody)
		request.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": scope}))
		w := httptest.NewRecorder()
		r.ServeHTTP(w, request)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 deploying 7 for ci
	// 403 {"error":"insufficient_scope","error_description":"The access token does not allow this","reason":"scope","scope":"deploy:applications"}
}
