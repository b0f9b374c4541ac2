// Package peers is the libraries that bearer is measured against, each set up as
// its own documentation says, for the same tokens: the signature, the issuer, the
// audience and the expiry are checked, and the keys come from the same key set.
// Ours asks for a scope as well, and has no switch to leave anything out.
package peers

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
)

// Setup is what a peer is told of the issuer.
type Setup struct {
	Issuer, Audience, KeysURL string
	// Alg is the one algorithm to accept.
	Alg string
	// Scope is what ours asks for.
	Scope string
	// CacheSize is that of our verified-token cache.
	CacheSize int
	// Logger gets our refusals. Nil: one that formats them, as slog.Default does, and
	// throws the text away.
	Logger *slog.Logger
}

// Peer is one of those that are measured.
type Peer struct {
	// Name is how tables call it, Module the Go module that it is.
	Name, Module string
	// Remembers says that it keeps verdicts on tokens.
	Remembers bool
	// OneKey says that it knows one key and does not look at "kid".
	OneKey bool
	// Open sets it up, for as long as ctx lasts.
	Open func(ctx context.Context, s Setup) (Door, error)
}

// Door is a peer that is set up. It returns a function that sends one request with
// these credentials through all of it, and reports whether the handler was reached.
type Door func(authorization string) func() bool

// All returns the peers, ours first.
func All() []Peer {
	return []Peer{
		ours, golangJWT, goOIDC, jwxPeer, capPeer, auth0v2, auth0v3, echoJWT, jwtauthPeer, kubernetes,
	}
}

// GRPC returns those for gRPC, ours first.
func GRPC() []Peer { return []Peer{oursGRPC, grpcMiddleware} }

// Version returns the version of a module in this program.
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

// overHTTP is the door of a middleware.
func overHTTP(guard func(http.Handler) http.Handler) Door {
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

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// quiet is for libraries that log.
var quiet = slog.New(slog.DiscardHandler)

// bearerToken is the token of credentials, for libraries that leave that to their
// users.
func bearerToken(r *http.Request) (string, bool) {
	value := r.Header.Get("Authorization")
	if len(value) < 7 || value[:7] != "Bearer " {
		return "", false
	}
	return value[7:], true
}

// byHand is the middleware that the users of a library without one write.
func byHand(verify func(ctx context.Context, token string) (any, error)) Door {
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
