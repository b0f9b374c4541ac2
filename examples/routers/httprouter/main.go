// The program httprouter is an API on httprouter. This router does not tell which route it
// will choose, so each route has its own rule.
//
//	cd examples/routers && go run ./httprouter
//
// The command above starts a test issuer. To use the issuer bearer-issuer, run this command. The page
// examples/README.md has the calls.
//
//	cd examples/routers && go run ./httprouter -issuer http://127.0.0.1:8790 -audience deployment-api.acmecorp.com -profile scalekit
package main

import (
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler { return routes(guard) }

// router adds a method Handle to httprouter, so that guard.Handle accepts the router.
type router struct {
	*httprouter.Router
	patterns []string
}

// Handle registers the handler for a pattern such as "GET /deployments/:id".
func (r *router) Handle(pattern string, handler http.Handler) {
	method, path, _ := strings.Cut(pattern, " ")
	r.Handler(method, path, handler)
	r.patterns = append(r.patterns, pattern)
}

// names returns the patterns of the routes. Each pattern contains the method.
func (r *router) names() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, pattern := range r.patterns {
			if !yield("", pattern) {
				return
			}
		}
	}
}

func routes(guard *middleware.Guard) *router {
	r := &router{Router: httprouter.New()}
	read := scopes.Any("read:deployments", "deploy:applications")
	guard.Handle(r, "GET /healthz", scopes.Public(), answer("health"))
	guard.Handle(r, "GET /deployments", read, answer("list"))
	guard.Handle(r, "POST /deployments", scopes.All("deploy:applications"), answer("create"))
	guard.Handle(r, "GET /deployments/:id", read, answer("read"))
	guard.Handle(r, "DELETE /deployments/:id", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))
	guard.Handle(r, "PATCH /deployments/:id", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))
	guard.Handle(r, "GET /whoami", scopes.Optional(scopes.All()), answer("whoami"))
	guard.Handle(r, "GET /fail", scopes.All(), http.HandlerFunc(fail))
	guard.Handle(r, "GET /admin/:id", scopes.All("admin"), answer("admin"))
	guard.Handle(r, "GET /files/*id", scopes.All("read:files"), answer("files"))
	return r
}

// answer returns a handler that writes name, the route parameter and the caller of the
// request.
func answer(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context()) // nil if the request has no token, on routes that allow this
		_, _ = io.WriteString(w, demo.Line(name, httprouter.ParamsFromContext(r.Context()).ByName("id"), claims))
	})
}

// fail is a handler that responds with status 409.
func fail(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "deployment in progress", http.StatusConflict)
}
