// Package ginbearer guards gin routes with access tokens. It adapts a guard of package
// middleware to gin:
//
//	guard, err := middleware.New(verifier, nil)
//	engine.POST("/deployments", ginbearer.Require(guard, scopes.All("deploy:applications")), create)
//
//	// Handle also lists the route in guard.Routes()
//	ginbearer.Handle(guard, engine, "POST", "/deployments", scopes.All("deploy:applications"), create)
//
// One list can contain the rules of all routes, by the names that gin uses. EnforceRoutes
// must be called before routes and groups:
//
//	ginbearer.EnforceRoutes(guard, engine, scopes.Routes{
//		"GET /healthz":         scopes.Public(),
//		"GET /deployments/:id": scopes.All("read:deployments"),
//	})
//
// gin does not serve HEAD requests with a route for GET, so the guard denies them. If clients
// send HEAD requests, for example for a health check, register the route for HEAD too. It
// has the rule for GET.
//
// A handler gets the caller's claims from gin's context, or from the context of the request:
//
//	claims, ok := bearer.FromContext(c)
//	claims, ok := bearer.FromContext(c.Request.Context())
//
// The first form does not need ContextWithFallback of the engine. c.Get with [Key] returns the
// same claims. A refused request gets the same answer as with
// net/http, and the rest of its handler chain is aborted.
//
// If RedirectTrailingSlash or RedirectFixedPath is set, the engine redirects some requests
// before middleware runs. So a client without access can find out that a route exists.
//
// The package is a module of its own. This command adds it to your module:
//
//	go get github.com/bearerkit/bearer/middleware/ginbearer@latest
package ginbearer

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Key is the key of the caller's claims. c.Get(Key) returns a *bearer.Claims. The guard sets
// the key only if it has verified a token. If it has verified no token, it removes the claims of a
// guard before it. gin.BasicAuth uses the same key for the user name.
const Key = gin.AuthUserKey

// claimsKey is the key under which [bearer.FromContext] finds the claims in gin's context. This
// context passes a key to the context of the request only with ContextWithFallback, but it returns
// the values of its own string keys. The text is the same as in package bearer.
const claimsKey = "github.com/bearerkit/bearer.Claims"

// Require returns middleware for one route or a group. The middleware refuses requests that
// do not meet the rule, as [middleware.Guard.Require] does. With the zero Rule, the
// middleware denies every request. Require panics if the rule has a mistake in it
// ([scopes.Rule.Err]).
func Require(g *middleware.Guard, rule scopes.Rule) gin.HandlerFunc {
	return (&enforcer{guard: g.Require(rule), rule: rule}).handle
}

// Handle registers the handlers with an engine or a group, and guards them with the rule.
// It records the route for [middleware.Guard.Routes], as [middleware.Guard.Handle] does.
// Handle panics if the rule has a mistake in it ([scopes.Rule.Err]), if there is no
// handler, or if a handler is nil. With the zero Rule, every request for the route is
// denied.
func Handle(g *middleware.Guard, routes interface {
	gin.IRoutes
	BasePath() string
}, method, relativePath string, rule scopes.Rule, handlers ...gin.HandlerFunc,
) gin.IRoutes {
	full := path.Join(routes.BasePath(), relativePath)
	if strings.HasSuffix(relativePath, "/") && full != "/" {
		full += "/" // gin keeps the slash too
	}
	require := g.RequireAt(method+" "+full, rule)
	if len(handlers) == 0 || slices.ContainsFunc(handlers, func(h gin.HandlerFunc) bool { return h == nil }) {
		require(nil) // panics, because the handler is nil
	}
	return routes.Handle(method, relativePath, append([]gin.HandlerFunc{(&enforcer{guard: require, rule: rule}).handle}, handlers...)...)
}

// Enforce returns middleware for a whole engine. The middleware checks each request against
// the rule of its route in t, as [middleware.Guard.Enforce] does. The patterns of t have
// the syntax of [http.ServeMux], not of gin.
//
// Do not use a table if UseRawPath, UseEscapedPath or RemoveExtraSlash of the engine is set.
// In this case, the table and gin can choose different routes for the same request. Requests
// with an encoded letter in the path are then refused. [EnforceRoutes] has no such limits.
//
// Use Enforce before you register routes or create groups. The middleware of engine.Use does
// not apply to routes that were registered before, nor to routes of groups that were
// created before. [Audit] reports such routes.
func Enforce(g *middleware.Guard, t *scopes.Table) gin.HandlerFunc {
	e := &enforcer{guard: g.Enforce(t), table: t, hasTable: true}
	return e.handle
}

// Audit returns every route of the engine with its rule in t, sorted by pattern. A route
// without a rule has the zero Rule. A route whose chain of handlers does not contain the
// middleware of Enforce(g, t) also has the zero Rule, because t does not apply to the
// route. To find the rule, Audit looks up paths with example values in place of the
// wildcards, such as "/users/example" for "/users/:id". For a wildcard such as "*path", Audit
// looks up one path with one element and one path with two elements. If the paths match
// different patterns of t, the route has the zero Rule.
//
// Audit calls no handler. Use Audit to log the routes at start, and to test that every
// route has a rule. For rules that were declared without a table, use [AuditRoutes] or
// [middleware.Guard.Routes].
func Audit(engine *gin.Engine, t *scopes.Table) []middleware.Route {
	var routes []middleware.Route
	for _, info := range list(engine) {
		route := middleware.Route{Pattern: info.method + " " + info.path}
		if info.enforcesTable(t) {
			route.Rule = ruleOf(t, info.method, info.examples)
		}
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b middleware.Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return routes
}

// ruleOf returns the rule for the paths, or the zero Rule if they match different patterns.
func ruleOf(t *scopes.Table, method string, paths [2]string) scopes.Rule {
	var patterns [2]string
	var rule scopes.Rule
	for i, path := range paths {
		rule, patterns[i] = t.Rule(&http.Request{Method: method, URL: &url.URL{Path: path}})
	}
	if patterns[0] != patterns[1] {
		return scopes.Rule{}
	}
	return rule
}

// nextHandler runs the rest of the handler chain for one request.
type nextHandler struct {
	c      *gin.Context
	called bool // the guard let the request through
}

// ServeHTTP runs the handlers after the guard.
func (h *nextHandler) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.called = true
	h.c.Request = r
	claims, ok := bearer.FromContext(r.Context())
	h.c.Set(claimsKey, claims) // a nil *Claims replaces the claims of a guard before this one
	if ok {
		h.c.Set(Key, claims)
	} else if _, before := h.c.Value(Key).(*bearer.Claims); before {
		h.c.Delete(Key) // the claims of a guard before this one; gin.BasicAuth stores a string
	}
	h.c.Next()
}
