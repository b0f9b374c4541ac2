package echov4bearer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWrongDeclarations wants what cannot work refused where it is declared, with the line
// of this file, and before the server has the route.
func TestWrongDeclarations(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Internal }), nil)
	if err != nil {
		t.Fatal(err)
	}
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
		{`echov4bearer.Require(none, rule)`, "guard is nil", func() { echov4bearer.Require(none, rule) }},
		{`echov4bearer.Handle(none, server, "GET", "/x", rule, next)`, "guard is nil", func() { echov4bearer.Handle(none, server, "GET", "/x", rule, next) }},
		{`echov4bearer.Enforce(none, nil)`, "guard is nil", func() { echov4bearer.Enforce(none, nil) }},
	} {
		err := declaretest.Panic(t, row.declare)
		if err == nil {
			t.Errorf("%s: got it accepted", row.source)
			continue
		}
		lines := declaretest.Lines(t, "declare_test.go", err.Error())
		if len(lines) == 0 || !strings.Contains(lines[0], row.source+" }") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, which names the lines %q, want %q in it", row.source, err, lines, row.want)
		}
	}
	if routes := server.Routes(); len(routes) != 0 {
		t.Errorf("got the routes %v, want none that was refused", routes)
	}
}

// TestNothingDeclared wants the zero Rule and a nil table to deny, and Audit to say so.
func TestNothingDeclared(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Internal }), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := echo.New()
	server.Use(echov4bearer.Enforce(guard, nil))
	echov4bearer.Handle(guard, server, http.MethodGet, "/x", scopes.Rule{}, func(echo.Context) error { return nil })
	for _, routes := range [][]middleware.Route{echov4bearer.Audit(server, nil), guard.Routes()} {
		if len(routes) != 1 || routes[0].String() != "GET /x has no rule and is denied" {
			t.Errorf("got %v, want GET /x without a rule", routes)
		}
	}
}
