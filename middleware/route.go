package middleware

import (
	"net/http"
	"sync"

	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/scopes"
)

// Route is a declared route and what it asks of its callers.
type Route struct {
	// Pattern is how the route was declared; empty where the rule came by
	// [Guard.Require], which is not told.
	Pattern string
	// Rule is its rule.
	Rule scopes.Rule
}

// String returns the route and its rule as a sentence, without a full stop.
func (r Route) String() string { return declare.Sentence(r.Pattern, r.Rule) }

// Handle registers handler behind Require(rule) with mux, such as an
// *[http.ServeMux] or a router of chi, and declares the pattern for Routes. It panics as
// [Guard.Require] does, and if mux is nil.
func (g *Guard) Handle(mux interface{ Handle(string, http.Handler) }, pattern string, rule scopes.Rule, handler http.Handler) {
	route := Route{Pattern: pattern, Rule: rule}
	g.mustWork(route)
	declare.NotNil(transport, pattern, "mux", mux)
	declare.NotNil(transport, pattern, "handler", handler)
	declare.Register(transport, pattern, func() { mux.Handle(pattern, &required{g, route, handler}) })
	g.rules.add(route)
}

// transport begins the messages of this package about declarations.
const transport = "middleware"

// mustWork panics if the guard is nil, which is what New returns beside an error, or if
// the rule cannot work.
func (g *Guard) mustWork(route Route) {
	declare.NotNil(transport, route.Pattern, "guard", g)
	declare.Rule(transport, route.Pattern, route.Rule)
}

// Routes returns every route that was declared with the guard so far, by Handle,
// Enforce, ForwardAuth, Require and RequireAt, in the order in which they were: for a list
// at start, and for a test that no route is without a rule. Where a table is
// enforced, no route can be; its rules are asked anew on each call.
func (g *Guard) Routes() []Route { return g.rules.routes() }

// registry is the rules that were declared with a guard.
type registry struct {
	mu       sync.Mutex // guards what follows
	declared []declaration
	// known keeps a rule that is declared on each request, as some glue may do
	// it, from filling the memory.
	known map[string]bool
}

// declaration is a route, or all routes of a table.
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
