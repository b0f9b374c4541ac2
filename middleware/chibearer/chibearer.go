// Package chibearer guards chi routes with access tokens. It applies the rules of one list
// to the routes that chi itself chooses:
//
//	guard, err := middleware.New(verifier, nil)
//	rules := scopes.Routes{
//		"GET /healthz":          scopes.Public(),
//		"POST /deployments":     scopes.All("deploy:applications"),
//		"GET /deployments/{id}": scopes.Any("read:deployments", "deploy:applications"),
//	}
//	r := chi.NewRouter()
//	r.Use(chibearer.EnforceRoutes(guard, rules))
//
// A handler gets the caller's claims from bearer.FromContext(r.Context()).
//
// For a rule of a single route, this package is not necessary: [middleware.Guard.Require]
// and [middleware.Guard.Handle] work with chi.
//
// The package is a module of its own. This command adds it to your module:
//
//	go get github.com/bearerkit/bearer/middleware/chibearer@latest
//
// # Names of routes
//
// The name of a route is its method and its whole pattern, as [chi.Walk] lists it. The
// pattern of a mounted router is joined with the patterns of its routes: route "/{id}" of
// the router that is mounted at "/users" has the name "GET /users/{id}". The root of a
// mounted router has a trailing slash, "GET /users/". This name also applies to requests
// for "/users", because chi serves these requests with the same handler. [Routes] returns
// the names of all routes.
//
// chi does not serve HEAD requests with a route for GET, so the guard denies them. If clients
// send HEAD requests, for example for a health check, use GetHead of package
// github.com/go-chi/chi/v5/middleware before the guard, or register the route for HEAD too.
// In both cases, HEAD has the rule for GET.
//
// # Middleware that changes the path
//
// Some middleware changes the path or the method that chi uses to find the route, for
// example StripSlashes, URLFormat, CleanPath and GetHead of package
// github.com/go-chi/chi/v5/middleware. Put this middleware before the guard. After the
// guard, such middleware has no effect on the route, also in mounted routers: chi serves
// the route whose rule the guard has checked. But the guard cannot prevent that middleware
// after it gives the request another [chi.Context], or changes RoutePatterns of the context.
//
// # Time limits
//
// chi uses a [chi.Context] again for another request as soon as the router returns. But
// behind [http.TimeoutHandler], a request can run on. So the guard gives each request a
// [chi.Context] of its own, and http.TimeoutHandler can be in Use of the same router, in
// front of the guard or after it. If the time is over before the guard runs, the guard
// answers 503 and calls no handler. Do not use http.TimeoutHandler in a router around the
// router with the guard: there, chi itself changes the context of another request. Do not
// use middleware that returns before its next handler does and gives this handler a context
// without a deadline.
//
// Middleware in front of the guard can read the pattern of the route from its own
// [chi.Context], but no URL parameters. If the context of the request has a deadline, it
// cannot read the pattern.
package chibearer

import (
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// EnforceRoutes returns middleware for a router. The middleware checks each request against
// the rule of the route that chi will choose, as [middleware.Guard.EnforceRoutes] does. The
// patterns of the rules have the syntax of chi, and are the names that [Routes] returns.
//
// Pass the middleware directly to Use of the router, after all middleware that changes the
// path. The middleware also works in Use of a mounted router, and in Group and With. At
// any other place, it denies every request. For example, it denies every request if it
// wraps the router itself, if it is inside a chi.Chain, or if a mux that was registered
// with Handle uses it. Register all routes before the router serves requests.
//
// The middleware denies requests for which chi finds no route, so the handlers of NotFound
// and MethodNotAllowed receive no request, except preflight requests that
// Options.AllowPreflight lets through.
//
// EnforceRoutes panics if the guard is nil or the rules have a mistake in them
// ([scopes.Routes.Err]).
func EnforceRoutes(g *middleware.Guard, rules scopes.Routes) func(http.Handler) http.Handler {
	e := &enforcer{rules: rules, require: g.EnforceRoutes(rules, announcedPattern)}
	return e.wrap
}

// enforcer contains the rules for one router.
type enforcer struct {
	rules   scopes.Routes
	require func(http.Handler) http.Handler
	trees   trees
}

// wrap is the middleware. The audit and the guard recognize the function by its address.
func (e *enforcer) wrap(next http.Handler) http.Handler {
	return &handler{enforcer: e, guarded: e.require(next)}
}

type handler struct {
	enforcer *enforcer
	guarded  http.Handler
}

// ServeHTTP finds the route and passes the request to the guard.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pooled := chi.RouteContext(r.Context())
	own, ok := private(r.Context(), pooled)
	if !ok {
		http.Error(w, "the time limit of the request is over", http.StatusServiceUnavailable)
		return
	}
	f := h.enforcer.find(r, own)
	if _, limited := r.Context().Deadline(); !limited && len(f.levels) > 0 && f.pattern != "" {
		// Middleware in front of the guard, such as metrics, reads the pattern from here.
		pooled.RoutePatterns = append(pooled.RoutePatterns, strings.TrimPrefix(f.pattern, strings.TrimSuffix(f.prefix, "/*")))
	}
	h.guarded.ServeHTTP(w, r.WithContext(f)) //nolint:contextcheck // find returns a context that inherits
}

// find returns the context for the request. It contains the route that chi will choose. The
// argument rctx is chi's context for this request, or nil.
func (e *enforcer) find(r *http.Request, rctx *chi.Context) *found {
	f := &found{Context: r.Context(), method: r.Method}
	if rctx == nil {
		return f // the middleware wraps the router, so there is no route
	}
	if root, ok := rctx.Routes.(*chi.Mux); ok && root != nil {
		f.locate(e, e.trees.of(root), rctx, r)
	}
	return f
}

// announcedPattern returns the pattern of the route for the request, or "" if there is no
// route. For a preflight request, the guard passes a request with the announced method.
func announcedPattern(r *http.Request) string {
	f, ok := r.Context().(*found)
	if !ok || f.level == nil {
		return ""
	}
	if r.Method == f.method {
		return f.pattern
	}
	pattern, _ := f.level.walk(r.Method, f.path)
	return join(f.prefix, pattern)
}

// Routes returns the method and the pattern of every route of the router and of its mounted
// routers. A route for all methods is listed once for each method.
func Routes(r chi.Routes) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, route := range list(r) {
			if !yield(route.method, route.pattern) {
				return
			}
		}
	}
}

// AuditRoutes compares the rules with the routes of the router, as [middleware.AuditRoutes]
// does. In addition, it lists a route as unguarded if it finds no guard with these rules in
// front of the route. It finds the middleware of [EnforceRoutes] at every place where this
// middleware works, and the middleware and handlers of Require, RequireAt and Handle of
// [middleware.Guard]. The report then contains the rule of Require, RequireAt or Handle.
//
// AuditRoutes calls no handler and no middleware of the program. So it finds no guard that
// other middleware or a chi.Chain contains, no guard around the router, no guard with
// another list or with a table, and no guard of a handler in the form
// guard.Require(rule)(h).ServeHTTP. In a test, use bearertest.Unguarded to check these
// routes. AuditRoutes does not check the order of middleware.
//
// Handle, and Mount with a handler that is no router, register one handler for all methods.
// The report lists such a route for each method, and a method without a rule is denied. If
// only GET has a rule, register only GET: r.Get("/files/*", files.ServeHTTP).
func AuditRoutes(r chi.Routes, rules scopes.Routes) middleware.AuditReport {
	report := middleware.AuditRoutes(Routes(r), rules)
	without, unguarded := map[string]bool{}, map[string]bool{}
	for _, name := range report.WithoutRule {
		without[name] = true
	}
	for _, route := range list(r) {
		name := route.method + " " + route.pattern
		rule, guarded := route.rule(rules)
		i := slices.IndexFunc(report.Routes, func(r middleware.Route) bool { return r.Pattern == name })
		report.Routes[i].Rule = rule
		without[name] = guarded && rule.IsZero()
		unguarded[name] = unguarded[name] || !guarded
	}
	report.WithoutRule, report.Unguarded = names(without), names(unguarded)
	return report
}

// names returns the names with the value true, sorted.
func names(set map[string]bool) (list []string) {
	for name, ok := range set {
		if ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// join returns the pattern of a route of a mounted router. The prefix is the pattern of the
// mount, which ends with "/*".
func join(prefix, pattern string) string {
	if pattern == "" {
		return ""
	}
	return strings.TrimSuffix(prefix, "/*") + pattern
}
