package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

// perRoute is the same API with one declaration for each route. Use this form if different
// guards protect the routes, or if a package registers its own routes.
func perRoute(guard *middleware.Guard) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle wraps the handler with Require and adds the route to guard.Routes().
	ginbearer.Handle(guard, e, "GET", "/healthz", scopes.Public(), answer("health"))
	ginbearer.Handle(guard, e, "GET", "/deployments", read, answer("list"))
	ginbearer.Handle(guard, e, "POST", "/deployments", scopes.All("deploy:applications"), answer("create"))
	ginbearer.Handle(guard, e, "GET", "/deployments/:id", read, answer("read"))
	ginbearer.Handle(guard, e, "DELETE", "/deployments/:id", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// ReportOnly tests a new rule. The guard allows a request that the rule denies, and
	// reports this request to the observer.
	ginbearer.Handle(guard, e, "PATCH", "/deployments/:id", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// Optional allows requests without a token. The guard refuses requests with an
	// invalid token.
	ginbearer.Handle(guard, e, "GET", "/whoami", scopes.Optional(scopes.All()), answer("whoami"))

	ginbearer.Handle(guard, e, "GET", "/fail", scopes.All(), func(c *gin.Context) {
		c.AbortWithStatusJSON(http.StatusConflict, gin.H{"error": "deployment in progress"})
	})

	// Handle accepts the router, as above, or a group. With ginbearer.Require, a group has
	// one rule for all its routes, but guard.Routes() does not list these routes.
	admin := e.Group("/admin")
	ginbearer.Handle(guard, admin, "GET", "/:id", scopes.All("admin"), answer("admin"))
	ginbearer.Handle(guard, e, "GET", "/files/*id", scopes.All("read:files"), answer("files"))
	return e
}
