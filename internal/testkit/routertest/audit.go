package routertest

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// The method audit tests a router with one route and a table with one pattern. Router.Audit
// must report the rule only if the table allows requests for the route.
func (a *Adapter[M]) audit(t *testing.T) {
	for _, row := range []struct {
		path, pattern string
		allowed       bool
		requests      []string
	}{
		{"/users/{id}", "GET /users/{id}", true, []string{"/users/7", "/users/x.y", "/users/:id"}},
		{"/users/{id}", "GET /users/", true, []string{"/users/7"}},
		{"/users/{id}", "/", true, []string{"/users/7"}},
		{"/users/{id}", "GET /users/%3Aid", false, []string{"/users/7", "/users/x"}},
		{"/users/{id}", "GET /users/id", false, []string{"/users/7"}},
		{"/users/{id}", "GET /users/x", false, []string{"/users/7"}},
		{"/users/{id}", "GET /users/{id}/keys", false, []string{"/users/7"}},
		{"/users/{id}", "POST /users/{id}", false, []string{"/users/7"}},
		{"/users/{id}/keys", "GET /users/{name}/keys", true, []string{"/users/7/keys"}},
		{"/users/{id}/keys", "GET /users/%3Aid/keys", false, []string{"/users/7/keys"}},
		{"/users/{id}/keys", "GET /users/7/keys", false, []string{"/users/8/keys"}},
		{"/user_{name}", "GET /{user}", true, []string{"/user_7"}},
		{"/user_{name}", "GET /user_:name", false, []string{"/user_7"}},
		{"/files/{path...}", "GET /files/{rest...}", true, []string{"/files/a", "/files/a/b"}},
		{"/files/{path...}", "GET /files/", true, []string{"/files/a", "/files/a/b"}},
		{"/files/{path...}", "GET /files/{id}", false, []string{"/files/a/b"}},
		{"/files/{path...}", "GET /files/{id}/{name}", false, []string{"/files/a"}},
		{"/files/{path...}", "GET /files/%2Apath", false, []string{"/files/a"}},
		{"/files/{path...}", "GET /files/path", false, []string{"/files/a"}},
		{"/files/{path...}", "GET /files/x", false, []string{"/files/a"}},
		{"/users/{id}/files/{path...}", "GET /users/{id}/files/{rest...}", true, []string{"/users/7/files/a/b"}},
		{"/users/{id}/files/{path...}", "GET /users/%3Aid/files/", false, []string{"/users/7/files/a/b"}},
		{"/plain", "GET /plain", true, []string{"/plain"}},
		{"/books\\:batch", "GET /books:batch", true, []string{"/books:batch"}},
		{"/books\\:batch", "GET /{books}", true, []string{"/books:batch"}},
		{"/books\\:batch", "GET /books7", false, []string{"/books:batch"}},
	} {
		issuer, guard := NewGuard(t, nil)
		var table scopes.Table
		table.Handle(row.pattern, scopes.All())
		router := a.New()
		router.Use(a.Enforce(guard, &table))
		path, served := a.Path(row.path), 0
		router.Add(http.MethodGet, path, func(Call) error { served++; return nil })
		for range 2 { // a router may change its list of routes at the first request
			routes := router.Audit(&table)
			if len(routes) != 1 || routes[0].Rule.IsZero() == row.allowed {
				t.Errorf("route %s and table pattern %q: got routes %v, want one route with a rule: %v", path, row.pattern, routes, row.allowed)
			}
			served = 0
			for _, request := range row.requests {
				get(t, router, request, Token(issuer, ""))
			}
			if row.allowed && served != len(row.requests) || !row.allowed && served != 0 {
				t.Errorf("route %s and table pattern %q: got %d responses of the handler for %q, want all: %v", path, row.pattern, served, row.requests, row.allowed)
			}
		}
	}
}
