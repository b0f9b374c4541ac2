package main

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov4bearer"
	"github.com/bearerkit/bearer/scopes"
)

// perRoute is the same API with one declaration for each route. Use this form if different
// guards protect the routes, or if a package registers its own routes.
func perRoute(guard *middleware.Guard) http.Handler {
	e := echo.New()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle wraps the handler with Require and adds the route to guard.Routes().
	echov4bearer.Handle(guard, e, "GET", "/healthz", scopes.Public(), answer("health"))
	echov4bearer.Handle(guard, e, "GET", "/deployments", read, answer("list"))
	echov4bearer.Handle(guard, e, "POST", "/deployments", scopes.All("deploy:applications"), answer("create"))
	echov4bearer.Handle(guard, e, "GET", "/deployments/:id", read, answer("read"))
	echov4bearer.Handle(guard, e, "DELETE", "/deployments/:id", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// ReportOnly tests a new rule. The guard allows a request that the rule denies, and
	// reports this request to the observer.
	echov4bearer.Handle(guard, e, "PATCH", "/deployments/:id", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// Optional allows requests without a token. The guard refuses requests with an
	// invalid token.
	echov4bearer.Handle(guard, e, "GET", "/whoami", scopes.Optional(scopes.All()), answer("whoami"))

	// The error handler of echo receives the errors of handlers, as without a guard.
	echov4bearer.Handle(guard, e, "GET", "/fail", scopes.All(), func(echo.Context) error {
		return echo.NewHTTPError(http.StatusConflict, "deployment in progress")
	})

	// Handle accepts the router, as above, or a group. With echov4bearer.Require, a group has
	// one rule for all its routes, but guard.Routes() does not list these routes.
	admin := e.Group("/admin")
	echov4bearer.Handle(guard, admin, "GET", "/:id", scopes.All("admin"), answer("admin"))
	echov4bearer.Handle(guard, e, "GET", "/files/*", scopes.All("read:files"), answer("files"))
	return e
}
