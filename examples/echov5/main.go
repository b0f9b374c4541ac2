// The program echov5 is an API on echo v5, guarded by middleware/echov5bearer.
//
//	cd examples/echov5 && go run .
package main

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/internal/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler {
	e := echo.New()
	require := func(rule scopes.Rule) echo.MiddlewareFunc { return echov5bearer.Require(guard, rule) }
	read := scopes.Any("read:deployments", "deploy:applications")

	e.GET("/healthz", answer("health"), require(scopes.Public()))
	e.GET("/deployments", answer("list"), require(read))
	e.POST("/deployments", answer("create"), require(scopes.All("deploy:applications")))
	e.GET("/deployments/:id", answer("read"), require(read))
	e.DELETE("/deployments/:id", answer("delete"), require(scopes.All("deploy:applications", "delete:deployments")))

	// A rule that is new: who does not meet it is let through, and reported to
	// the verifier's Observer.
	e.PATCH("/deployments/:id", answer("patch"), require(scopes.ReportOnly(scopes.All("patch:deployments"))))

	// No token is fine; a bad one is not.
	e.GET("/whoami", answer("whoami"), require(scopes.Optional(scopes.All())))

	// The error goes to echo's error handler.
	e.GET("/fail", func(*echo.Context) error {
		return echo.NewHTTPError(http.StatusConflict, "deployment in progress")
	}, require(scopes.All()))

	admin := e.Group("/admin", require(scopes.All("admin")))
	admin.GET("/:id", answer("admin"))
	e.GET("/files/*", answer("files"), require(scopes.All("read:files")))
	return e
}

// answer says which handler it is, what it was asked for and by whom.
func answer(name string) echo.HandlerFunc {
	return func(c *echo.Context) error {
		client, id := "-", c.Param("id")+c.Param("*")
		if claims, ok := c.Get(echov5bearer.Key).(*bearer.Claims); ok {
			client = claims.ClientID()
		}
		if id == "" {
			id = "-"
		}
		return c.String(http.StatusOK, fmt.Sprintln(name, id, client))
	}
}
