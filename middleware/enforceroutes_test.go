package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestEnforceRoutes sends requests to a guard whose router reports the pattern of a header
// field.
func TestEnforceRoutes(t *testing.T) {
	guard, err := middleware.New(new(bearer.JWTVerifier), &middleware.Options{AllowPreflight: true})
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	match := func(r *http.Request) string {
		asked = append(asked, r.Method)
		return r.Header.Get("Pattern")
	}
	rules := scopes.Routes{"GET /open": scopes.Public(), "/all": scopes.Public(), "POST /all": scopes.All("x"), "GET /closed": scopes.All("x")}
	for _, row := range []struct {
		rules                      scopes.Routes
		method, pattern, announced string
		allowed                    bool
	}{
		{rules, "GET", "/open", "", true},
		{rules, "HEAD", "/open", "", true},
		{rules, "POST", "/open", "", false},
		{rules, "get", "/open", "", false},
		{rules, "GET", "/all", "", true},
		{rules, "DELETE", "/all", "", true},
		{rules, "POST", "/all", "", false},
		{rules, "delete", "/all", "", false},
		{rules, "GET", "/closed", "", false},
		{rules, "GET", "", "", false},
		{rules, "GET", "/unknown", "", false},
		{rules, "GET", "GET /open", "", true}, // the pattern of http.ServeMux contains the method
		{rules, "OPTIONS", "/closed", "GET", true},
		{rules, "OPTIONS", "/closed", "POST", false},
		{rules, "OPTIONS", "/closed", "get", false},
		{rules, "OPTIONS", "", "GET", false},
		{nil, "GET", "/open", "", false},
		{nil, "OPTIONS", "/open", "GET", false},
	} {
		served := ""
		h := guard.EnforceRoutes(row.rules, match)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { served = r.Method }))
		r := httptest.NewRequest(http.MethodGet, "/x", http.NoBody)
		r.Method = row.method
		r.Header.Set("Pattern", row.pattern)
		want := []string{row.method}
		if row.announced != "" {
			r.Header.Set("Origin", "https://h")
			r.Header.Set("Access-Control-Request-Method", row.announced)
			want = []string{row.announced, http.MethodOptions}
		}
		asked = nil
		h.ServeHTTP(httptest.NewRecorder(), r)
		if (served != "") != row.allowed || served != "" && served != row.method {
			t.Errorf("%s %q, announced %q: got a request with method %q for the handler, want a request: %v", row.method, row.pattern, row.announced, served, row.allowed)
		}
		if !slices.Equal(asked, want) {
			t.Errorf("%s %q, announced %q: got calls of match with the methods %q, want %q", row.method, row.pattern, row.announced, asked, want)
		}
	}
}

// TestEnforceRoutesWithTheMux checks that the mux and the guard choose the same route. One
// route is public, and no other route may serve a request without a token.
func TestEnforceRoutesWithTheMux(t *testing.T) {
	guard, err := middleware.New(new(bearer.JWTVerifier), nil)
	if err != nil {
		t.Fatal(err)
	}
	patterns := []string{"/", "GET /healthz", "/{id}", "GET /x/{$}", "POST /admin", "/files/{path...}", "DELETE /files/secret", "GET /a%2Fb"}
	for _, public := range patterns {
		mux, rules := http.NewServeMux(), scopes.Routes{}
		for _, pattern := range patterns {
			rules[pattern] = scopes.All("never")
			mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Served", pattern) })
		}
		rules[public] = scopes.Public()
		h := guard.EnforceRoutes(rules, func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern })(mux)
		reached := false
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "CONNECT", "OPTIONS"} {
			for _, target := range strings.Fields("/ /healthz /he%61lthz /x /x/ /admin /%61dmin /files/ /files/secret /files/secre%74 /files%2Fsecret /a%2Fb /a%2fb /a/b //x /x/../admin http://h/admin http://H/admin") {
				r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
				r.Method = method
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				served := w.Header().Get("Served")
				if served != "" && served != public {
					t.Errorf("only %s is public: got a response of %s for %s %s, want a refusal", public, served, method, target)
				}
				reached = reached || served != ""
			}
		}
		if !reached {
			t.Errorf("got no response of the public route %s, want one", public)
		}
	}
}

// TestEnforceRoutesPanics checks that wrong declarations name the source line.
func TestEnforceRoutesPanics(t *testing.T) {
	guard, err := middleware.New(new(bearer.JWTVerifier), nil)
	if err != nil {
		t.Fatal(err)
	}
	var none *middleware.Guard
	match := func(*http.Request) string { return "" }
	rules := scopes.Routes{"GET /x": scopes.All()}
	wrong := scopes.Routes{"get /x": scopes.All()}
	for _, row := range []struct {
		source, want string
		declare      func()
	}{
		{`none.EnforceRoutes(nil, match)`, "middleware: EnforceRoutes (declared at ", func() { none.EnforceRoutes(nil, match) }},
		{`none.EnforceRoutes(rules, match)`, ": the guard is nil", func() { none.EnforceRoutes(rules, match) }},
		{`none.Enforce(nil)`, "middleware: Enforce (declared at ", func() { none.Enforce(nil) }},
		{`guard.Enforce(nil)(nil)`, "middleware: Enforce (declared at ", func() { guard.Enforce(nil)(nil) }},
		{`guard.EnforceRoutes(wrong, match)`, "middleware: EnforceRoutes: scopes: route ", func() { guard.EnforceRoutes(wrong, match) }},
		{`guard.EnforceRoutes(nil, nil)`, "function match is nil", func() { guard.EnforceRoutes(nil, nil) }},
		{`guard.EnforceRoutes(wrong, match)`, "get /x", func() { guard.EnforceRoutes(wrong, match) }},
		{`guard.EnforceRoutes(nil, match)(nil)`, "handler is nil", func() { guard.EnforceRoutes(nil, match)(nil) }},
	} {
		declaretest.Refused(t, "enforceroutes_test.go", row.source, row.want, row.declare)
	}
}

// TestPreflightOfAnotherRoute tests that a preflight request reaches only a route with a rule.
// The mux serves a preflight request by the route of OPTIONS.
func TestPreflightOfAnotherRoute(t *testing.T) {
	guard, err := middleware.New(new(bearer.JWTVerifier), &middleware.Options{AllowPreflight: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name     string
		patterns []string
		rules    scopes.Routes
		want     int
	}{
		{"a route of all methods", []string{"/items/{id}"}, scopes.Routes{"/items/{id}": scopes.All("read")}, http.StatusNoContent},
		{"the catch-all has no rule", []string{"GET /items/{id}", "/"}, scopes.Routes{"GET /items/{id}": scopes.All("read")}, http.StatusUnauthorized},
		{"the catch-all has a rule", []string{"GET /items/{id}", "/"}, scopes.Routes{"GET /items/{id}": scopes.All("read"), "/": scopes.All("admin")}, http.StatusNoContent},
		{"the announced method has no rule", []string{"GET /items/{id}", "/"}, scopes.Routes{"/": scopes.Public()}, http.StatusUnauthorized},
		{"no route for OPTIONS", []string{"GET /items/{id}"}, scopes.Routes{"GET /items/{id}": scopes.All("read")}, http.StatusMethodNotAllowed},
	} {
		mux := http.NewServeMux()
		for _, pattern := range row.patterns {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		}
		match := func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern }
		r := httptest.NewRequest(http.MethodOptions, "/items/1", http.NoBody)
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", http.MethodGet)
		if w := serve(guard.EnforceRoutes(row.rules, match)(mux), r); w.Code != row.want {
			t.Errorf("%s: got status %d, want status %d", row.name, w.Code, row.want)
		}
	}
}
