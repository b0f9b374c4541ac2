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
// # Names of routes
//
// The name of a route is its method and its whole pattern, as [chi.Walk] lists it. The
// pattern of a mounted router is joined with the patterns of its routes: route "/{id}" of
// the router that is mounted at "/users" has the name "GET /users/{id}". The root of a
// mounted router has a trailing slash, "GET /users/". This name also applies to requests
// for "/users", because chi serves these requests with the same handler. [Routes] returns
// the names of all routes.
//
// # Middleware that changes the path
//
// Some middleware changes the path or the method that chi uses to find the route, for
// example StripSlashes, URLFormat, CleanPath and GetHead of package
// github.com/go-chi/chi/v5/middleware. Put this middleware before the guard. After the
// guard, such middleware has no effect on the route, also in mounted routers: chi serves
// the route whose rule the guard has checked.
package chibearer

import (
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

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
// and MethodNotAllowed receive no request.
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
	trees   sync.Map // *chi.Mux to *tree; it has one entry for each router that uses the middleware
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
	h.guarded.ServeHTTP(w, r.WithContext(h.enforcer.find(r))) //nolint:contextcheck // find returns a context that inherits
}

// find returns the context for the request. It contains the route that chi will choose.
func (e *enforcer) find(r *http.Request) *found {
	f := &found{Context: r.Context(), method: r.Method}
	rctx := chi.RouteContext(r.Context())
	if rctx == nil {
		return f // the middleware wraps the router, so there is no route
	}
	root, ok := rctx.Routes.(*chi.Mux)
	if !ok || root == nil {
		return f
	}
	cached, ok := e.trees.Load(root)
	if !ok {
		cached, _ = e.trees.LoadOrStore(root, newTree(root))
	}
	tree, ok := cached.(*tree)
	if !ok {
		return f
	}
	f.locate(e, tree, rctx, r)
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
// does. In addition, it lists a route as unguarded if no middleware of [EnforceRoutes] with
// the same rule is in front of the route. A handler of [middleware.Guard.Handle] or
// [middleware.Guard.Require] brings its own rule, and the report contains this rule.
//
// AuditRoutes calls no handler and no middleware of the program. It finds no guard that
// other middleware wraps.
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
