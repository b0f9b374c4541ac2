package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// A route requires a scope, and its handler reads the caller's claims.
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
			claims, ok := bearer.FromContext(r.Context())
			if !ok { // the route has no guard, or its rule is public
				http.Error(w, "no caller", http.StatusInternalServerError)
				return
			}
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
	// 403 {"error":"insufficient_scope","error_description":"The access token does not allow this","reason":"scope","scope":"deploy:applications"}
}

// The rules of a whole mux are in one table, and the routes are printed at start.
func ExampleGuard_Enforce() {
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

	var rules scopes.Table
	rules.Handle("GET /healthz", scopes.Public())
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	rules.Handle("GET /deployments/{id}", scopes.ReportOnly(scopes.All("read:deployments")))
	rules.Handle("GET /whoami", scopes.Optional(scopes.All()))

	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	handler := guard.Enforce(&rules)(mux)

	for _, route := range guard.Routes() {
		fmt.Println(route)
	}
	for _, target := range []string{"/healthz", "/deployments/7", "/forgotten"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		fmt.Printf("%s %d %q\n", target, w.Code, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// GET /healthz is public
	// POST /deployments requires scope "deploy:applications"
	// GET /deployments/{id} requires scope "read:deployments" (report only)
	// GET /whoami allows callers without a token; a token that is sent must be valid
	// /healthz 200 ""
	// /deployments/7 401 "Bearer realm=\"api\""
	// /forgotten 401 "Bearer realm=\"api\""
}

// The API publishes its authorization servers and the scopes of its rules.
func ExampleGuard_Metadata() {
	verifier, err := bearer.New(bearer.Config{Issuer: "https://acme.example", Audience: []string{"https://api.example/mcp"}, Keys: new(jwks.Set)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, &middleware.Options{
		Resource: "https://api.example/mcp",
		Metadata: map[string]any{"resource_name": "Deployments"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle(guard.Metadata())
	guard.Handle(mux, "/mcp", scopes.All("deploy:applications"), http.NotFoundHandler())

	for _, target := range []string{"/mcp", "/.well-known/oauth-protected-resource/mcp"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 401 Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp", scope="deploy:applications" {"error":"unauthorized","error_description":"An access token is required","reason":"no_token","scope":"deploy:applications"}
	//
	// 200  {"authorization_servers":["https://acme.example"],"bearer_methods_supported":["header"],"resource":"https://api.example/mcp","resource_name":"Deployments","scopes_supported":["deploy:applications"]}
}

// A load balancer checks whether this process can verify tokens.
func ExampleNewReadiness() {
	verifier, err := bearer.New(bearer.Config{Issuer: "https://acme.example", Audience: []string{"deployment-api"}, Keys: new(jwks.Set)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	ready, err := middleware.NewReadiness(verifier, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/readyz", ready) // this route has no guard, so requests need no token

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 200 {"ready":true,"issuers":[{"issuer":"https://acme.example","ready":true}]}
}

// The service behind the proxy cannot verify tokens. The proxy sends the caller's client ID
// in a header field.
func ExampleGuard_Proxy() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "client %q, token %q", r.Header.Get("X-Client"), r.Header.Get("Authorization")) //nolint:gosec // plain text, which no browser renders
	}))
	defer service.Close()
	target, err := url.Parse(service.URL)
	if err != nil {
		fmt.Println(err)
		return
	}

	guard, err := middleware.New(verifier, &middleware.Options{
		Headers: map[string]func(*bearer.Claims) string{"X-Client": (*bearer.Claims).ClientID},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "/reports/", scopes.All("read:reports"), guard.Proxy(target))
	front := httptest.NewServer(mux)
	defer front.Close()

	r, _ := http.NewRequest(http.MethodGet, front.URL+"/reports/7", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": "read:reports"}))
	r.Header.Set("X-Client", "admin") // the guard replaces the client's own value
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Println(response.StatusCode, string(body))
	// Output:
	// 200 client "ci", token ""
}

// nginx and Caddy call this handler before they forward a request.
func ExampleGuard_ForwardAuth() {
	issuer := bearertest.NewIssuer(nil) // stands for your authorization server
	defer issuer.Close()
	verifier, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, &middleware.Options{
		Headers: map[string]func(*bearer.Claims) string{"X-Client": (*bearer.Claims).ClientID},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var rules scopes.Table
	rules.Handle("GET /reports/", scopes.All("read:reports"))
	handler := guard.ForwardAuth(&rules)

	for _, method := range []string{"GET", "DELETE"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Forwarded-Method", method)
		r.Header.Set("X-Forwarded-Uri", "/reports/7")
		r.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "ci", "scope": "read:reports"}))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Printf("%d client %q, error %q\n", w.Code, w.Header().Get("X-Client"), w.Header().Get("X-Auth-Error"))
	}
	// Output:
	// 204 client "ci", error ""
	// 403 client "", error "forbidden"
}

// A program that does not write to an http.ResponseWriter calls Check, and sends the
// Refusal itself.
func ExampleGuard_Refusal() {
	verifier, err := bearer.New(bearer.Config{Issuer: "https://acme.example", Audience: []string{"deployment-api"}, Keys: new(jwks.Set)})
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
	r := httptest.NewRequest(http.MethodPost, "/deployments", http.NoBody)
	if _, err := guard.Check(r, scopes.All("deploy:applications")); err != nil {
		refusal := guard.Refusal(r, err)
		fmt.Println(refusal.Status, refusal.Header.Get("WWW-Authenticate"))
		fmt.Print(string(refusal.Body))
	}
	// Output:
	// 401 Bearer realm="api"
	// {"error":"unauthorized","error_description":"An access token is required","reason":"no_token"}
}
