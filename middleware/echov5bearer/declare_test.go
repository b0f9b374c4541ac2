package echov5bearer_test

import (
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
