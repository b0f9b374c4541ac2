// The program gorilla is an API on gorilla/mux. Its rules are in one list, by the templates
// of the routes. The router itself chooses the route.
//
//	cd examples/routers && go run ./gorilla
//
// The command above starts a test issuer. To use the issuer bearer-issuer, run this command. The page
// examples/README.md has the calls.
//
//	cd examples/routers && go run ./gorilla -issuer http://127.0.0.1:8790 -audience deployment-api.acmecorp.com -profile scalekit
package main

import (
	"io"
	"iter"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler { return enforce(guard, rules(), routes()) }

// rules returns the rules of all routes.
func rules() scopes.Routes {
	read := scopes.Any("read:deployments", "deploy:applications")
	return scopes.Routes{
		"GET /healthz":             scopes.Public(),
		"GET /deployments":         read,
		"POST /deployments":        scopes.All("deploy:applications"),
		"GET /deployments/{id}":    read,
		"DELETE /deployments/{id}": scopes.All("deploy:applications", "delete:deployments"),
		"PATCH /deployments/{id}":  scopes.ReportOnly(scopes.All("patch:deployments")),
		"GET /whoami":              scopes.Optional(scopes.All()),
		"GET /fail":                scopes.All(),
		"GET /admin/{id}":          scopes.All("admin"),
		"GET /files/{id:.*}":       scopes.All("read:files"),
	}
}

func routes() *mux.Router {
	// Without SkipClean, the router redirects requests with an unclean path. The guard refuses
	// such requests.
	r := mux.NewRouter().SkipClean(true)
	r.Handle("/healthz", answer("health")).Methods("GET")
	r.Handle("/deployments", answer("list")).Methods("GET")
	r.Handle("/deployments", answer("create")).Methods("POST")
	r.Handle("/deployments/{id}", answer("read")).Methods("GET")
	r.Handle("/deployments/{id}", answer("delete")).Methods("DELETE")
	r.Handle("/deployments/{id}", answer("patch")).Methods("PATCH")
	r.Handle("/whoami", answer("whoami")).Methods("GET")
	r.HandleFunc("/fail", fail).Methods("GET")
	r.PathPrefix("/admin").Subrouter().Handle("/{id}", answer("admin")).Methods("GET")
	r.Handle("/files/{id:.*}", answer("files")).Methods("GET")
	return r
}

// enforce puts the guard in front of the router. The guard also denies requests
// without a route. Middleware that changes the host, the method or the path must run before
// the guard.
func enforce(guard *middleware.Guard, rules scopes.Routes, r *mux.Router) http.Handler {
	match := func(req *http.Request) string {
		var found mux.RouteMatch
		if !r.Match(req, &found) || found.MatchErr != nil {
			return ""
		}
		return template(found.Route)
	}
	return guard.EnforceRoutes(rules, match)(r)
}

// current is another function for guard.EnforceRoutes, for a guard in r.Use. It does not
// search for the route again. The guard must then be the first middleware. Use does not
// apply to NotFoundHandler and MethodNotAllowedHandler, and so not to most preflight
// requests.
func current(r *http.Request) string { return template(mux.CurrentRoute(r)) }

// template returns the template of the route, including the host, or "" if there is none.
// Routes with the same method and template have the same rule, even if they differ in
// Queries, Headers or Schemes.
func template(route *mux.Route) string {
	if route == nil {
		return ""
	}
	path, err := route.GetPathTemplate()
	if err != nil {
		return ""
	}
	if host, err := route.GetHostTemplate(); err == nil {
		return host + path
	}
	return path
}

// names returns the method and the template of every route. The method is empty if a route
// has all methods.
func names(router *mux.Router) iter.Seq2[string, string] {
	var list [][2]string
	_ = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if route.GetHandler() == nil {
			return nil // the route of a subrouter
		}
		methods, err := route.GetMethods()
		if err != nil {
			methods = []string{""}
		}
		for _, method := range methods {
			list = append(list, [2]string{method, template(route)})
		}
		return nil
	})
	return func(yield func(string, string) bool) {
		for _, name := range list {
			if !yield(name[0], name[1]) {
				return
			}
		}
	}
}

// answer returns a handler that writes name, the route parameter and the caller of the
// request.
func answer(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())                         // nil if the request has no token, on routes that allow this
		_, _ = io.WriteString(w, demo.Line(name, mux.Vars(r)["id"], claims)) //nolint:gosec // plain text, not rendered as HTML
	})
}

// fail is a handler that responds with status 409.
func fail(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "deployment in progress", http.StatusConflict)
}
