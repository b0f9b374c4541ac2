package echov5bearer_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

func TestEnforceRoutes(t *testing.T) {
	named := routertest.Named{
		Build: func(g *middleware.Guard, rules scopes.Routes, routes []routertest.NamedRoute) http.Handler {
			e := echo.New()
			e.Use(echov5bearer.EnforceRoutes(g, rules))
			for _, route := range routes {
				e.Add(route.Method, route.Pattern, func(c *echo.Context) error {
					route.Serve(c.Response(), c.Request(), func(name string) string {
						if name == "path" {
							name = "*"
						}
						return c.Param(name)
					})
					return nil
				})
			}
			return e
		},
		Audit: func(h http.Handler, rules scopes.Routes) middleware.AuditReport {
			e, ok := h.(*echo.Echo)
			if !ok {
				t.Fatal("got another handler, want a server")
			}
			return echov5bearer.AuditRoutes(e, rules)
		},
		Path: strings.NewReplacer("{path...}", "*", "{", ":", "}", "").Replace,
	}
	named.Run(t)
}
