package peers

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Ours is the name of the peers that use bearer.
const Ours = "bearer"

const module = "github.com/bearerkit/bearer"

// Verifier returns a verifier of bearer. All settings have their defaults, except the profile,
// the size of the cache and the loggers.
func Verifier(ctx context.Context, s Setup) (*bearer.JWTVerifier, error) {
	keys, err := jwks.New(s.KeysURL, &jwks.Options{Logger: discardLogger}) //nolint:contextcheck // context.AfterFunc below closes the cache
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = keys.Close() })
	ready, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := keys.Ready(ready); err != nil {
		return nil, err
	}
	logger := s.Logger
	if logger == nil {
		logger = slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // formatting is part of the cost, and DiscardHandler does not format records
	}
	profile, err := bearer.ProfileByName(cmp.Or(s.Profile, "Scalekit"))
	if err != nil {
		return nil, err
	}
	tenants := s.Tenants
	if len(tenants) == 0 { // New refuses an empty list, and JSON turns nil into an empty list (see package main)
		tenants = nil
	}
	return bearer.New(bearer.Config{ //nolint:contextcheck // New starts no goroutine if Config.Keys is set
		Issuer: s.Issuer, Audience: []string{s.Audience}, Tenants: tenants, Profile: profile, Keys: keys, CacheSize: s.CacheSize, Logger: logger,
	})
}

// Guard returns a middleware of bearer with a verifier from [Verifier].
func Guard(ctx context.Context, s Setup) (*middleware.Guard, error) {
	v, err := Verifier(ctx, s)
	if err != nil {
		return nil, err
	}
	return middleware.New(v, nil)
}

var ours = Peer{
	Name: Ours, Module: module, Caches: true, ReadsRequests: true,
	Middleware: func(ctx context.Context, s Setup) (Middleware, error) {
		guard, err := Guard(ctx, s)
		if err != nil {
			return nil, err
		}
		return guard.Require(scopes.All(strings.Fields(s.Scope)...)), nil
	},
}

var oursGRPC = Peer{
	Name: Ours, Module: module, Caches: true,
	grpc: func(ctx context.Context, s Setup) (Endpoint, error) {
		v, err := Verifier(ctx, s)
		if err != nil {
			return nil, err
		}
		guard, err := interceptor.New(v, scopes.Methods{method: scopes.All(s.Scope)}, nil)
		if err != nil {
			return nil, err
		}
		return grpcEndpoint(guard.Unary), nil
	},
}

const method = "/deploy.v1.Deployments/Create"

// grpcEndpoint returns the endpoint of an interceptor. The endpoint calls the interceptor as a
// gRPC server does. It passes the same metadata that Go's client sends.
func grpcEndpoint(guard grpc.UnaryServerInterceptor) Endpoint {
	return func(authorization string) func() bool {
		reached := false
		handler := func(_ context.Context, req any) (any, error) { reached = true; return req, nil } //nolint:unparam // gRPC requires this signature
		ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs(
			":authority", "deployments.example.com:443", "content-type", "application/grpc",
			"user-agent", "grpc-go/1.79.3", "grpc-accept-encoding", "gzip", "authorization", authorization,
		))
		info := &grpc.UnaryServerInfo{FullMethod: method}
		return func() bool {
			reached = false
			_, _ = guard(ctx, nil, info, handler)
			return reached
		}
	}
}
