package ginbearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/ginbearer"
	"github.com/bearerkit/bearer/scopes"
)

func ExampleRequire() {
	gin.SetMode(gin.ReleaseMode)
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

	engine := gin.New()
	engine.POST("/deployments", ginbearer.Require(guard, scopes.All("deploy:applications")), func(c *gin.Context) {
		claims, ok := bearer.FromContext(c)
		if !ok { // the route has no guard, or its rule is public
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.String(http.StatusCreated, "deploying for %s\n", claims.ClientID())
	})
	for _, scope := range []string{"deploy:applications", "read:deployments"} {
		r := httptest.NewRequest(http.MethodPost, "/deployments", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": scope}))
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 201 deploying for ci
	// 403 {"error":"insufficient_scope","error_description":"The access token does not allow this","reason":"scope","scope":"deploy:applications"}
}

func ExampleHandle() {
	gin.SetMode(gin.ReleaseMode)
	verifier := new(bearer.JWTVerifier) // stands for the result of bearer.New
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	engine := gin.New()
	v1 := engine.Group("/v1")
	ok := func(c *gin.Context) { c.String(http.StatusOK, "ok") }
	ginbearer.Handle(guard, engine, http.MethodGet, "/healthz", scopes.Public(), ok)
	ginbearer.Handle(guard, v1, http.MethodPost, "/deployments", scopes.All("deploy:applications"), ok)
	ginbearer.Handle(guard, v1, http.MethodGet, "/deployments/:id", scopes.Any("read:deployments", "deploy:applications"), ok)
	for _, route := range guard.Routes() {
		fmt.Println(route)
	}
	// Output:
	// GET /healthz is public
	// POST /v1/deployments requires scope "deploy:applications"
	// GET /v1/deployments/:id requires scopes "read:deployments" or "deploy:applications"
}

func ExampleEnforce() {
	gin.SetMode(gin.ReleaseMode)
	verifier := new(bearer.JWTVerifier) // stands for the result of bearer.New
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var rules scopes.Table
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	rules.Handle("GET /healthz", scopes.Public())

	engine := gin.New()
	engine.Use(ginbearer.Enforce(guard, &rules))
	engine.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok") })
	engine.POST("/deployments", func(*gin.Context) {})
	engine.GET("/deployments/:id", func(*gin.Context) {})
	for _, route := range ginbearer.Audit(engine, &rules) {
		fmt.Println(route)
	}
	// Output:
	// GET /deployments/:id has no rule and is denied
	// GET /healthz is public
	// POST /deployments requires scope "deploy:applications"
}

func ExampleEnforceRoutes() {
	gin.SetMode(gin.ReleaseMode)
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

	engine := gin.New()
	ginbearer.EnforceRoutes(guard, engine, rules)
	engine.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok") })
	engine.POST("/deployments", func(*gin.Context) {})
	engine.GET("/deployments/:id", func(*gin.Context) {})
	fmt.Print(ginbearer.AuditRoutes(engine, rules))
	// Output:
	// GET /deployments/:id has no rule and is denied
	// GET /healthz is public
	// POST /deployments requires scope "deploy:applications"
}
