package main

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer/examples/internal/demotest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
)

func TestRequire(t *testing.T) { demotest.Run(t, false, api) }

// TestEnforce declares the rules in a table. Enforce applies the table to the requests of all
// routes.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		e := echo.New()
		e.Use(echov4bearer.Enforce(guard, routertest.Table()))
		for route := range demotest.Routes(":id", "*") {
			e.Add(route.Method, route.Path, answer(route.Name))
		}
		e.GET("/fail", func(echo.Context) error { return echo.NewHTTPError(http.StatusConflict, "deployment in progress") })
		return e
	})
}
