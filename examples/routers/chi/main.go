// The program chi is an API on chi. Its rules are in one list, by the names of the routes.
//
//	cd examples/routers && go run ./chi
//
// The command above starts a test issuer. To use the issuer bearer-issuer, run this command. The page
// examples/README.md has the calls.
//
//	cd examples/routers && go run ./chi -issuer http://127.0.0.1:8790 -audience deployment-api.acmecorp.com -profile scalekit
package main

import (
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"
	middlewares "github.com/go-chi/chi/v5/middleware"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler { return routes(guard) }

func routes(guard *middleware.Guard) chi.Router {
	r := chi.NewRouter()
	// The guard is the last middleware, after all middleware that changes the path.
	r.Use(middlewares.StripSlashes, middlewares.GetHead, chibearer.EnforceRoutes(guard, rules()))
	r.Get("/healthz", answer("health"))
	r.Get("/deployments", answer("list"))
	r.Post("/deployments", answer("create"))
	r.Get("/deployments/{id}", answer("read"))
	r.Delete("/deployments/{id}", answer("delete"))
	r.Patch("/deployments/{id}", answer("patch"))
	r.Get("/whoami", answer("whoami"))
	r.Get("/fail", fail)
	r.Route("/admin", func(r chi.Router) { r.Get("/{id}", answer("admin")) })
	files := chi.NewRouter()
	files.Get("/*", answer("files"))
	r.Mount("/files", files)
	return r
}

// rules returns the rules of all routes. The keys are the names that chi uses.
func rules() scopes.Routes {
	read := scopes.Any("read:deployments", "deploy:applications")
	return scopes.Routes{
		"GET /healthz":             scopes.Public(),
		"GET /deployments":         read,
		"POST /deployments":        scopes.All("deploy:applications"),
		"GET /deployments/{id}":    read,
		"DELETE /deployments/{id}": scopes.All("deploy:applications", "delete:deployments"),

		// ReportOnly tests a new rule. The guard allows a request that the rule denies, and
		// reports this request to the observer.
		"PATCH /deployments/{id}": scopes.ReportOnly(scopes.All("patch:deployments")),

		// Optional allows requests without a token. The guard refuses requests with an
		// invalid token.
		"GET /whoami": scopes.Optional(scopes.All()),

		"GET /fail":       scopes.All(),
		"GET /admin/{id}": scopes.All("admin"),
		"GET /files/*":    scopes.All("read:files"),
	}
}

// answer returns a handler that writes name, the route parameter and the caller of the
// request.
func answer(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())                                              // nil if the request has no token, on routes that allow this
		_, _ = io.WriteString(w, demo.Line(name, r.PathValue("id")+chi.URLParam(r, "*"), claims)) //nolint:gosec // plain text, not rendered as HTML
	}
}

// fail is a handler that responds with status 409.
func fail(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "deployment in progress", http.StatusConflict)
}
