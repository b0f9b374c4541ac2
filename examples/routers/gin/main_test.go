package main

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/examples/internal/demotest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
)

func TestRequire(t *testing.T) { demotest.Run(t, false, api) }

// TestEnforce declares the rules in a table. Enforce applies the table to the requests of all
// routes.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		e := gin.New()
		e.Use(ginbearer.Enforce(guard, routertest.Table()))
		for route := range demotest.Routes(":id", "*id") {
			e.Handle(route.Method, route.Path, answer(route.Name))
		}
		e.GET("/fail", func(c *gin.Context) { c.String(http.StatusConflict, "deployment in progress") })
		return e
	})
}
