// The program keycloak is an API that accepts the access tokens of a Keycloak realm. Its
// configuration is in environment variables, because Docker Compose and Kubernetes set these:
//
//   - ISSUER: the claim "iss" of the tokens, which is the outer name of the realm
//   - AUDIENCE: a value of the claim "aud" of the tokens
//   - METADATA_URL or KEYS_URL: the address inside the network, if it differs from ISSUER
//   - ROOT_CA_FILE: the certificate of the authority of this address
//   - INSECURE_HTTP: true allows addresses with the scheme http
//   - STORE_FILE and STORE_KEY: a file that keeps the keys across restarts
//   - ADDR: the address to listen on; the default is :8080
//
// The files compose.yaml, realm.json and kubernetes.yaml are for this program. The page
// docs/keycloak.md explains them.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv, slog.Default(), func(net.Addr) {}); err != nil {
		fmt.Fprintln(os.Stderr, "keycloak:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// config returns the configuration of the verifier.
func config(getenv func(string) string, logger *slog.Logger) (bearer.Config, error) {
	keys := &jwks.Options{
		MetadataURL:  getenv("METADATA_URL"),
		KeysURL:      getenv("KEYS_URL"),
		RootCAFile:   getenv("ROOT_CA_FILE"),
		InsecureHTTP: getenv("INSECURE_HTTP") == "true",
		Logger:       logger,
	}
	if file := getenv("STORE_FILE"); file != "" {
		store, err := jwks.NewFileStore(file)
		if err != nil {
			return bearer.Config{}, fmt.Errorf("STORE_FILE: %w", err)
		}
		keys.Store, keys.StoreKey = store, []byte(getenv("STORE_KEY"))
	}
	return bearer.Config{
		Issuer:     getenv("ISSUER"),
		Audience:   []string{getenv("AUDIENCE")},
		Profile:    bearer.Keycloak,
		KeyOptions: keys,
		Logger:     logger,
	}, nil
}

// api returns the handler of the program.
func api(guard *middleware.Guard, ready http.Handler) http.Handler {
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /readyz", scopes.Public(), ready)
	guard.Handle(mux, "GET /livez", scopes.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	guard.Handle(mux, "GET /deployments", scopes.All("read:deployments"), answer("list"))
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), answer("create"))
	return mux
}

// answer returns a handler that writes text and the client of the request.
func answer(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := bearer.FromContext(r.Context())
		if !ok {
			http.Error(w, "the route has no guard", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, text+" for "+claims.ClientID()+"\n")
	})
}

// run serves requests until ctx ends. It calls listening with the address of the server.
func run(ctx context.Context, getenv func(string) string, logger *slog.Logger, listening func(net.Addr)) error {
	cfg, err := config(getenv, logger)
	if err != nil {
		return err
	}
	verifier, err := bearer.New(cfg) //nolint:contextcheck // the verifier lives until Close
	if err != nil {
		return err
	}
	defer verifier.Close()
	guard, err := middleware.New(verifier, &middleware.Options{Logger: logger})
	if err != nil {
		return err
	}
	ready, err := middleware.NewReadiness(verifier, nil)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmp.Or(getenv("ADDR"), ":8080"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: api(guard, ready), ReadHeaderTimeout: 10 * time.Second}
	listening(listener.Addr())
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // after 10 s, the process ends with open requests
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}
