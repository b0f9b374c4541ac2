// The program servemux is an API on http.ServeMux. Its rules are in one list, by the
// patterns of the routes. The mux itself chooses the route.
//
//	cd examples/routers && go run ./servemux
//
// The command above starts a test issuer. To use the issuer bearer-issuer, run this command. The page
// examples/README.md has the calls.
//
//	cd examples/routers && go run ./servemux -issuer http://127.0.0.1:8790 -audience deployment-api.acmecorp.com -profile scalekit
package main

import (
	"io"
	"net/http"
	"net/url"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

// route is a route with its rule. The mux has no list of its patterns. For this reason, the
// program has a list.
type route struct {
	pattern string
	rule    scopes.Rule
	handler http.Handler
}

func api(guard *middleware.Guard) http.Handler { return build(guard, routes()) }

// build returns a mux with the routes, and with the guard in front of the mux.
func build(guard *middleware.Guard, routes []route) http.Handler {
	mux, rules := http.NewServeMux(), scopes.Routes{}
	for _, r := range routes {
		mux.Handle(r.pattern, r.handler)
		rules[r.pattern] = r.rule
	}
	return enforce(guard, rules, mux)
}

// enforce puts the guard in front of the mux. Middleware that changes the host,
// the method or the path must run before the guard.
//
// With GODEBUG=httpmuxgo121=1, the mux does not understand methods in patterns. Then a
// handler for all methods gets the requests for which the rules have a key with the method.
// So enforce panics.
func enforce(guard *middleware.Guard, rules scopes.Routes, mux *http.ServeMux) http.Handler {
	old := http.NewServeMux()
	old.Handle("GET /", http.NotFoundHandler())
	if _, pattern := old.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}}); pattern == "" {
		panic("the program must not set GODEBUG=httpmuxgo121=1") //nolint:forbidigo // the mux panics too
	}
	match := func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return pattern
	}
	return guard.EnforceRoutes(rules, match)(mux)
}

func routes() []route {
	read := scopes.Any("read:deployments", "deploy:applications")
	return []route{
		{"GET /healthz", scopes.Public(), answer("health")},
		{"GET /deployments", read, answer("list")},
		{"POST /deployments", scopes.All("deploy:applications"), answer("create")},
		{"GET /deployments/{id}", read, answer("read")},
		{"DELETE /deployments/{id}", scopes.All("deploy:applications", "delete:deployments"), answer("delete")},
		{"PATCH /deployments/{id}", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch")},
		{"GET /whoami", scopes.Optional(scopes.All()), answer("whoami")},
		{"GET /fail", scopes.All(), http.HandlerFunc(fail)},
		{"GET /admin/{id}", scopes.All("admin"), answer("admin")},
		{"GET /files/{id...}", scopes.All("read:files"), answer("files")},
	}
}

// answer returns a handler that writes name, the route parameter and the caller of the
// request.
func answer(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())                         // nil if the request has no token, on routes that allow this
		_, _ = io.WriteString(w, demo.Line(name, r.PathValue("id"), claims)) //nolint:gosec // plain text, not rendered as HTML
	})
}

// fail is a handler that responds with status 409.
func fail(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "deployment in progress", http.StatusConflict)
}
