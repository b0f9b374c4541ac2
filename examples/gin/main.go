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
	require := func(rule scopes.Rule) gin.HandlerFunc { return ginbearer.Require(guard, rule) }
	read := scopes.Any("read:deployments", "deploy:applications")

	e.GET("/healthz", require(scopes.Public()), answer("health"))
	e.GET("/deployments", require(read), answer("list"))
	e.POST("/deployments", require(scopes.All("deploy:applications")), answer("create"))
	e.GET("/deployments/:id", require(read), answer("read"))
	e.DELETE("/deployments/:id", require(scopes.All("deploy:applications", "delete:deployments")), answer("delete"))

	// A rule that is new: who does not meet it is let through, and reported to
	// the verifier's Observer.
	e.PATCH("/deployments/:id", require(scopes.ReportOnly(scopes.All("patch:deployments"))), answer("patch"))

	// No token is fine; a bad one is not.
	e.GET("/whoami", require(scopes.Optional(scopes.All())), answer("whoami"))

	e.GET("/fail", require(scopes.All()), func(c *gin.Context) {
		c.AbortWithStatusJSON(http.StatusConflict, gin.H{"error": "deployment in progress"})
	})

	admin := e.Group("/admin", require(scopes.All("admin")))
	admin.GET("/:id", answer("admin"))
	e.GET("/files/*id", require(scopes.All("read:files")), answer("files"))
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
