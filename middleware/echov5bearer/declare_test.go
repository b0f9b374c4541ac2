package echov5bearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWrongDeclarations checks that a declaration with a mistake panics before the server
// registers the route. The panic message must contain the source line in this file.
func TestWrongDeclarations(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	var (
		none   *middleware.Guard
		server = echo.New()
		wrong  = scopes.All("a b")
		rule   = scopes.All()
		next   = func(*echo.Context) error { return nil }
	)
	for _, row := range []struct {
		source, want string
		declare      func()
	}{
		{`echov5bearer.Require(guard, wrong)`, `scopes: All("a b")`, func() { echov5bearer.Require(guard, wrong) }},
		{`echov5bearer.Handle(guard, server, "GET", "/x", wrong, next)`, "GET /x", func() { echov5bearer.Handle(guard, server, "GET", "/x", wrong, next) }},
		{`echov5bearer.Handle(guard, server.Group("/g"), "GET", "/x", wrong, next)`, "GET /x", func() { echov5bearer.Handle(guard, server.Group("/g"), "GET", "/x", wrong, next) }},
		{`echov5bearer.Handle(guard, server, "GET", "/x", bearer.HasRole(""), next)`, `role ""`, func() { echov5bearer.Handle(guard, server, "GET", "/x", bearer.HasRole(""), next) }},
		{`echov5bearer.Handle(guard, server, "GET", "/x", rule, nil)`, "handler is nil", func() { echov5bearer.Handle(guard, server, "GET", "/x", rule, nil) }},
		{`echov5bearer.Handle(guard, server, "get", "/x", rule, next)`, "the method must be in upper case", func() { echov5bearer.Handle(guard, server, "get", "/x", rule, next) }},
		{`echov5bearer.Handle(guard, server.Group("/g"), "Post", "/x", scopes.Rule{}, next)`, "the method must be in upper case", func() { echov5bearer.Handle(guard, server.Group("/g"), "Post", "/x", scopes.Rule{}, next) }},
		{`echov5bearer.Require(none, rule)`, "guard is nil", func() { echov5bearer.Require(none, rule) }},
		{`echov5bearer.Handle(none, server, "GET", "/x", rule, next)`, "guard is nil", func() { echov5bearer.Handle(none, server, "GET", "/x", rule, next) }},
		{`echov5bearer.Enforce(none, nil)`, "guard is nil", func() { echov5bearer.Enforce(none, nil) }},
	} {
		declaretest.Refused(t, "declare_test.go", row.source, row.want, row.declare)
	}
	if routes := server.Router().Routes(); len(routes) != 0 {
		t.Errorf("got the routes %v, want no route", routes)
	}
}

// TestRouteOfAllMethods checks a route of all methods with Handle and in the audit of a
// table.
func TestRouteOfAllMethods(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	e := echo.New()
	echov5bearer.Handle(guard, e.Group("/g"), echo.RouteAny, "/any", scopes.Public(), func(c *echo.Context) error { return c.NoContent(http.StatusNoContent) })
	if routes := guard.Routes(); len(routes) != 1 || routes[0].String() != "/g/any is public" {
		t.Errorf("got the declared routes %v, want /g/any with its rule", routes)
	}
	for _, method := range []string{"GET", "POST", "PROPFIND"} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(method, "/g/any", http.NoBody))
		if w.Code != http.StatusNoContent {
			t.Errorf("%s: got status %d, want 204", method, w.Code)
		}
	}
	for pattern, want := range map[string]string{"/g/{x}": "/g/any requires any valid token", "GET /g/any": "/g/any has no rule and is denied"} {
		var table scopes.Table
		table.Handle(pattern, scopes.All())
		if routes := echov5bearer.Audit(e, &table); len(routes) != 1 || routes[0].String() != want {
			t.Errorf("table pattern %q: got the routes %v, want %q", pattern, routes, want)
		}
	}
}

// TestRouteNotFound checks that Handle accepts a handler for requests without a route.
func TestRouteNotFound(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	e := echo.New()
	echov5bearer.Handle(guard, e, echo.RouteNotFound, "/lost/*", scopes.Public(), func(c *echo.Context) error { return c.NoContent(http.StatusNoContent) })
	if routes := guard.Routes(); len(routes) != 1 || routes[0].String() != "/lost/* is public" {
		t.Errorf("got the declared routes %v, want /lost/* with its rule", routes)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/lost/x", http.NoBody))
	if w.Code != http.StatusNoContent {
		t.Errorf("got status %d, want 204", w.Code)
	}
}
