package echov5bearer

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// EnforceRoutes returns middleware for a whole server or a group. The middleware checks each
// request against the rule of the route that echo has chosen, as
// [middleware.Guard.EnforceRoutes] does. The patterns of the rules have the syntax of echo,
// and are the names that [Routes] returns:
//
//	e.Use(echov5bearer.EnforceRoutes(guard, scopes.Routes{
//		"GET /healthz":         scopes.Public(),
//		"GET /deployments/:id": scopes.All("read:deployments"),
//	}))
//
// The middleware denies requests for which echo has found no route, also if the program
// has a handler for them. In e.Pre, the middleware denies every request, because echo
// chooses the route later. If other middleware of e.Use has changed the path or the method
// of the request after echo chose the route, the middleware denies the request. So use
// middleware.Rewrite and middleware.MethodOverride of echo in e.Pre. EnforceRoutes panics if
// the guard is nil or the rules have a mistake in them ([scopes.Routes.Err]).
//
// If this middleware is in a group, do not put [http.TimeoutHandler] in front: echo can
// give the context of a request that runs on after its timeout to another request. Put
// http.TimeoutHandler around the server, or use [Require] at the routes.
func EnforceRoutes(g *middleware.Guard, rules scopes.Routes) echo.MiddlewareFunc {
	return adaptRequest(g.EnforceRoutes(rules, pattern), func(c *echo.Context, r *http.Request) *http.Request {
		return r.WithContext(&routed{r.Context(), c, r.Method}) //nolint:contextcheck // the context wraps the context of r
	})
}

// routed is the context of a request with the context of echo.
type routed struct {
	context.Context //nolint:containedctx // this is a context
	c               *echo.Context
	method          string
}

// pattern returns the pattern of the request's route, or "" if there is no route. For a
// preflight request, the guard passes a request with the announced method.
func pattern(r *http.Request) string {
	ctx, ok := r.Context().(*routed)
	if !ok {
		return ""
	}
	e := ctx.c.Echo()
	again := e.AcquireContext()
	defer e.ReleaseContext(again)
	again.Reset(r, nil)
	e.Router().Route(again)
	route := again.RouteInfo()
	if r.Method == ctx.method {
		// If echo now chooses another route, middleware has changed the request, and the
		// rule of the changed request is not the rule of the handler.
		if chosen := ctx.c.RouteInfo(); chosen.Method != route.Method || chosen.Path != route.Path {
			return ""
		}
	}
	if route.Method == "" || route.Method == echo.RouteNotFound {
		return ""
	}
	return withSlash(route.Path)
}

// withSlash returns the path with a leading slash. Echo adds the slash for its router, but
// not in the RouteInfo.
func withSlash(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}

// Routes returns the method and the path of every route of the server. The method of a
// route for all methods is empty.
func Routes(e *echo.Echo) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, info := range e.Router().Routes() {
			method := info.Method
			switch method {
			case echo.RouteNotFound:
				continue // this entry is for requests without a route
			case echo.RouteAny:
				method = ""
			}
			if !yield(method, withSlash(info.Path)) {
				return
			}
		}
	}
}

// AuditRoutes compares the rules with the routes of the server, as [middleware.AuditRoutes]
// does. AuditRoutes cannot check whether the server uses the middleware of
// [EnforceRoutes].
func AuditRoutes(e *echo.Echo, rules scopes.Routes) middleware.AuditReport {
	return middleware.AuditRoutes(Routes(e), rules)
}

// routeName returns the name of a route: its method and its path. The name of a route for all methods,
// and of a handler for requests without a route, has no method. It is "" if there is no route.
func routeName(route echo.RouteInfo) string {
	switch {
	case route.Path == "", route.Method == "", route.Method == echo.RouteAny, route.Method == echo.RouteNotFound:
		return route.Path
	}
	return route.Method + " " + route.Path
}
