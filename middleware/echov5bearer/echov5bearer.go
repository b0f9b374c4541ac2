// Package echov5bearer guards echo v5 routes with access tokens. It adapts a guard of
// package middleware to echo:
//
//	guard, err := middleware.New(verifier, nil)
//	e.POST("/deployments", create, echov5bearer.Require(guard, scopes.All("deploy:applications")))
//
//	// Handle also lists the route in guard.Routes()
//	echov5bearer.Handle(guard, e, "POST", "/deployments", scopes.All("deploy:applications"), create)
//
// One list can contain the rules of all routes, by the names that echo uses:
//
//	e.Use(echov5bearer.EnforceRoutes(guard, scopes.Routes{
//		"GET /healthz":         scopes.Public(),
//		"GET /deployments/:id": scopes.All("read:deployments"),
//	}))
//
// Echo does not serve HEAD requests with a route for GET, so the guard denies them. If clients
// send HEAD requests, for example for a health check, register the route for HEAD too. It
// has the rule for GET.
//
// A handler gets the caller's claims from the context of the request:
//
//	claims, ok := bearer.FromContext(c.Request().Context())
//
// c.Get with [Key] returns the same claims. A refused request gets the same answer as with
// net/http, and reaches no handler. Errors of handlers go to echo's error handler as usual.
//
// The package is a module of its own. This command adds it to your module:
//
//	go get github.com/bearerkit/bearer/middleware/echov5bearer@latest
package echov5bearer

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Key is the key of the caller's claims. c.Get(Key) returns a *bearer.Claims. The guard sets
// the key only if it has verified a token. If it has verified no token, it removes the claims of a
// guard before it. echo-jwt uses the same key for its token.
const Key = "user"

// Require returns middleware for one route or a group. The middleware refuses requests that
// do not meet the rule, as [middleware.Guard.Require] does. With the zero Rule, the
// middleware denies every request. Require panics if the rule has a mistake in it
// ([scopes.Rule.Err]).
func Require(g *middleware.Guard, rule scopes.Rule) echo.MiddlewareFunc {
	return adapt(g.Require(rule))
}

// Handle registers the handler with a server or a group, and guards it with the rule. The
// guard runs before the middleware m. Handle records the route for
// [middleware.Guard.Routes], as [middleware.Guard.Handle] does. Handle panics if the rule
// has a mistake in it ([scopes.Rule.Err]), if the handler is nil, or if the method is in
// lower case. With the zero Rule, every request for the route is denied.
func Handle(g *middleware.Guard, routes interface {
	Add(method, path string, handler echo.HandlerFunc, middleware ...echo.MiddlewareFunc) echo.RouteInfo
}, method, path string, rule scopes.Rule, handler echo.HandlerFunc, m ...echo.MiddlewareFunc,
) echo.RouteInfo {
	prefix := method + " "
	if method == echo.RouteAny || method == echo.RouteNotFound {
		prefix = "" // this is no method of a request
	}
	if g == nil || handler == nil || rule.Err() != nil && !rule.IsZero() || prefix != strings.ToUpper(prefix) {
		g.RequireAt(prefix+path, rule)(nil) // panics before echo registers the route
	}
	// Only Add returns the full path of the route, and RequireAt needs this path. But Add
	// already needs the middleware. So the middleware "guarded" calls the variable "require",
	// which is set after Add.
	var require echo.MiddlewareFunc
	guarded := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error { return require(next)(c) }
	}
	route := routes.Add(method, path, handler, append([]echo.MiddlewareFunc{guarded}, m...)...)
	require = adapt(g.RequireAt(prefix+route.Path, rule))
	return route
}

// Enforce returns middleware for a whole server. The middleware checks each request against
// the rule of its route in t, as [middleware.Guard.Enforce] does. The patterns of t have
// the syntax of [http.ServeMux], not of echo.
//
// Echo matches the encoded path, and the table matches the decoded path. So the table
// refuses a request if both readings of the path do not belong to the same route. In echo,
// the last parameter of a route, such as ":id", also matches a path with more elements, and
// a parameter can be empty. A wildcard of the table, such as "{id}", matches exactly one
// element. So Enforce denies requests with such a parameter. It also denies a request if
// echo has not chosen a route, for example in e.Pre. [EnforceRoutes] has no such limits on
// parameters, because echo itself chooses the route.
func Enforce(g *middleware.Guard, t *scopes.Table) echo.MiddlewareFunc {
	enforce, deny := adapt(g.Enforce(t)), adapt(g.Enforce(nil))
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		enforced, denied := enforce(next), deny(next)
		return func(c *echo.Context) error {
			if c.Path() == "" || slices.ContainsFunc(c.PathValues(), func(v echo.PathValue) bool { return !isElement(v.Name, v.Value) }) {
				return denied(c)
			}
			return enforced(c)
		}
	}
}

// isElement reports whether the value of a parameter is one element of a path. The value of
// the parameter "*" may be any text.
func isElement(name, value string) bool {
	return name == "*" || value != "" && !strings.Contains(value, "/")
}

func adapt(guard func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return adaptRequest(guard, func(_ *echo.Context, r *http.Request) *http.Request { return r })
}

// adaptRequest returns the guard as middleware of echo. The function request returns the
// request for the guard.
func adaptRequest(guard func(http.Handler) http.Handler, request func(*echo.Context, *http.Request) *http.Request) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if r := c.Request(); r.Pattern == c.Path() {
				r.Pattern = routeName(c.RouteInfo()) // observers receive the pattern as the route
			}
			h := nextHandler{c: c, next: next}
			guard(&h).ServeHTTP(c.Response(), request(c, c.Request()))
			return h.err
		}
	}
}

// nextHandler runs the rest of the handler chain for one request.
type nextHandler struct {
	c    *echo.Context
	next echo.HandlerFunc
	err  error
}

// ServeHTTP runs the handlers after the guard and keeps their error for echo's error
// handler.
func (h *nextHandler) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.c.SetRequest(r)
	if claims, ok := bearer.FromContext(r.Context()); ok {
		h.c.Set(Key, claims)
	} else if _, before := h.c.Get(Key).(*bearer.Claims); before {
		h.c.Set(Key, nil) // removes the claims of a guard before this one; echo-jwt stores a different type
	}
	h.err = h.next(h.c)
}
