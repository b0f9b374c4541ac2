// The program echov5 is an API on echo v5. Its rules are in one list, by the names of the routes.
//
//	cd examples/routers && go run ./echov5
//
// The command above starts a test issuer. To use the issuer bearer-issuer, run this command. The page
// examples/README.md has the calls.
//
//	cd examples/routers && go run ./echov5 -issuer http://127.0.0.1:8790 -audience deployment-api.acmecorp.com -profile scalekit
package main

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler { return routes(guard) }

func routes(guard *middleware.Guard) *echo.Echo {
	e := echo.New()
	e.Use(echov5bearer.EnforceRoutes(guard, rules()))
	e.GET("/healthz", answer("health"))
	e.GET("/deployments", answer("list"))
	e.POST("/deployments", answer("create"))
	e.GET("/deployments/:id", answer("read"))
	e.DELETE("/deployments/:id", answer("delete"))
	e.PATCH("/deployments/:id", answer("patch"))
	e.GET("/whoami", answer("whoami"))
	// The error handler of echo receives the errors of handlers, as without a guard.
	e.GET("/fail", func(*echo.Context) error {
		return echo.NewHTTPError(http.StatusConflict, "deployment in progress")
	})
	e.Group("/admin").GET("/:id", answer("admin"))
	e.GET("/files/*", answer("files"))
	return e
}

// rules returns the rules of all routes. The keys are the names that echo uses.
func rules() scopes.Routes {
	read := scopes.Any("read:deployments", "deploy:applications")
	return scopes.Routes{
		"GET /healthz":            scopes.Public(),
		"GET /deployments":        read,
		"POST /deployments":       scopes.All("deploy:applications"),
		"GET /deployments/:id":    read,
		"DELETE /deployments/:id": scopes.All("deploy:applications", "delete:deployments"),

		// ReportOnly tests a new rule. The guard allows a request that the rule denies, and
		// reports this request to the observer.
		"PATCH /deployments/:id": scopes.ReportOnly(scopes.All("patch:deployments")),

		// Optional allows requests without a token. The guard refuses requests with an
		// invalid token.
		"GET /whoami": scopes.Optional(scopes.All()),

		"GET /fail":      scopes.All(),
		"GET /admin/:id": scopes.All("admin"),
		"GET /files/*":   scopes.All("read:files"),
	}
}

// answer returns a handler that writes name, the route parameter and the caller of the
// request.
func answer(name string) echo.HandlerFunc {
	return func(c *echo.Context) error {
		claims, _ := c.Get(echov5bearer.Key).(*bearer.Claims) // nil if the request has no token, on routes that allow this
		return c.String(http.StatusOK, demo.Line(name, c.Param("id")+c.Param("*"), claims))
	}
}
