package chibearer_test

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/middleware/chibearer"
	"github.com/bearerkit/bearer/scopes"
)

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

	r := chi.NewRouter()
	r.Use(chibearer.EnforceRoutes(guard, rules))
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }
	r.Get("/healthz", ok)
	r.Post("/deployments", ok)
	r.Get("/deployments/{id}", ok)
	fmt.Print(chibearer.AuditRoutes(r, rules))
	// Output:
	// GET /deployments/{id} has no rule and is denied
	// GET /healthz is public
	// POST /deployments requires scope "deploy:applications"
}
