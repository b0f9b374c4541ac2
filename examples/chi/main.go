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

	r.With(guard.Require(scopes.Public())).Get("/healthz", answer("health"))
	r.Group(func(r chi.Router) {
		r.Use(guard.Require(read))
		r.Get("/deployments", answer("list"))
		r.Get("/deployments/{id}", answer("read"))
	})
	r.With(guard.Require(scopes.All("deploy:applications"))).Post("/deployments", answer("create"))
	r.With(guard.Require(scopes.All("deploy:applications", "delete:deployments"))).Delete("/deployments/{id}", answer("delete"))

	// A rule that is new: who does not meet it is let through, and reported to
	// the verifier's Observer.
	r.With(guard.Require(scopes.ReportOnly(scopes.All("patch:deployments")))).Patch("/deployments/{id}", answer("patch"))

	// No token is fine; a bad one is not.
	r.With(guard.Require(scopes.Optional(scopes.All()))).Get("/whoami", answer("whoami"))

	r.With(guard.Require(scopes.All())).Get("/fail", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "deployment in progress", http.StatusConflict)
	})

	// A sub-router behind one rule, and one that is mounted.
	r.Route("/admin", func(r chi.Router) {
		r.Use(guard.Require(scopes.All("admin")))
		r.Get("/{id}", answer("admin"))
	})
	files := chi.NewRouter()
	files.Use(guard.Require(scopes.All("read:files")))
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
