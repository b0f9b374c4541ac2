package ginbearer_test

import (
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestWrongDeclarations checks that a declaration with a mistake panics before the engine
// registers the route. The panic message must contain the source line in this file.
func TestWrongDeclarations(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
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
		declaretest.Refused(t, "declare_test.go", row.source, row.want, row.declare)
	}
	if routes := engine.Routes(); len(routes) != 0 {
		t.Errorf("got the routes %v, want no route", routes)
	}
}

// TestEngineWithRoutes checks that EnforceRoutes names every mistake at once, and that the
// guard has no rules afterwards.
func TestEngineWithRoutes(t *testing.T) {
	_, guard := routertest.NewGuard(t, nil)
	engine := gin.New()
	engine.GET("/b", func(*gin.Context) {})
	engine.POST("/a", func(*gin.Context) {})
	wrong := scopes.Routes{"get /x": scopes.All("x")}
	rules := scopes.Routes{"GET /b": scopes.All("x")}
	for _, want := range []string{"GET /b, POST /a", "get /x"} {
		declaretest.Refused(t, "declare_test.go", `ginbearer.EnforceRoutes(guard, engine, wrong)`, want, func() { ginbearer.EnforceRoutes(guard, engine, wrong) })
	}
	declaretest.Refused(t, "declare_test.go", `ginbearer.EnforceRoutes(guard, engine, rules)`, "GET /b, POST /a", func() { ginbearer.EnforceRoutes(guard, engine, rules) })
	declaretest.Refused(t, "declare_test.go", `ginbearer.EnforceRoutes(guard, nil, rules)`, "engine is nil", func() { ginbearer.EnforceRoutes(guard, nil, rules) })
	if routes := guard.Routes(); len(routes) != 0 {
		t.Errorf("got the rules %v, want none", routes)
	}
}
