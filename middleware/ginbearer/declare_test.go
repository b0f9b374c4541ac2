package ginbearer_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWrongDeclarations wants what cannot work refused where it is declared, with the line
// of this file, and before the engine has the route.
func TestWrongDeclarations(t *testing.T) {
	gin.SetMode(gin.TestMode)
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Internal }), nil)
	if err != nil {
		t.Fatal(err)
	}
	var (
		none   *middleware.Guard
		engine = gin.New()
		wrong  = scopes.All("a b")
		rule   = scopes.All()
		next   = func(*gin.Context) {}
	)
	for _, row := range []struct {
		source, want string
		declare      func()
	}{
		{`ginbearer.Require(guard, wrong)`, `scopes: All("a b")`, func() { ginbearer.Require(guard, wrong) }},
		{`ginbearer.Handle(guard, engine, "GET", "/x", wrong, next)`, "GET /x", func() { ginbearer.Handle(guard, engine, "GET", "/x", wrong, next) }},
		{`ginbearer.Handle(guard, engine.Group("/g"), "GET", "/x", wrong, next)`, "GET /g/x", func() { ginbearer.Handle(guard, engine.Group("/g"), "GET", "/x", wrong, next) }},
		{`ginbearer.Handle(guard, engine, "GET", "/x", bearer.HasRole(""), next)`, `role ""`, func() { ginbearer.Handle(guard, engine, "GET", "/x", bearer.HasRole(""), next) }},
		{`ginbearer.Handle(guard, engine, "GET", "/x", rule)`, "handler is nil", func() { ginbearer.Handle(guard, engine, "GET", "/x", rule) }},
		{`ginbearer.Handle(guard, engine, "GET", "/x", rule, next, nil)`, "handler is nil", func() { ginbearer.Handle(guard, engine, "GET", "/x", rule, next, nil) }},
		{`ginbearer.Require(none, rule)`, "guard is nil", func() { ginbearer.Require(none, rule) }},
		{`ginbearer.Handle(none, engine, "GET", "/x", rule, next)`, "guard is nil", func() { ginbearer.Handle(none, engine, "GET", "/x", rule, next) }},
		{`ginbearer.Enforce(none, nil)`, "guard is nil", func() { ginbearer.Enforce(none, nil) }},
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
	if routes := engine.Routes(); len(routes) != 0 {
		t.Errorf("got the routes %v, want none that was refused", routes)
	}
}

// TestNothingDeclared wants the zero Rule and a nil table to deny, and Audit to say so.
func TestNothingDeclared(t *testing.T) {
	gin.SetMode(gin.TestMode)
	guard, err := middleware.New(bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Internal }), nil)
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	engine.Use(ginbearer.Enforce(guard, nil))
	ginbearer.Handle(guard, engine, http.MethodGet, "/x", scopes.Rule{}, func(*gin.Context) { t.Error("got a request to the handler") })
	for _, routes := range [][]middleware.Route{ginbearer.Audit(engine, nil), guard.Routes()} {
		if len(routes) != 1 || routes[0].String() != "GET /x has no rule and is denied" {
			t.Errorf("got %v, want GET /x without a rule", routes)
		}
	}
}
