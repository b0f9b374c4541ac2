// The program chi is an API on chi, whose middleware is that of net/http: no
// adapter is needed.
//
//	cd examples/chi && go run .
package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/internal/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler { return routes(guard) }

func routes(guard *middleware.Guard) chi.Router {
	r := chi.NewRouter()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle is Require and a line in guard.Routes().
	guard.Handle(r, "GET /healthz", scopes.Public(), answer("health"))
	guard.Handle(r, "GET /deployments", read, answer("list"))
	guard.Handle(r, "POST /deployments", scopes.All("deploy:applications"), answer("create"))
	guard.Handle(r, "GET /deployments/{id}", read, answer("read"))
	guard.Handle(r, "DELETE /deployments/{id}", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// A rule that is new: who does not meet it is let through, and reported to
	// the verifier's Observer.
	guard.Handle(r, "PATCH /deployments/{id}", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// No token is fine; a bad one is not.
	guard.Handle(r, "GET /whoami", scopes.Optional(scopes.All()), answer("whoami"))

	guard.Handle(r, "GET /fail", scopes.All(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "deployment in progress", http.StatusConflict)
	}))

	// Or as middleware: of a sub-router, and of one that is mounted. RequireAt is
	// Require and the name of the place for guard.Routes().
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

// answer says which handler it is, what it was asked for and by whom.
func answer(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		client, id := "-", strings.Trim(r.PathValue("id")+chi.URLParam(r, "*"), "/")
		if claims, ok := bearer.FromContext(r.Context()); ok {
			client = claims.ClientID()
		}
		if id == "" {
			id = "-"
		}
		_, _ = fmt.Fprintln(w, name, id, client) //nolint:gosec // plain text, which nobody renders
	}
}
