package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// A route asks for its scopes, and its handler finds the caller.
func ExampleNew() {
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
	mux := http.NewServeMux()
	mux.Handle("POST /deployments", guard.Require(scopes.All("deploy:applications"))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := bearer.FromContext(r.Context())
			_, _ = fmt.Fprint(w, "deploying for ", claims.ClientID())
		})))

	call := func(claims map[string]any) {
		r := httptest.NewRequest(http.MethodPost, "/deployments", nil)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(claims))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	call(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": "deploy:applications"})
	call(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": "read:deployments"})
	// Output:
	// 200 deploying for ci
	// 403 {"error":"insufficient_scope","error_description":"The access token does not allow this","scope":"deploy:applications"}
}
