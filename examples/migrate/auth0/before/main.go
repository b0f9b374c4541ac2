// This program guards an API with auth0/go-jwt-middleware v3. The program in ../after guards
// the same API with bearer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
)

func main() {
	issuer := flag.String("issuer", "https://acme.eu.auth0.com/", "URL of the authorization server")
	keys := flag.String("keys", "https://acme.eu.auth0.com/.well-known/jwks.json", "URL of the key set of the authorization server")
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
	Scope      string `json:"scope"`
	ClientID   string `json:"client_id"`
	Repository string `json:"github_repository"`
}

// Validate implements validator.CustomClaims.
func (c *claims) Validate(context.Context) error {
	if c.Repository == "" {
		return errors.New("no github_repository")
	}
	return nil
}

func newHandler(_ context.Context, issuer, keysURL, audience string) (http.Handler, error) {
	issuerURL, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	jwksURL, err := url.Parse(keysURL)
	if err != nil {
		return nil, err
	}
	provider, err := jwks.NewCachingProvider(jwks.WithIssuerURL(issuerURL), jwks.WithCustomJWKSURI(jwksURL), jwks.WithCacheTTL(5*time.Minute))
	if err != nil {
		return nil, err
	}
	tokens, err := validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithms([]validator.SignatureAlgorithm{validator.RS256, validator.ES256}),
		validator.WithIssuer(issuer),
		validator.WithAudience(audience),
		validator.WithCustomClaims(func() *claims { return &claims{} }),
	)
	if err != nil {
		return nil, err
	}
	m, err := jwtmiddleware.New(jwtmiddleware.WithValidator(tokens))
	if err != nil {
		return nil, err
	}
	require := func(scope string, next http.HandlerFunc) http.Handler {
		return m.CheckJWT(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := custom(r.Context()); err != nil || !slices.Contains(strings.Fields(c.Scope), scope) {
				http.Error(w, "insufficient scope", http.StatusForbidden)
				return
			}
			next(w, r)
		}))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /deployments", require("read:deployments", list))
	mux.Handle("POST /deployments", require("deploy:applications", deploy))
	return mux, nil
}

// custom returns the custom claims of the caller.
func custom(ctx context.Context) (*claims, error) {
	validated, err := jwtmiddleware.GetClaims[*validator.ValidatedClaims](ctx)
	if err != nil {
		return nil, err
	}
	c, ok := validated.CustomClaims.(*claims)
	if !ok {
		return nil, fmt.Errorf("custom claims: got type %T, want *claims", validated.CustomClaims)
	}
	return c, nil
}

func list(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "none") }

func deploy(w http.ResponseWriter, r *http.Request) {
	c, err := custom(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintf(w, "%s deploys %s\n", c.ClientID, c.Repository)
}
