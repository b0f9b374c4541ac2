package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer/examples/internal/demotest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
)

func TestRequire(t *testing.T) { demotest.Run(t, false, api) }

// The rules as a table in front of all routes, which need no others.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		e := echo.New()
		e.Use(echov4bearer.Enforce(guard, routertest.Table()))
		for _, route := range routertest.Routes() {
			if route.Name != "fail" {
				path := strings.NewReplacer("{path...}", "*", "{section}", ":id", "{", ":", "}", "").Replace(route.Path)
				e.Add(route.Method, path, answer(route.Name))
			}
		}
		e.GET("/fail", func(echo.Context) error { return echo.NewHTTPError(http.StatusConflict, "deployment in progress") })
		return e
	})
}
