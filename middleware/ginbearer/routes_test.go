package ginbearer_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

var configurations = map[string]func(*gin.Engine){
	"default":          func(*gin.Engine) {},
	"UseRawPath":       func(e *gin.Engine) { e.UseRawPath = true },
	"UseEscapedPath":   func(e *gin.Engine) { e.UseEscapedPath = true },
	"RemoveExtraSlash": func(e *gin.Engine) { e.RemoveExtraSlash = true },
	"no redirects": func(e *gin.Engine) {
		e.RedirectTrailingSlash, e.RedirectFixedPath, e.HandleMethodNotAllowed = false, false, true
	},
}

func TestEnforceRoutes(t *testing.T) {
	for name, configure := range configurations {
		named := routertest.Named{
			Build: func(g *middleware.Guard, rules scopes.Routes, routes []routertest.NamedRoute) http.Handler {
				engine := gin.New()
				configure(engine)
				ginbearer.EnforceRoutes(g, engine, rules)
				for _, route := range routes {
					engine.Handle(route.Method, route.Pattern, func(c *gin.Context) { route.Serve(c.Writer, c.Request, c.Param) })
				}
				return engine
			},
			Audit: func(h http.Handler, rules scopes.Routes) middleware.AuditReport {
				engine, ok := h.(*gin.Engine)
				if !ok {
					t.Fatal("got another handler, want an engine")
				}
				return ginbearer.AuditRoutes(engine, rules)
			},
			Path: strings.NewReplacer("{path...}", "*path", "{", ":", "}", "").Replace,
		}
		t.Run(name, named.Run)
	}
}
