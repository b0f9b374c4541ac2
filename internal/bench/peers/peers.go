// Package peers sets up bearer and the libraries that bearer is compared with, each as its
// documentation shows. All get the same tokens and the same key set, and check signature,
// issuer, audience and expiry. bearer also requires a scope, and runs its other checks,
// which cannot be switched off.
package peers

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
)

// Setup configures a peer for an issuer.
type Setup struct {
	Issuer, Audience, KeysURL string
	// Alg is the only accepted algorithm.
	Alg string
	// Scope is the scope that bearer requires.
	Scope string
	// CacheSize is the size of bearer's token cache.
	CacheSize int
	// Logger receives bearer's refusals. Nil means a logger that formats records, as
	// slog.Default does, and discards the text.
	Logger *slog.Logger
}

// Peer is a library that is measured.
type Peer struct {
	// Name is the name in tables, and Module the path of the Go module.
	Name, Module string
	// Caches reports whether the peer caches verdicts on tokens.
	Caches bool
	// OneKey reports whether the peer has a single key and ignores "kid".
	OneKey bool
	// Open sets up the peer. The peer stops when ctx ends.
	Open func(ctx context.Context, s Setup) (Endpoint, error)
}

// Endpoint is a protected endpoint of a peer. It returns a function that sends a request
// with this value of the Authorization field. The function reports whether the request
// reached the handler.
type Endpoint func(authorization string) func() bool

// All returns the peers for HTTP, bearer first.
func All() []Peer {
	return []Peer{
		ours, golangJWT, goOIDC, jwxPeer, capPeer, auth0v2, auth0v3, echoJWT, jwtauthPeer, kubernetes,
	}
}

// GRPC returns the peers for gRPC, bearer first.
func GRPC() []Peer { return []Peer{oursGRPC, grpcMiddleware} }

// Version returns the version of a module that this program was built with.
func Version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return ""
}

// overHTTP returns the endpoint of a middleware.
func overHTTP(guard func(http.Handler) http.Handler) Endpoint {
	return func(authorization string) func() bool {
		reached := false
		handler := guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/deployments", http.NoBody)
		r.Header.Set("Authorization", authorization)
		w := &discard{header: make(http.Header)}
		return func() bool {
			reached = false
			handler.ServeHTTP(w, r)
			return reached
		}
	}
}

// discard is a response writer that discards the body.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// quiet is a logger that discards its records.
var quiet = slog.New(slog.DiscardHandler)

// bearerToken returns the bearer token of a request, for libraries that do not read the
// Authorization field.
func bearerToken(r *http.Request) (string, bool) {
	value := r.Header.Get("Authorization")
	if len(value) < 7 || value[:7] != "Bearer " {
		return "", false
	}
	return value[7:], true
}

// byHand returns the endpoint of a library without a middleware. It calls verify in a
// middleware such as the users of the library write.
func byHand(verify func(ctx context.Context, token string) (any, error)) Endpoint {
	type key struct{}
	return overHTTP(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, ok := bearerToken(r)
			if !ok {
				http.Error(w, "unauthorized", http.StatusUnauthorized)
				return
			}
			claims, err := verify(r.Context(), token)
			if err != nil {
				http.Error(w, "unauthorized", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, claims)))
		})
	})
}
