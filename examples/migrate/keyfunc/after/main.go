// This program guards an API with bearer. The program in ../before guards the same API with
// golang-jwt and keyfunc.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() {
	issuer := flag.String("issuer", "https://acme.example", "URL of the authorization server")
	keys := flag.String("keys", "https://acme.example/keys", "URL of the key set of the authorization server")
	flag.Parse()
	handler, err := newHandler(context.Background(), *issuer, *keys, "deployment-api")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// claims holds the custom claims of the tokens.
type claims struct {
	Repository string `json:"github_repository"`
}

func newHandler(ctx context.Context, issuer, keysURL, audience string) (http.Handler, error) {
	// If the issuer publishes metadata (discovery), Config.Keys is not needed.
	keys, err := jwks.New(keysURL, &jwks.Options{Issuer: issuer}) //nolint:contextcheck // the cache lives as long as the handler
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = keys.Close() })
	verifier, err := bearer.New(bearer.Config{ //nolint:contextcheck // the verifier lives as long as the handler
		Issuer:   issuer,
		Audience: []string{audience},
		Keys:     keys,
		Custom:   bearer.JSON[claims],
		// For tokens that do not follow RFC 9068, set Profile, for example to bearer.Scalekit.
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(verifier, nil)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /deployments", scopes.All("read:deployments"), http.HandlerFunc(list))
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), http.HandlerFunc(deploy))
	return mux, nil
}

func list(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "none") }

func deploy(w http.ResponseWriter, r *http.Request) {
	caller, ok := bearer.FromContext(r.Context())
	c, hasCustom := bearer.Custom[claims](r.Context())
	if !ok || !hasCustom { // the route has no guard, or its rule is public
		http.Error(w, "no caller", http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintf(w, "%s deploys %s\n", caller.ClientID(), c.Repository)
}
