// Package echov4bearer guards routes of echo v4 with access tokens, by a guard of
// package middleware:
//
//	guard, err := middleware.New(verifier, nil)
//	e.POST("/deployments", create, echov4bearer.Require(guard, scopes.All("deploy:applications")))
//	echov4bearer.Handle(guard, e, "POST", "/deployments", scopes.All("deploy:applications"), create) // and names the route in guard.Routes()
//
// or, with the rules of all routes in one place,
//
//	e.Use(echov4bearer.Enforce(guard, &rules))
//
// A handler finds the caller with
//
//	claims, ok := bearer.FromContext(c.Request().Context())
//
// or under [Key]. A request that is refused is answered, as by the guard on
// net/http, and goes no further; errors of handlers go to the error handler as
// ever.
package echov4bearer

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Key is where c.Get finds the caller's *bearer.Claims, unless there is none: the
// same as for the token of echo-jwt.
const Key = "user"

// Require returns middleware for one route or a group: requests that do not meet
// the rule are refused, as by [middleware.Guard.Require]. A rule that is wrong panics here.
func Require(g *middleware.Guard, rule scopes.Rule) echo.MiddlewareFunc {
	return adapt(g.Require(rule))
}

// Handle registers the handler with a server or a group behind the rule, which
// comes in front of the middleware, and declares the route for
// [middleware.Guard.Routes], as [middleware.Guard.Handle] does. It panics if the rule is
// wrong or the handler is nil.
func Handle(g *middleware.Guard, routes interface {
	Add(method, path string, handler echo.HandlerFunc, middleware ...echo.MiddlewareFunc) *echo.Route
}, method, path string, rule scopes.Rule, handler echo.HandlerFunc, m ...echo.MiddlewareFunc,
) *echo.Route {
	if g == nil || handler == nil || rule.Err() != nil && !rule.IsZero() {
		g.RequireAt(method+" "+path, rule)(nil) // panics, before echo has the route
	}
	// Only echo knows the whole path, and it asks for the middleware first.
	var require echo.MiddlewareFunc
	guarded := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return require(next)(c) }
	}
	route := routes.Add(method, path, handler, append([]echo.MiddlewareFunc{guarded}, m...)...)
	require = adapt(g.RequireAt(method+" "+route.Path, rule))
	return route
}

// Enforce returns middleware for a whole server: each request is judged by the
// rule of its route in t, as by [middleware.Guard.Enforce]. The patterns of t are
// those of [http.ServeMux].
func Enforce(g *middleware.Guard, t *scopes.Table) echo.MiddlewareFunc { return adapt(g.Enforce(t)) }

// Audit returns every route of the server with the rule that t has for it, for a
// list at start and for a test that no route is without a rule. Rules that are not
// in a table are in [middleware.Guard.Routes].
func Audit(e *echo.Echo, t *scopes.Table) []middleware.Route {
	var routes []middleware.Route
	for _, info := range e.Routes() {
		if info.Method == echo.RouteNotFound {
			continue // what answers where there is no route
		}
		// A path with parameters is an example of itself.
		example, err := http.NewRequest(info.Method, strings.ReplaceAll(info.Path, "*", "x"), http.NoBody) //nolint:noctx // it is never sent
		route := middleware.Route{Pattern: info.Method + " " + info.Path}
		if err == nil {
			route.Rule, _ = t.Rule(example)
		}
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b middleware.Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return routes
}

func adapt(guard func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Pattern == "" {
				r.Pattern = c.Path() // for observers
			}
			h := nextHandler{c: c, next: next}
			guard(&h).ServeHTTP(c.Response(), r)
			return h.err
		}
	}
}

// nextHandler runs the rest of a chain, for one request.
type nextHandler struct {
	c    echo.Context
	next echo.HandlerFunc
	err  error
}

// ServeHTTP runs the handlers behind and keeps their error, which is echo's to
// answer.
func (h *nextHandler) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.c.SetRequest(r)
	if claims, ok := bearer.FromContext(r.Context()); ok {
		h.c.Set(Key, claims)
	}
	h.err = h.next(h.c)
}
