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
	// If Audience is empty, the library does not check the audience. bearer and auth0's libraries
	// always check it.
	// Alg is the only accepted algorithm.
	Alg string
	// Scope is the scope that bearer requires. If Scope is empty, bearer requires no scope.
	Scope string
	// CacheSize is the Config.CacheSize of bearer.
	CacheSize int
	// Options adds options that the library's documentation names, and that make the library
	// stricter or more tolerant. Peer.Options lists them.
	Options bool
	// Profile and Tenants are the settings of bearer. If Profile is empty, bearer has the profile
	// Scalekit.
	Profile string
	Tenants []string
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
	// ReadsRequests reports whether the library finds the token in the request. If it does not, the
	// peer runs in a short middleware of this package.
	ReadsRequests bool
	// CanSkipAudience reports whether the audience check has a switch.
	CanSkipAudience bool
	// Options describes the options that Setup.Options adds. It is empty if there are none.
	Options string
	// Middleware sets up the peer and returns its HTTP middleware. The goroutines of the peer stop
	// when ctx ends. Middleware is nil for gRPC.
	Middleware func(ctx context.Context, s Setup) (Middleware, error)
	grpc       func(ctx context.Context, s Setup) (Endpoint, error)
}

// Middleware is an HTTP middleware.
type Middleware = func(next http.Handler) http.Handler

// Open sets up the peer and returns its endpoint. The goroutines of the peer stop when ctx ends.
func (p Peer) Open(ctx context.Context, s Setup) (Endpoint, error) {
	if p.Middleware == nil {
		return p.grpc(ctx, s)
	}
	guard, err := p.Middleware(ctx, s)
	if err != nil {
		return nil, err
	}
	return httpEndpoint(guard), nil //nolint:contextcheck // an endpoint creates the requests that later calls send
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
func httpEndpoint(guard Middleware) Endpoint {
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

// shortMiddleware returns a middleware for a library that has none. It calls verify, as the
// middleware that users of the library write.
func shortMiddleware(verify func(ctx context.Context, token string) (any, error)) Middleware {
	type key struct{}
	return func(next http.Handler) http.Handler {
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
	}
}
