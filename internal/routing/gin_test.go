package routing_test

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/middleware/ginbearer"
)

// ginEngines returns the configurations of gin.
func ginEngines(t *testing.T) []config {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	var list []config
	for _, o := range []struct {
		option string
		change func(*gin.Engine)
	}{
		{"default", func(*gin.Engine) {}},
		{"UseRawPath", func(e *gin.Engine) { e.UseRawPath = true }},
		{"UseRawPath, values as sent", func(e *gin.Engine) { e.UseRawPath, e.UnescapePathValues = true, false }},
		{"UseEscapedPath", func(e *gin.Engine) { e.UseEscapedPath = true }},
		{"UseEscapedPath, values as sent", func(e *gin.Engine) { e.UseEscapedPath, e.UnescapePathValues = true, false }},
		{"RemoveExtraSlash", func(e *gin.Engine) { e.RemoveExtraSlash = true }},
		{"RedirectFixedPath", func(e *gin.Engine) { e.RedirectFixedPath = true }},
		{"HandleMethodNotAllowed", func(e *gin.Engine) { e.HandleMethodNotAllowed = true }},
		{"all", func(e *gin.Engine) {
			e.UseRawPath, e.RemoveExtraSlash, e.RedirectFixedPath, e.HandleMethodNotAllowed = true, true, true, true
		}},
	} {
		for _, guard := range []string{enforce, enforceRoutes, require} {
			s := newSite(t, without(digitsOnly, "GET /files/secret/{path...}", "GET /admin/login", "/{path...}"))
			engine := gin.New()
			o.change(engine)
			unfit := guard == enforce && engine.UseEscapedPath // a table decodes "/caf%C3%A9", this engine does not
			list = append(list, config{router: "gin", option: o.option, guard: guard, routes: s.routes, handler: s.gin(engine, guard), unfit: unfit, encoded: engine.UseEscapedPath})
		}
	}
	return list
}

// gin adds the API to an engine.
func (s *site) gin(engine *gin.Engine, guard string) http.Handler {
	name := colons("/*path")
	switch guard {
	case enforce:
		table := s.table()
		match := noted(inTable(table))
		engine.Use(func(c *gin.Context) { match(c.Request) }, ginbearer.Enforce(s.guard, table))
	case enforceRoutes:
		engine.Use(func(c *gin.Context) { noted(func(*http.Request) string { return c.FullPath() })(c.Request) })
		ginbearer.EnforceRoutes(s.guard, engine, s.rules(name))
	}
	s.each(func(method string, r route, _ http.Handler) {
		h := s.handler(r)
		chain := []gin.HandlerFunc{func(c *gin.Context) { h.ServeHTTP(c.Writer, c.Request) }}
		if guard == require {
			chain = append([]gin.HandlerFunc{ginbearer.Require(s.guard, r.scopesRule())}, chain...)
		}
		engine.Handle(method, name(r), chain...)
	}, guard)
	return engine
}
