package echov5bearer_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/echov5bearer"
	"github.com/bearerkit/bearer/scopes"
)

func ExampleRequire() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	e := echo.New()
	e.POST("/deployments", func(c *echo.Context) error {
		claims, ok := bearer.FromContext(c.Request().Context())
		if !ok {
			return errors.New("no caller: the route has no guard, or its rule is public")
		}
		return c.String(http.StatusCreated, "deploying for "+claims.ClientID()+"\n")
	}, echov5bearer.Require(guard, scopes.All("deploy:applications")))
	for _, scope := range []string{"deploy:applications", "read:deployments"} {
		r := httptest.NewRequest(http.MethodPost, "/deployments", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": scope}))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 201 deploying for ci
	// 403 {"error":"insufficient_scope","error_description":"The access token does not allow this","reason":"scope","scope":"deploy:applications"}
}

func ExampleHandle() {
	verifier := new(bearer.JWTVerifier) // stands for the result of bearer.New
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	e := echo.New()
	v1 := e.Group("/v1")
	ok := func(c *echo.Context) error { return c.String(http.StatusOK, "ok") }
	echov5bearer.Handle(guard, e, http.MethodGet, "/healthz", scopes.Public(), ok)
	echov5bearer.Handle(guard, v1, http.MethodPost, "/deployments", scopes.All("deploy:applications"), ok)
	echov5bearer.Handle(guard, v1, http.MethodGet, "/deployments/:id", scopes.Any("read:deployments", "deploy:applications"), ok)
	for _, route := range guard.Routes() {
		fmt.Println(route)
	}
	// Output:
	// GET /healthz is public
	// POST /v1/deployments requires scope "deploy:applications"
	// GET /v1/deployments/:id requires scopes "read:deployments" or "deploy:applications"
}

func ExampleEnforce() {
	verifier := new(bearer.JWTVerifier) // stands for the result of bearer.New
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var rules scopes.Table
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	rules.Handle("GET /healthz", scopes.Public())

	e := echo.New()
	e.Use(echov5bearer.Enforce(guard, &rules))
	ok := func(c *echo.Context) error { return c.String(http.StatusOK, "ok") }
	e.GET("/healthz", ok)
	e.POST("/deployments", ok)
	e.GET("/deployments/:id", ok)
	for _, route := range echov5bearer.Audit(e, &rules) {
		fmt.Println(route)
	}
	// Output:
	// GET /deployments/:id has no rule and is denied
	// GET /healthz is public
	// POST /deployments requires scope "deploy:applications"
}

func ExampleEnforceRoutes() {
	verifier := new(bearer.JWTVerifier) // stands for the result of bearer.New
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	rules := scopes.Routes{
		"POST /deployments": scopes.All("deploy:applications"),
		"GET /healthz":      scopes.Public(),
	}

	e := echo.New()
	e.Use(echov5bearer.EnforceRoutes(guard, rules))
	ok := func(c *echo.Context) error { return c.String(http.StatusOK, "ok") }
	e.GET("/healthz", ok)
	e.POST("/deployments", ok)
	e.GET("/deployments/:id", ok)
	fmt.Print(echov5bearer.AuditRoutes(e, rules))
	// Output:
	// GET /deployments/:id has no rule and is denied
	// GET /healthz is public
	// POST /deployments requires scope "deploy:applications"
}
