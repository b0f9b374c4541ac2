package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// perRoute is the same API with one declaration for each route. It needs no adapter, because
// chi uses the middleware type of net/http. Use this form if different guards protect the
// routes, or if a package registers its own routes.
func perRoute(guard *middleware.Guard) chi.Router {
	r := chi.NewRouter()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle wraps the handler with Require and adds the route to guard.Routes().
	guard.Handle(r, "GET /healthz", scopes.Public(), answer("health"))
	guard.Handle(r, "GET /deployments", read, answer("list"))
	guard.Handle(r, "POST /deployments", scopes.All("deploy:applications"), answer("create"))
	guard.Handle(r, "GET /deployments/{id}", read, answer("read"))
	guard.Handle(r, "DELETE /deployments/{id}", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// ReportOnly tests a new rule. The guard allows a request that the rule denies, and
	// reports this request to the observer.
	guard.Handle(r, "PATCH /deployments/{id}", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// Optional allows requests without a token. The guard refuses requests with an
	// invalid token.
	guard.Handle(r, "GET /whoami", scopes.Optional(scopes.All()), answer("whoami"))

	guard.Handle(r, "GET /fail", scopes.All(), http.HandlerFunc(fail))

	// A rule can also be middleware of a sub-router or of a mounted router. RequireAt
	// adds the rule to guard.Routes() under the pattern.
	r.Route("/admin", func(r chi.Router) {
		r.Use(guard.RequireAt("/admin/*", scopes.All("admin")))
		r.Get("/{id}", answer("admin"))
	})
	files := chi.NewRouter()
	files.Use(guard.RequireAt("/files/*", scopes.All("read:files")))
	files.Get("/*", answer("files"))
	r.Mount("/files", files)
	return r
}
