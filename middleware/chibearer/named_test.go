package chibearer_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestEnforceRoutes(t *testing.T) {
	named := routertest.Named{
		Build: func(g *middleware.Guard, rules scopes.Routes, routes []routertest.NamedRoute) http.Handler {
			r := chi.NewRouter()
			r.Use(chimiddleware.GetHead, chibearer.EnforceRoutes(g, rules))
			for _, route := range routes {
				r.MethodFunc(route.Method, route.Pattern, func(w http.ResponseWriter, r *http.Request) {
					route.Serve(w, r, func(name string) string {
						if name == "path" {
							name = "*"
						}
						return chi.URLParam(r, name)
					})
				})
			}
			return r
		},
		Audit: func(h http.Handler, rules scopes.Routes) middleware.AuditReport {
			r, ok := h.(*chi.Mux)
			if !ok {
				t.Fatal("got another handler, want a router of chi")
			}
			return chibearer.AuditRoutes(r, rules)
		},
		Path: strings.NewReplacer("{path...}", "*").Replace,
	}
	named.Run(t)
}
