package interceptor

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/guard"
	"github.com/bearerkit/bearer/scopes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Options is what a Guard may be told. The zero Options, and nil, are the strict
// choice.
type Options struct {
	// Realm is the realm of challenges (RFC 9110, section 11.5): printable
	// ASCII without quotes. Empty: "api", unless there is a ResourceMetadata.
	Realm string
	// ResourceMetadata is the absolute URL of the protected resource's metadata
	// (RFC 9728, section 5.1) for challenges. Empty: none.
	ResourceMetadata string
}

// Guard lets calls through to handlers, or does not. It is safe for concurrent
// use and keeps nothing of a call.
type Guard struct {
	verifier   bearer.Verifier
	rules      scopes.Methods
	challenges guard.Writer
}

// New returns a Guard that asks v and judges each method by its rule in rules.
// The error reports all that is wrong at once.
func New(v bearer.Verifier, rules scopes.Methods, opts *Options) (*Guard, error) {
	if opts == nil {
		opts = &Options{}
	}
	params := guard.Params{Realm: opts.Realm, ResourceMetadata: opts.ResourceMetadata}
	errs := params.Check()
	if guard.IsNil(v) {
		errs = append(errs, errors.New("verifier: nil"))
	}
	if err := rules.Err(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("interceptor: %w", errors.Join(errs...))
	}
	return &Guard{verifier: v, rules: maps.Clone(rules), challenges: guard.New(params)}, nil
}

// ServerOptions returns both interceptors as options of [grpc.NewServer]. They
// are of the Chain kind, so that they go with interceptors of your own.
func (g *Guard) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(g.Unary), grpc.ChainStreamInterceptor(g.Stream)}
}

// Unary is a [grpc.UnaryServerInterceptor].
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	allowed, err := g.check(ctx, info.FullMethod)
	if err != nil {
		return nil, g.deny(ctx, err)
	}
	return handler(allowed, req)
}

// Stream is a [grpc.StreamServerInterceptor]. It decides once, before the first
// message is read.
func (g *Guard) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	allowed, err := g.check(ss.Context(), info.FullMethod)
	if err != nil {
		return g.deny(ss.Context(), err)
	}
	return handler(srv, &stream{ServerStream: ss, ctx: allowed})
}

func (g *Guard) check(ctx context.Context, method string) (context.Context, error) {
	rule, route := g.rules.Rule(method)
	return bearer.Decide(ctx, g.verifier, bearer.Request{
		Transport:     "grpc",
		Route:         route,
		Authorization: metadata.ValueFromIncomingContext(ctx, "authorization"),
		Rule:          rule,
	})
}

// stream is a stream whose context has the caller's claims.
type stream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream's context is what it returns
}

// Context returns the context with the caller's claims.
func (s *stream) Context() context.Context { return s.ctx }
