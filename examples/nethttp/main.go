// The program nethttp is an API on http.ServeMux with a rule for each route.
//
//	go run ./examples/nethttp
//
// The command above starts a test issuer. To use the issuer bearer-issuer, run these commands in two
// terminals. Paste the line that begins with "token()" into a third terminal, and run the calls there.
// The statuses are 200, 403 and 401.
//
//	go run ./cmd/bearer-issuer
//	go run ./examples/nethttp -issuer http://127.0.0.1:8790 -audience deployment-api.acmecorp.com -profile scalekit
//
//	curl -i -X POST http://127.0.0.1:8080/deployments -H "Authorization: Bearer $(token)"
//	curl -i -X POST http://127.0.0.1:8080/deployments -H "Authorization: Bearer $(token -d scope=read:deployments)"
//	curl -i -X POST http://127.0.0.1:8080/deployments
package main

import (
	"io"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() { demo.Main(api) }

func api(guard *middleware.Guard) http.Handler {
	mux := http.NewServeMux()
	read := scopes.Any("read:deployments", "deploy:applications")

	// Handle wraps the handler with Require and adds the route to guard.Routes().
	guard.Handle(mux, "GET /healthz", scopes.Public(), answer("health"))
	guard.Handle(mux, "GET /deployments", read, answer("list"))
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), answer("create"))
	guard.Handle(mux, "GET /deployments/{id}", read, answer("read"))
	guard.Handle(mux, "DELETE /deployments/{id}", scopes.All("deploy:applications", "delete:deployments"), answer("delete"))

	// ReportOnly tests a new rule. The guard allows a request that the rule denies, and
	// reports this request to the observer.
	guard.Handle(mux, "PATCH /deployments/{id}", scopes.ReportOnly(scopes.All("patch:deployments")), answer("patch"))

	// Optional allows requests without a token. The guard refuses requests with an
	// invalid token.
	guard.Handle(mux, "GET /whoami", scopes.Optional(scopes.All()), answer("whoami"))

	guard.Handle(mux, "GET /fail", scopes.All(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "deployment in progress", http.StatusConflict)
	}))

	// One rule guards a whole mux. StripPrefix mounts the mux below /admin.
	admin := http.NewServeMux()
	admin.Handle("GET /{id}", answer("admin"))
	guard.Handle(mux, "/admin/", scopes.All("admin"), http.StripPrefix("/admin", admin))
	guard.Handle(mux, "GET /files/{id...}", scopes.All("read:files"), answer("files"))
	return mux
}

// answer returns a handler that writes name, the route parameter and the caller of the
// request.
func answer(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())                         // nil if the request has no token, on routes that allow this
		_, _ = io.WriteString(w, demo.Line(name, r.PathValue("id"), claims)) //nolint:gosec // plain text, not rendered as HTML
	})
}
