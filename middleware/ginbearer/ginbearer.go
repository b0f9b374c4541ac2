// Package ginbearer guards routes of gin with access tokens, by a guard of package
// middleware:
//
//	guard, err := middleware.New(verifier, nil)
//	engine.POST("/deployments", ginbearer.Require(guard, scopes.All("deploy:applications")), create)
//	ginbearer.Handle(guard, engine, "POST", "/deployments", scopes.All("deploy:applications"), create) // and names the route in guard.Routes()
//
// or, with the rules of all routes in one place,
//
//	engine.Use(ginbearer.Enforce(guard, &rules))
//
// A handler finds the caller with
//
//	claims, ok := bearer.FromContext(c.Request.Context())
//
// or under [Key]. A request that is refused is answered, as by the guard on
// net/http, and aborted.
//
// With RedirectTrailingSlash and RedirectFixedPath the engine answers before
// middleware is asked: who is refused can find out that a route exists.
package ginbearer

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Key is where c.Get finds the caller's *bearer.Claims, unless there is none: the
// same as for the user of gin.BasicAuth.
const Key = gin.AuthUserKey

// Require returns middleware for one route or a group: requests that do not meet
// the rule are refused, as by [middleware.Guard.Require]. A rule that is wrong panics here.
func Require(g *middleware.Guard, rule scopes.Rule) gin.HandlerFunc { return adapt(g.Require(rule)) }

// Handle registers the handlers with an engine or a group behind the rule, and
// declares the route for [middleware.Guard.Routes], as [middleware.Guard.Handle]
// does. It panics if the rule is wrong, if there is no handler, and if one is nil.
func Handle(g *middleware.Guard, routes interface {
	gin.IRoutes
	BasePath() string
}, method, relativePath string, rule scopes.Rule, handlers ...gin.HandlerFunc,
) gin.IRoutes {
	full := path.Join(routes.BasePath(), relativePath)
	if strings.HasSuffix(relativePath, "/") && full != "/" {
		full += "/" // as gin does
	}
	require := g.RequireAt(method+" "+full, rule)
	if len(handlers) == 0 || slices.ContainsFunc(handlers, func(h gin.HandlerFunc) bool { return h == nil }) {
		require(nil) // panics
	}
	return routes.Handle(method, relativePath, append([]gin.HandlerFunc{adapt(require)}, handlers...)...)
}

// Enforce returns middleware for a whole engine: each request is judged by the
// rule of its route in t, as by [middleware.Guard.Enforce]. The patterns of t are
// those of [http.ServeMux].
func Enforce(g *middleware.Guard, t *scopes.Table) gin.HandlerFunc { return adapt(g.Enforce(t)) }

// Audit returns every route of the engine with the rule that t has for it, for a
// list at start and for a test that no route is without a rule. Rules that are not
// in a table are in [middleware.Guard.Routes].
func Audit(engine *gin.Engine, t *scopes.Table) []middleware.Route {
	var routes []middleware.Route
	for _, info := range engine.Routes() {
		// A path with parameters is an example of itself.
		example, err := http.NewRequest(info.Method, strings.ReplaceAll(info.Path, "*", ""), http.NoBody) //nolint:noctx // it is never sent
		route := middleware.Route{Pattern: info.Method + " " + info.Path}
		if err == nil {
			route.Rule, _ = t.Rule(example)
		}
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b middleware.Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return routes
}

func adapt(guard func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Pattern == "" {
			c.Request.Pattern = c.FullPath() // for observers
		}
		h := nextHandler{c: c}
		guard(&h).ServeHTTP(c.Writer, c.Request)
		if !h.open {
			c.Abort()
		}
	}
}

// nextHandler runs the rest of a chain, for one request.
type nextHandler struct {
	c    *gin.Context
	open bool
}

// ServeHTTP runs the handlers behind.
func (h *nextHandler) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.open = true
	h.c.Request = r
	if claims, ok := bearer.FromContext(r.Context()); ok {
		h.c.Set(Key, claims)
	}
	h.c.Next()
}
