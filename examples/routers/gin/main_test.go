package main

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/demo/demotest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
)

func TestProfile(t *testing.T) { demotest.RunProfile(t, api) }

func TestAPI(t *testing.T) { demotest.RunRoutes(t, api) }

func TestRequire(t *testing.T) { demotest.Run(t, false, perRoute) }

// TestRules checks that every route has a rule, that every rule has a route, and that no
// route can be reached without a guard.
func TestRules(t *testing.T) {
	r := routes(demotest.Guard(t))
	if err := ginbearer.AuditRoutes(r, rules()).Err(); err != nil {
		t.Error(err)
	}
	if open := bearertest.Unguarded(r, ginbearer.Routes(r)); len(open) != 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
}

// TestEnforce declares the rules in a table. Enforce applies the table to the requests of all
// routes.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		e := gin.New()
		e.Use(ginbearer.Enforce(guard, demotest.Table()))
		for route := range demotest.Routes(":id", "*id") {
			e.Handle(route.Method, route.Path, answer(route.Name))
		}
		e.GET("/fail", func(c *gin.Context) { c.String(http.StatusConflict, "deployment in progress") })
		return e
	})
}
