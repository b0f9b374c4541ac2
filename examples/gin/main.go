// The program gin is an API on gin, guarded by middleware/ginbearer.
//
//	cd examples/gin && go run .
package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/internal/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle is Require and a line in guard.Routes().
	ginbearer.Handle(guard, e, "GET", "/healthz", scopes.Public(), answer("health"))
	ginbearer.Handle(guard, e, "GET", "/deployments", read, answer("list"))
	ginbearer.Handle(guard, e, "POST", "/deployments", scopes.All("deploy:applications"), answer("create"))
	ginbearer.Handle(guard, e, "GET", "/deployments/:id", read, answer("read"))
	ginbearer.Handle(guard, e, "DELETE", "/deployments/:id", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// A rule that is new: who does not meet it is let through, and reported to
	// the verifier's Observer.
	ginbearer.Handle(guard, e, "PATCH", "/deployments/:id", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// No token is fine; a bad one is not.
	ginbearer.Handle(guard, e, "GET", "/whoami", scopes.Optional(scopes.All()), answer("whoami"))

	ginbearer.Handle(guard, e, "GET", "/fail", scopes.All(), func(c *gin.Context) {
		c.AbortWithStatusJSON(http.StatusConflict, gin.H{"error": "deployment in progress"})
	})

	// Of a group; ginbearer.Require would be one rule for all of it, and would not
	// know the routes for guard.Routes().
	admin := e.Group("/admin")
	ginbearer.Handle(guard, admin, "GET", "/:id", scopes.All("admin"), answer("admin"))
	ginbearer.Handle(guard, e, "GET", "/files/*id", scopes.All("read:files"), answer("files"))
	return e
}

// answer says which handler it is, what it was asked for and by whom.
func answer(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		client, id := "-", strings.Trim(c.Param("id"), "/")
		if claims, ok := c.Value(ginbearer.Key).(*bearer.Claims); ok {
			client = claims.ClientID()
		}
		if id == "" {
			id = "-"
		}
		c.String(http.StatusOK, "%s", fmt.Sprintln(name, id, client))
	}
}
