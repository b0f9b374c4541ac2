// Package peers sets up bearer and the libraries that the benchmark compares with bearer. Each
// library is set up as its documentation shows. All libraries get the same tokens and the same
// key set. They all check the signature, the issuer, the audience and the expiry. In addition,
// bearer requires a scope, and makes the rest of its checks, which users cannot switch off.
package peers

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
)

// Setup is the configuration of a peer.
type Setup struct {
	Issuer, Audience, KeysURL string
	// Alg is the only accepted algorithm.
	Alg string
	// Scope is the scope that bearer requires.
	Scope string
	// CacheSize is the Config.CacheSize of bearer.
	CacheSize int
	// Logger receives the refusals of bearer. If Logger is nil, bearer gets a logger that
	// formats records, as slog.Default does, and discards the text.
	Logger *slog.Logger
}

// Peer is a library that the benchmark measures.
type Peer struct {
	// Name is the name in tables. Module is the path of the Go module.
	Name, Module string
	// Caches reports whether the peer has a cache of verified tokens.
	Caches bool
	// OneKey reports whether the peer has a single key and ignores "kid".
	OneKey bool
	// Open sets up the peer. The goroutines of the peer stop when ctx ends.
	Open func(ctx context.Context, s Setup) (Endpoint, error)
}

// Endpoint is an HTTP or gRPC endpoint that a peer protects. It returns a function that sends
// a request with this value of the Authorization field. The function reports whether the
// request reached the handler.
type Endpoint func(authorization string) func() bool

// All returns the peers for HTTP. The first peer is bearer.
func All() []Peer {
	return []Peer{
		ours, golangJWT, goOIDC, jwxPeer, capPeer, auth0v2, auth0v3, echoJWT, jwtauthPeer, kubernetes,
	}
}

// GRPC returns the peers for gRPC. The first peer is bearer.
func GRPC() []Peer { return []Peer{oursGRPC, grpcMiddleware} }

// Version returns the version of a module in this program. It returns "" if the program does
// not contain the module.
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

// httpEndpoint returns the endpoint of a middleware.
func httpEndpoint(guard func(http.Handler) http.Handler) Endpoint {
	return func(authorization string) func() bool {
		reached := false
		handler := guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/deployments", http.NoBody)
		r.Header.Set("Authorization", authorization)
		w := &discardWriter{header: make(http.Header)}
		return func() bool {
			reached = false
			handler.ServeHTTP(w, r)
			return reached
		}
	}
}

// discardWriter is a response writer that discards the response body.
type discardWriter struct{ header http.Header }

func (d *discardWriter) Header() http.Header         { return d.header }
func (d *discardWriter) Write(b []byte) (int, error) { return len(b), nil }
func (d *discardWriter) WriteHeader(int)             {}

// discardLogger is a logger that discards its records.
var discardLogger = slog.New(slog.DiscardHandler)

// bearerToken returns the token in the Authorization field of a request. It is for libraries
// that do not read this field.
func bearerToken(r *http.Request) (string, bool) {
	value := r.Header.Get("Authorization")
	if len(value) < 7 || value[:7] != "Bearer " {
		return "", false
	}
	return value[7:], true
}

// shortMiddleware returns the endpoint of a library that has no middleware. The endpoint calls
// verify in a short middleware like the middleware that users of the library write.
func shortMiddleware(verify func(ctx context.Context, token string) (any, error)) Endpoint {
	type key struct{}
	return httpEndpoint(func(next http.Handler) http.Handler {
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
