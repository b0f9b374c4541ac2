// This program guards an API with golang-jwt, keyfunc and its own code. Many services do the
// same. The program in ../after guards the same API with bearer.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
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

// claims holds the claims of the tokens.
type claims struct {
	jwt.RegisteredClaims
	Scope      string `json:"scope"`
	ClientID   string `json:"client_id"`
	Repository string `json:"github_repository"`
}

type claimsKey struct{}

func newHandler(ctx context.Context, issuer, keysURL, audience string) (http.Handler, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{keysURL})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256", "ES256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
	)
	require := func(scope string, next http.HandlerFunc) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok {
				http.Error(w, "missing token", http.StatusUnauthorized)
				return
			}
			var c claims
			if _, err := parser.ParseWithClaims(raw, &c, keys.Keyfunc); err != nil {
				http.Error(w, "invalid token", http.StatusUnauthorized)
				return
			}
			if !slices.Contains(strings.Fields(c.Scope), scope) {
				http.Error(w, "insufficient scope", http.StatusForbidden)
				return
			}
			next(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, &c)))
		})
	}
	mux := http.NewServeMux()
	mux.Handle("GET /deployments", require("read:deployments", list))
	mux.Handle("POST /deployments", require("deploy:applications", deploy))
	return mux, nil
}

func list(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "none") }

func deploy(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(claimsKey{}).(*claims) // the function require puts the claims into the context
	_, _ = fmt.Fprintf(w, "%s deploys %s\n", c.ClientID, c.Repository)
}
