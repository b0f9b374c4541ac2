// The program echov4 is an API on echo v4, guarded by middleware/echov4bearer.
//
//	cd examples/echov4 && go run .
package main

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/internal/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler {
	e := echo.New()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle is Require and a line in guard.Routes().
	echov4bearer.Handle(guard, e, "GET", "/healthz", scopes.Public(), answer("health"))
	echov4bearer.Handle(guard, e, "GET", "/deployments", read, answer("list"))
	echov4bearer.Handle(guard, e, "POST", "/deployments", scopes.All("deploy:applications"), answer("create"))
	echov4bearer.Handle(guard, e, "GET", "/deployments/:id", read, answer("read"))
	echov4bearer.Handle(guard, e, "DELETE", "/deployments/:id", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// A rule that is new: who does not meet it is let through, and reported to
	// the verifier's Observer.
	echov4bearer.Handle(guard, e, "PATCH", "/deployments/:id", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// No token is fine; a bad one is not.
	echov4bearer.Handle(guard, e, "GET", "/whoami", scopes.Optional(scopes.All()), answer("whoami"))

	// The error goes to echo's error handler.
	echov4bearer.Handle(guard, e, "GET", "/fail", scopes.All(), func(echo.Context) error {
		return echo.NewHTTPError(http.StatusConflict, "deployment in progress")
	})

	// Of a group; echov4bearer.Require would be one rule for all of it, and would
	// not know the routes for guard.Routes().
	admin := e.Group("/admin")
	echov4bearer.Handle(guard, admin, "GET", "/:id", scopes.All("admin"), answer("admin"))
	echov4bearer.Handle(guard, e, "GET", "/files/*", scopes.All("read:files"), answer("files"))
	return e
}

// answer says which handler it is, what it was asked for and by whom.
func answer(name string) echo.HandlerFunc {
	return func(c echo.Context) error {
		client, id := "-", c.Param("id")+c.Param("*")
		if claims, ok := c.Get(echov4bearer.Key).(*bearer.Claims); ok {
			client = claims.ClientID()
		}
		if id == "" {
			id = "-"
		}
		return c.String(http.StatusOK, fmt.Sprintln(name, id, client))
	}
}
