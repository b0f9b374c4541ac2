package routing_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// allScopes are the scopes of the API. A caller is a set of bits, one bit for each scope.
var allScopes = []string{"admin", "projects.read", "users.write", "items.delete", "docs.write", "reports.read", "reports.export", "secret", "account.read"}

// A route is a route of the API under test. The API is full of neighbours: a public route
// and a protected route often differ in one segment, in the method, or in one spelling.
type route struct {
	method string // empty: all methods
	path   string // in the syntax of http.ServeMux
	rule   string // "public", "optional", or the name of a scope
	digits bool   // the wildcard matches only digits; only some routers have such wildcards
}

// api returns the routes. A route stands before all routes that are less specific.
func api() []route {
	return []route{
		{method: "GET", path: "/{$}", rule: "public"},
		{method: "GET", path: "/healthz", rule: "public"},
		{method: "GET", path: "/account", rule: "account.read"},
		{method: "GET", path: "/optional", rule: "optional"},
		{method: "GET", path: "/projects/sandbox", rule: "public"},
		{method: "GET", path: "/projects/café", rule: "public"}, // as sent, its path has escapes
		{method: "GET", path: "/projects/{id}", rule: "projects.read"},
		{method: "GET", path: "/users/root", rule: "admin"},
		{method: "GET", path: "/users/{id}", rule: "public"},
		{method: "POST", path: "/users/{id}", rule: "users.write"},
		{method: "GET", path: "/items/{id}", rule: "public"},
		{method: "DELETE", path: "/items/{id}", rule: "items.delete"},
		{method: "GET", path: "/docs/{name}", rule: "public"},
		{path: "/docs/{name}", rule: "docs.write"},
		{method: "GET", path: "/reports/{id}", rule: "reports.read"},
		{method: "GET", path: "/reports/{id}/export", rule: "reports.export"},
		{method: "GET", path: "/reports/{id}/title", rule: "public"},
		{method: "GET", path: "/versions/{number}", rule: "public", digits: true},
		{method: "GET", path: "/versions/{name}", rule: "secret"},
		{method: "GET", path: "/files/secret/{path...}", rule: "secret"},
		{method: "GET", path: "/files/{path...}", rule: "public"},
		{method: "GET", path: "/admin/login", rule: "public"},
		{path: "/admin", rule: "admin"},
		{path: "/admin/{path...}", rule: "admin"},
		{path: "/{page}", rule: "public"},
		{path: "/{path...}", rule: "public"},
	}
}

// digitsOnly is the name of the route that only some routers can have.
const digitsOnly = "GET /versions/{number} (digits)"

// without returns the routes of the API, except the routes with these names. Some routers
// refuse a wildcard beside a fixed segment.
func without(names ...string) []route {
	return slices.DeleteFunc(api(), func(r route) bool { return slices.Contains(names, r.String()) })
}

// String returns the name of the route. Handlers write it into the field Served.
func (r route) String() string {
	name := strings.TrimSpace(r.method + " " + r.path)
	if r.digits {
		name += " (digits)"
	}
	return name
}

// scopesRule returns the rule of the route for a guard.
func (r route) scopesRule() scopes.Rule {
	switch r.rule {
	case "public":
		return scopes.Public()
	case "optional":
		return scopes.Optional(scopes.All("admin"))
	}
	return scopes.All(r.rule)
}

// allows reports whether the rule of the route allows the caller. It does not use package
// scopes, because it decides whether package scopes is right.
func (r route) allows(c caller) bool {
	switch r.rule {
	case "public":
		return true
	case "optional":
		return !c.token || c.has("admin")
	}
	return c.has(r.rule)
}

// A caller is a client without a token, or with a token that has some of allScopes.
type caller struct {
	token  bool
	scopes uint
}

func (c caller) has(scope string) bool {
	return c.token && c.scopes>>slices.Index(allScopes, scope)&1 == 1
}

func (c caller) String() string {
	if !c.token {
		return "no token"
	}
	var names []string
	for _, scope := range allScopes {
		if c.has(scope) {
			names = append(names, scope)
		}
	}
	return fmt.Sprintf("a token with the scopes %q", names)
}

// text is the token of the caller. verify reads the scopes from it.
func (c caller) text() string { return fmt.Sprintf("t%x", c.scopes) }

// credentials returns the line of the header with the token.
func (c caller) credentials() []string {
	if !c.token {
		return nil
	}
	return []string{"Authorization: Bearer " + c.text()}
}

// claims contains the claims of each token that verify has seen.
var claims sync.Map

func verify(_ context.Context, token string) (*bearer.Claims, error) {
	if known, ok := claims.Load(token); ok {
		return known.(*bearer.Claims), nil //nolint:errcheck,forcetypeassert // the map contains only claims
	}
	c := caller{token: true}
	if _, err := fmt.Sscanf(token, "t%x", &c.scopes); err != nil || c.text() != token {
		return nil, bearer.Malformed
	}
	var names []string
	for _, scope := range allScopes {
		if c.has(scope) {
			names = append(names, scope)
		}
	}
	made := bearertest.Claims(map[string]any{"sub": "s", "client_id": "c", "scope": strings.Join(names, " ")})
	claims.Store(token, made)
	return made, nil
}

// A site is an API with one router and one guard.
type site struct {
	guard  *middleware.Guard
	routes []route
}

func newSite(t *testing.T, routes []route) *site {
	t.Helper()
	guard, err := middleware.New(bearer.VerifierFunc(verify), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &site{guard, routes}
}

// table returns the rules as a table.
func (s *site) table() *scopes.Table {
	var table scopes.Table
	for _, r := range s.routes {
		table.Handle(r.muxPattern(), r.scopesRule())
	}
	return &table
}

// rules returns the rules by the names that the router has for the routes.
func (s *site) rules(name func(route) string) scopes.Routes {
	rules := scopes.Routes{}
	for _, r := range s.routes {
		rules[strings.TrimSpace(r.method+" "+name(r))] = r.scopesRule()
	}
	return rules
}

// handler returns the handler of a route. It serves every request that reaches it.
func (s *site) handler(r route) http.Handler {
	name := r.String()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Served", name) })
}

// required returns the handler of a route behind the rule of the route.
func (s *site) required(r route) http.Handler { return s.guard.Require(r.scopesRule())(s.handler(r)) }

// enforce returns middleware that applies the table. It notes the pattern of the table.
func (s *site) enforce() func(http.Handler) http.Handler {
	table := s.table()
	guarded := s.guard.Enforce(table)
	return func(next http.Handler) http.Handler { return noting(inTable(table))(guarded(next)) }
}

// inTable returns a function that returns the pattern of the table for a request.
func inTable(t *scopes.Table) func(*http.Request) string {
	return func(r *http.Request) string { _, pattern := t.Rule(r); return pattern }
}

// noting returns middleware that notes the pattern that match returns.
func noting(match func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			noted(match)(r)
			next.ServeHTTP(w, r)
		})
	}
}

// noteKey is the key of the context value that receives the pattern.
type noteKey struct{}

// noted returns a function that does what match does. In addition, the function notes the
// pattern, so that the message of a finding can name it.
func noted(match func(*http.Request) string) func(*http.Request) string {
	return func(r *http.Request) string {
		pattern := match(r)
		if note, ok := r.Context().Value(noteKey{}).(*string); ok {
			*note = pattern
		}
		return pattern
	}
}

// muxPattern returns the pattern for http.ServeMux and for a table.
func (r route) muxPattern() string {
	if r.path == "/{path...}" {
		return strings.TrimSpace(r.method + " /")
	}
	return strings.TrimSpace(r.method + " " + r.path)
}
