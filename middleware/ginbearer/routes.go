package ginbearer

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// EnforceRoutes adds middleware to the engine with engine.Use. The middleware checks each
// request against the rule of the route that gin has chosen, as
// [middleware.Guard.EnforceRoutes] does. The patterns of the rules have the syntax of gin,
// and are the names that [Routes] returns:
//
//	ginbearer.EnforceRoutes(guard, engine, scopes.Routes{
//		"GET /healthz":         scopes.Public(),
//		"GET /deployments/:id": scopes.All("read:deployments"),
//	})
//
// Call EnforceRoutes before you register routes or create groups. The middleware of
// engine.Use does not apply to routes that were registered before, nor to routes of groups
// that were created before. [AuditRoutes] finds such routes.
//
// The middleware denies requests for which gin finds no route, so the handlers of
// engine.NoRoute and engine.NoMethod receive no request, except preflight requests that
// Options.AllowPreflight lets through. It denies a request if middleware before it has
// changed the method of the request, because gin has already chosen the route.
//
// Do not use middleware that lets a handler run on after a timeout, such as
// [http.TimeoutHandler], because gin uses the context of the request again. Put such a
// timeout around the engine.
//
// EnforceRoutes panics if the engine already has routes, if the guard or the engine is nil,
// or if the rules have a mistake in them ([scopes.Routes.Err]).
func EnforceRoutes(g *middleware.Guard, engine *gin.Engine, rules scopes.Routes) {
	e := &enforcer{engine: engine, rules: rules}
	if err := errors.Join(unfit(engine), rules.Err()); g != nil && err != nil {
		refuse(err) // before the guard records the rules
	}
	e.guard = g.EnforceRoutes(rules, e.pattern)
	engine.Handlers = append(gin.HandlersChain{recordMethod}, engine.Handlers...)
	engine.Use(e.handle)
}

// unfit returns an error if the engine is nil or has routes. The error names all routes.
func unfit(engine *gin.Engine) error {
	if engine == nil {
		return errors.New("ginbearer: the engine is nil")
	}
	var names []string
	for _, route := range engine.Routes() {
		names = append(names, route.Method+" "+route.Path)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return errors.New("ginbearer: the engine already has the routes " + strings.Join(names, ", ") +
		"; call EnforceRoutes before you register routes, because gin does not apply the guard to earlier routes")
}

// refuse panics with the error and the source line of the declaration.
func refuse(err error) { panic(scopes.Invalid(err).Err()) } //nolint:forbidigo // gin panics too

// enforcer contains the rules of EnforceRoutes, the table of Enforce, or the rule of Require.
type enforcer struct {
	guard    func(http.Handler) http.Handler
	engine   *gin.Engine   // of EnforceRoutes, otherwise nil
	rules    scopes.Routes // of EnforceRoutes
	shadow   shadow        // of EnforceRoutes
	hasTable bool          // true for Enforce
	table    *scopes.Table // of Enforce
	rule     scopes.Rule   // of Require and Handle
}

// handle is the middleware. The audit recognizes the function by its address. The audit
// passes a context without a request, which gin never does.
func (e *enforcer) handle(c *gin.Context) {
	if c.Request == nil {
		c.Set(identity{}, e)
		return
	}
	r := c.Request
	if r.Pattern == "" {
		r.Pattern = routeName(r.Method, c.FullPath()) // observers receive the pattern as the route
	}
	if e.engine != nil {
		r = r.WithContext(&routed{r.Context(), c, r.Method})
	}
	h := nextHandler{c: c}
	e.guard(&h).ServeHTTP(c.Writer, r)
	if !h.called {
		c.Abort()
	}
}

type identity struct{}

// methodKey is the key for the method with which gin has chosen the route.
type methodKey struct{}

// recordMethod runs before all other middleware.
func recordMethod(c *gin.Context) {
	if c.Request != nil {
		c.Set(methodKey{}, c.Request.Method)
	}
}

// routed is the context of a request with the context of gin.
type routed struct {
	context.Context //nolint:containedctx // this is a context
	c               *gin.Context
	method          string
}

// pattern returns the pattern of the request's route, or "" if there is no route. For a
// preflight request, the guard passes a request with the announced method.
func (e *enforcer) pattern(r *http.Request) string {
	ctx, ok := r.Context().(*routed)
	if !ok {
		return ""
	}
	if r.Method != ctx.method {
		return e.shadow.pattern(e.engine, r)
	}
	if method, ok := ctx.c.Get(methodKey{}); !ok || method != r.Method {
		return ""
	}
	return ctx.c.FullPath()
}

// Routes returns the method and the pattern of every route of the engine.
func Routes(engine *gin.Engine) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, route := range list(engine) {
			if !yield(route.method, route.pattern) {
				return
			}
		}
	}
}

// AuditRoutes compares the rules with the routes of the engine, as [middleware.AuditRoutes]
// does. In addition, it lists a route as unguarded if the middleware of [EnforceRoutes] with
// the same rule is not in the chain of handlers of the route. A route with the middleware
// of [Require] or [Handle] has the rule of this middleware. AuditRoutes calls no handler.
//
// gin does not export the chains of handlers, so AuditRoutes reads them with package
// reflect. If a version of gin has other data structures, AuditRoutes lists every route as
// unguarded.
func AuditRoutes(engine *gin.Engine, rules scopes.Routes) middleware.AuditReport {
	report := middleware.AuditRoutes(Routes(engine), rules)
	for _, route := range list(engine) {
		name := route.method + " " + route.pattern
		i := slices.IndexFunc(report.Routes, func(r middleware.Route) bool { return r.Pattern == name })
		if i < 0 || route.enforces(rules) {
			continue
		}
		rule, guarded := route.required()
		report.Routes[i].Rule = rule
		report.WithoutRule = slices.DeleteFunc(report.WithoutRule, func(s string) bool { return s == name })
		switch {
		case !guarded:
			report.Unguarded = append(report.Unguarded, name)
		case rule.IsZero():
			report.WithoutRule = append(report.WithoutRule, name)
		}
	}
	slices.Sort(report.WithoutRule)
	slices.Sort(report.Unguarded)
	return report
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
