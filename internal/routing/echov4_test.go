package routing_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/bearerkit/bearer/middleware/echov4bearer"
)

// echoRewrites are the rules of the middleware Rewrite in the configurations of echo.
var echoRewrites = map[string]string{"/files/*": "/admin/$1", "/v1/*": "/$1"}

// echoV4 returns the configurations of echo v4.
func echoV4(t *testing.T) []config {
	t.Helper()
	form := middleware.MethodOverrideConfig{Getter: middleware.MethodFromForm("_method")}
	query := middleware.MethodOverrideConfig{Getter: middleware.MethodFromQuery("_method")}
	var list []config
	for _, o := range []struct {
		option   string
		pre      []echo.MiddlewareFunc
		rewrites bool
	}{
		{option: "default"},
		{option: "RemoveTrailingSlash", pre: []echo.MiddlewareFunc{middleware.RemoveTrailingSlash()}},
		{option: "AddTrailingSlash", pre: []echo.MiddlewareFunc{middleware.AddTrailingSlash()}, rewrites: true},
		{option: "Rewrite", pre: []echo.MiddlewareFunc{middleware.Rewrite(echoRewrites)}, rewrites: true},
		{option: "MethodOverride", pre: []echo.MiddlewareFunc{middleware.MethodOverride()}},
		{option: "MethodOverride by form and query", pre: []echo.MiddlewareFunc{middleware.MethodOverrideWithConfig(form), middleware.MethodOverrideWithConfig(query)}},
		{option: "all", pre: []echo.MiddlewareFunc{middleware.Rewrite(echoRewrites), middleware.RemoveTrailingSlash(), middleware.MethodOverride()}, rewrites: true},
	} {
		for _, guard := range []string{enforce, enforceRoutes, require} {
			s := newSite(t, without(digitsOnly, "/{page}")) // in echo, "/:page" matches paths with several segments
			e := echo.New()
			e.Logger.SetOutput(io.Discard)
			e.Pre(o.pre...)
			list = append(list, config{router: "echo v4", option: o.option, guard: guard, routes: s.routes, handler: s.echoV4(e, guard), rewrites: o.rewrites})
		}
	}
	return list
}

// echoV4 adds the API to a server.
func (s *site) echoV4(e *echo.Echo, guard string) http.Handler {
	name := colons("/*")
	switch guard {
	case enforce:
		table := s.table()
		e.Use(noteInEchoV4(func(c echo.Context) string { return inTable(table)(c.Request()) }), echov4bearer.Enforce(s.guard, table))
	case enforceRoutes:
		e.Use(noteInEchoV4(func(c echo.Context) string { return c.Path() }), echov4bearer.EnforceRoutes(s.guard, s.rules(name)))
	}
	s.each(func(method string, r route, _ http.Handler) {
		var require []echo.MiddlewareFunc
		if guard == "Require" {
			require = []echo.MiddlewareFunc{echov4bearer.Require(s.guard, r.scopesRule())}
		}
		e.Add(method, name(r), echo.WrapHandler(s.handler(r)), require...)
	}, guard)
	return e
}

// noteInEchoV4 returns middleware that notes the pattern.
func noteInEchoV4(match func(echo.Context) string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			noted(func(*http.Request) string { return match(c) })(c.Request())
			return next(c)
		}
	}
}
