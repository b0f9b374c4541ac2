package echov4bearer

import (
	"context"
	"iter"
	"net/http"
	"unsafe"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// EnforceRoutes returns middleware for a whole server or a group. The middleware checks each
// request against the rule of the route that echo has chosen, as
// [middleware.Guard.EnforceRoutes] does. The patterns of the rules have the syntax of echo,
// and are the names that [Routes] returns:
//
//	e.Use(echov4bearer.EnforceRoutes(guard, scopes.Routes{
//		"GET /healthz":         scopes.Public(),
//		"GET /deployments/:id": scopes.All("read:deployments"),
//	}))
//
// Virtual hosts (e.Host) share the rules: routes of two hosts with the same method and path
// have the same name.
//
// The middleware denies requests for which echo has found no route, also if the program
// has a handler for them. In e.Pre, the middleware denies every request, because echo
// chooses the route later. If other middleware of e.Use has changed the path or the method
// of the request after echo chose the route, the middleware denies the request. So use
// middleware.Rewrite and middleware.MethodOverride of echo in e.Pre. EnforceRoutes panics if
// the guard is nil or the rules have a mistake in them ([scopes.Routes.Err]).
//
// Do not use middleware.Timeout of echo or [http.TimeoutHandler] in front of this middleware:
// a request that runs on after its timeout is then judged as the request to which echo has
// given its context. Put http.TimeoutHandler around the server, use middleware.ContextTimeout
// of echo, or use [Require] at the routes.
func EnforceRoutes(g *middleware.Guard, rules scopes.Routes) echo.MiddlewareFunc {
	return adaptRequest(g.EnforceRoutes(rules, pattern), func(c echo.Context, r *http.Request) *http.Request {
		return r.WithContext(&routed{r.Context(), c, r.Method}) //nolint:contextcheck // the context wraps the context of r
	})
}

// routed is the context of a request with the context of echo.
type routed struct {
	context.Context //nolint:containedctx // this is a context
	c               echo.Context
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
	router := e.Routers()[r.Host]
	if router == nil {
		router = e.Router()
	}
	router.Find(r.Method, echo.GetPath(r), again)
	path, handler := again.Path(), again.Handler()
	if r.Method == ctx.method && (path != ctx.c.Path() || !same(handler, ctx.c.Handler())) {
		// Echo now chooses another route. So middleware has changed the request, and the
		// rule of the changed request is not the rule of the handler.
		return ""
	}
	// Without a route, echo chooses an entry that it does not distinguish from a route. No
	// route has the method RouteNotFound, and echo chooses the same entry for this method.
	again.Reset(r, nil)
	router.Find(echo.RouteNotFound, echo.GetPath(r), again)
	if same(handler, again.Handler()) {
		return ""
	}
	return path
}

// same reports whether a and b are the same function with the same variables. Echo registers
// the handler of each route as a function value of its own, so two routes differ. The
// address that package reflect returns is not sufficient: it is the address of the code,
// which is equal for all routes.
func same(a, b echo.HandlerFunc) bool {
	return *(*unsafe.Pointer)(unsafe.Pointer(&a)) == *(*unsafe.Pointer)(unsafe.Pointer(&b)) //nolint:gosec // the pointers are only compared
}

// Routes returns the method and the path of every route of the server, including the routes
// of virtual hosts.
func Routes(e *echo.Echo) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		lists := [][]*echo.Route{e.Routes()}
		for _, router := range e.Routers() {
			lists = append(lists, router.Routes())
		}
		for _, list := range lists {
			for _, info := range list {
				if info.Method == echo.RouteNotFound {
					continue // this entry is for requests without a route
				}
				if !yield(info.Method, info.Path) {
					return
				}
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

// routeName returns the name of a route: its method and its path. It is "" if there is no route.
func routeName(method, path string) string {
	if path == "" || !isStandard(method) {
		return path
	}
	return method + " " + path
}

// isStandard reports whether the method is defined in RFC 9110 or RFC 5789. Middleware can change the
// method of a request to a text of the client, which must not become the name of a route.
func isStandard(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}
