package echov4bearer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
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
		next   = func(echo.Context) error { return nil }
	)
	for _, row := range []struct {
		source, want string
		declare      func()
	}{
		{`echov4bearer.Require(guard, wrong)`, `scopes: All("a b")`, func() { echov4bearer.Require(guard, wrong) }},
		{`echov4bearer.Handle(guard, server, "GET", "/x", wrong, next)`, "GET /x", func() { echov4bearer.Handle(guard, server, "GET", "/x", wrong, next) }},
		{`echov4bearer.Handle(guard, server.Group("/g"), "GET", "/x", wrong, next)`, "GET /x", func() { echov4bearer.Handle(guard, server.Group("/g"), "GET", "/x", wrong, next) }},
		{`echov4bearer.Handle(guard, server, "GET", "/x", bearer.HasRole(""), next)`, `role ""`, func() { echov4bearer.Handle(guard, server, "GET", "/x", bearer.HasRole(""), next) }},
		{`echov4bearer.Handle(guard, server, "GET", "/x", rule, nil)`, "handler is nil", func() { echov4bearer.Handle(guard, server, "GET", "/x", rule, nil) }},
		{`echov4bearer.Handle(guard, server, "get", "/x", rule, next)`, "the method must be in upper case", func() { echov4bearer.Handle(guard, server, "get", "/x", rule, next) }},
		{`echov4bearer.Handle(guard, server.Group("/g"), "Post", "/x", scopes.Rule{}, next)`, "the method must be in upper case", func() { echov4bearer.Handle(guard, server.Group("/g"), "Post", "/x", scopes.Rule{}, next) }},
		{`echov4bearer.Require(none, rule)`, "guard is nil", func() { echov4bearer.Require(none, rule) }},
		{`echov4bearer.Handle(none, server, "GET", "/x", rule, next)`, "guard is nil", func() { echov4bearer.Handle(none, server, "GET", "/x", rule, next) }},
		{`echov4bearer.Enforce(none, nil)`, "guard is nil", func() { echov4bearer.Enforce(none, nil) }},
	} {
		declaretest.Refused(t, "declare_test.go", row.source, row.want, row.declare)
	}
	if routes := server.Routes(); len(routes) != 0 {
		t.Errorf("got the routes %v, want no route", routes)
	}
}

// TestRouteNotFound checks that Handle accepts a handler for requests without a route.
func TestRouteNotFound(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	e := echo.New()
	echov4bearer.Handle(guard, e, echo.RouteNotFound, "/lost/*", scopes.Public(), func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	if routes := guard.Routes(); len(routes) != 1 || routes[0].String() != "/lost/* is public" {
		t.Errorf("got the declared routes %v, want /lost/* with its rule", routes)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/lost/x", http.NoBody))
	if w.Code != http.StatusNoContent {
		t.Errorf("got status %d, want 204", w.Code)
	}
}
