package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/examples/internal/demotest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
)

func TestRequire(t *testing.T) { demotest.Run(t, false, api) }

// The rules as a table in front of all routes, which need no others.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		e := gin.New()
		e.Use(ginbearer.Enforce(guard, routertest.Table()))
		for _, route := range routertest.Routes() {
			if route.Name != "fail" {
				path := strings.NewReplacer("{path...}", "*id", "{section}", ":id", "{", ":", "}", "").Replace(route.Path)
				e.Handle(route.Method, path, answer(route.Name))
			}
		}
		e.GET("/fail", func(c *gin.Context) { c.String(http.StatusConflict, "deployment in progress") })
		return e
	})
}
