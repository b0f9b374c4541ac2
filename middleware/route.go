package middleware

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/scopes"
)

// Route is a declared route with its rule.
type Route struct {
	// Pattern is the pattern of the route's declaration. It is empty for routes that were
	// declared with [Guard.Require], which has no pattern argument.
	Pattern string
	// Rule is the rule of the route.
	Rule scopes.Rule
}

// String returns the route and its rule as a sentence without a full stop.
func (r Route) String() string { return declare.Sentence(r.Pattern, r.Rule) }

// Handle guards handler with the rule, and registers the guarded handler for the pattern
// with mux. The mux can be an *[http.ServeMux] or a chi router. Handle records the pattern
// for [Guard.Routes]. With the zero Rule, every request for the pattern is denied.
//
// Handle panics if the rule has a mistake in it ([scopes.Rule.Err]), if mux or handler is
// nil, if the method in the pattern is in lower case, or if mux does not accept the pattern.
// The zero Rule does not count as a mistake here. The panic message contains the source
// line of the declaration.
func (g *Guard) Handle(mux interface{ Handle(string, http.Handler) }, pattern string, rule scopes.Rule, handler http.Handler) {
	route := Route{Pattern: pattern, Rule: rule}
	g.mustBeValid(route)
	declare.NotNil(transport, pattern, "mux", mux)
	declare.NotNil(transport, pattern, "handler", handler)
	declare.Register(transport, pattern, func() { mux.Handle(pattern, &required{g, route, handler}) })
	g.rules.add(route)
}

// transport is the prefix of the panic messages of this package.
const transport = "middleware"

// mustBeValid panics if the guard is nil, the rule is invalid, or the pattern begins with a
// method in lower case. The guard is nil if a program ignores an error of New.
func (g *Guard) mustBeValid(route Route) {
	declare.NotNil(transport, route.Pattern, "guard", g)
	declare.Rule(transport, route.Pattern, route.Rule)
	// The guard denies every request whose method contains lower-case letters.
	if method, _ := splitMethod(route.Pattern); method != strings.ToUpper(method) {
		panic(scopes.Invalid(fmt.Errorf("%s: %s: the method must be in upper case", transport, route.Pattern)).Err()) //nolint:forbidigo // http.ServeMux.Handle panics too
	}
}

// routeName returns the name of the route for observers. It is the pattern that the router has set in
// the request, because this pattern contains the prefix of a mounted router. If the pattern has no
// method, and the declared pattern has the method of the request, the name has this method. A HEAD
// request may have the route of GET.
func routeName(r *http.Request, declared string) string {
	if r.Pattern == "" {
		return declared
	}
	if own, _ := splitMethod(r.Pattern); own != "" {
		return r.Pattern
	}
	method, _ := splitMethod(declared)
	if method == "" || method != r.Method && (method != http.MethodGet || r.Method != http.MethodHead) {
		return r.Pattern
	}
	return method + " " + r.Pattern
}

// Routes returns all routes that were declared so far with Handle, Enforce, EnforceRoutes,
// ForwardAuth, Require and RequireAt. The routes are in the order of their declaration. Use
// Routes to log the routes at start. Routes does not list a route of the router that was
// declared without the guard; [AuditRoutes] and bearertest.Unguarded find such routes. Each
// call of Routes reads the current routes of the tables. A table lists only routes with a
// rule; Enforce and ForwardAuth deny all other routes.
func (g *Guard) Routes() []Route { return g.rules.routes() }

// registry contains the rules that were declared with a guard.
type registry struct {
	mu       sync.Mutex // guards the fields below
	declared []declaration
	// known contains the recorded routes as text. A route in known is not recorded again,
	// so the list "declared" stays short even if a program calls Require on each request.
	known map[string]bool
}

// declaration is one route, or a table with all its routes.
type declaration struct {
	route Route
	table *scopes.Table
}

func (s *registry) add(route Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := route.String()
	if s.known[text] {
		return
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[text] = true
	s.declared = append(s.declared, declaration{route: route})
}

func (s *registry) addRoutes(rules scopes.Routes) {
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		s.add(Route{Pattern: name, Rule: rules[name]})
	}
}

func (s *registry) addTable(t *scopes.Table) {
	if t == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.declared {
		if d.table == t {
			return
		}
	}
	s.declared = append(s.declared, declaration{table: t})
}

func (s *registry) routes() []Route {
	s.mu.Lock()
	declared := s.declared[:len(s.declared):len(s.declared)]
	s.mu.Unlock()
	var routes []Route
	for _, d := range declared {
		if d.table == nil {
			routes = append(routes, d.route)
			continue
		}
		for pattern, rule := range d.table.All() {
			routes = append(routes, Route{Pattern: pattern, Rule: rule})
		}
	}
	return routes
}
