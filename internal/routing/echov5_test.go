package routing_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/bearerkit/bearer/middleware/echov5bearer"
)

// echoV5 returns the configurations of echo v5.
func echoV5(t *testing.T) []config {
	t.Helper()
	form := middleware.MethodOverrideConfig{Getter: middleware.MethodFromForm("_method")}
	query := middleware.MethodOverrideConfig{Getter: middleware.MethodFromQuery("_method")}
	var list []config
	for _, o := range []struct {
		option   string
		escaped  bool // UseEscapedPathForMatching
		pre      []echo.MiddlewareFunc
		rewrites bool
	}{
		{option: "default"},
		{option: "UseEscapedPathForMatching", escaped: true},
		{option: "all, UseEscapedPathForMatching", escaped: true, pre: []echo.MiddlewareFunc{middleware.Rewrite(echoRewrites), middleware.RemoveTrailingSlash(), middleware.MethodOverride()}, rewrites: true},
		{option: "RemoveTrailingSlash", pre: []echo.MiddlewareFunc{middleware.RemoveTrailingSlash()}},
		{option: "AddTrailingSlash", pre: []echo.MiddlewareFunc{middleware.AddTrailingSlash()}, rewrites: true},
		{option: "Rewrite", pre: []echo.MiddlewareFunc{middleware.Rewrite(echoRewrites)}, rewrites: true},
		{option: "MethodOverride", pre: []echo.MiddlewareFunc{middleware.MethodOverride()}},
		{option: "MethodOverride by form and query", pre: []echo.MiddlewareFunc{middleware.MethodOverrideWithConfig(form), middleware.MethodOverrideWithConfig(query)}},
		{option: "all", pre: []echo.MiddlewareFunc{middleware.Rewrite(echoRewrites), middleware.RemoveTrailingSlash(), middleware.MethodOverride()}, rewrites: true},
	} {
		for _, guard := range []string{enforce, enforceRoutes, require} {
			s := newSite(t, without(digitsOnly, "/{page}")) // in echo, "/:page" matches paths with several segments
			e := echo.NewWithConfig(echo.Config{
				Logger: slog.New(slog.DiscardHandler),
				Router: echo.NewRouter(echo.RouterConfig{AllowOverwritingRoute: true, UseEscapedPathForMatching: o.escaped}),
			})
			e.Pre(o.pre...)
			list = append(list, config{router: "echo v5", option: o.option, guard: guard, routes: s.routes, handler: s.echoV5(e, guard), rewrites: o.rewrites})
		}
	}
	return list
}

// echoV5 adds the API to a server.
func (s *site) echoV5(e *echo.Echo, guard string) http.Handler {
	name := colons("/*")
	switch guard {
	case enforce:
		table := s.table()
		e.Use(noteInEchoV5(func(c *echo.Context) string { return inTable(table)(c.Request()) }), echov5bearer.Enforce(s.guard, table))
	case enforceRoutes:
		e.Use(noteInEchoV5(func(c *echo.Context) string { return c.Path() }), echov5bearer.EnforceRoutes(s.guard, s.rules(name)))
	}
	for _, r := range s.routes {
		method := r.method
		if method == "" {
			method = echo.RouteAny
		}
		var require []echo.MiddlewareFunc
		if guard == "Require" {
			require = []echo.MiddlewareFunc{echov5bearer.Require(s.guard, r.scopesRule())}
		}
		e.Add(method, name(r), echo.WrapHandler(s.handler(r)), require...)
	}
	return e
}

// noteInEchoV5 returns middleware that notes the pattern.
func noteInEchoV5(match func(*echo.Context) string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			noted(func(*http.Request) string { return match(c) })(c.Request())
			return next(c)
		}
	}
}
