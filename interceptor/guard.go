package interceptor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// Options is what a Guard may be told. The zero Options, and nil, are the strict
// choice, but for streams: their callers are judged once, when they open, unless
// ExpireStreams or RecheckStreams says more.
type Options struct {
	// Realm is the realm of challenges (RFC 9110, section 11.5): printable
	// ASCII without quotes. Empty: "api", unless there is a ResourceMetadata.
	Realm string
	// ResourceMetadata is the absolute URL of the protected resource's metadata
	// (RFC 9728, section 5.1) for challenges. Empty: none.
	ResourceMetadata string
	// Observer is told the outcome of every call that the guard decides on, and of every
	// verdict on an open stream (RecheckStreams). Nil: the verifier is told, if it is a
	// [bearer.Observer].
	Observer bearer.Observer
	// Include is more rules, such as those of [Health] and [Reflection]. A name
	// that is declared twice, there or in the rules of New, is an error. Nil:
	// none.
	Include []scopes.Methods
	// ExpireStreams ends a stream with Unauthenticated when its token expires
	// ("exp"), unless the verifier then says that it is good nevertheless. False:
	// a stream that is open stays open.
	ExpireStreams bool
	// RecheckStreams is how often a stream's caller is judged anew while the
	// stream is open: the token is verified again, Config.Validate of the
	// verifier included, and so is the rule. What is refused ends the stream as
	// it would have been refused at its opening, and observers are told of each
	// verdict. One that takes as long as RecheckStreams ends the stream as well,
	// with Unavailable. Zero: never.
	RecheckStreams time.Duration
	// KeepToken keeps each caller's token for as long as its call lasts, where a
	// [Forwarder] and nothing else finds it. False: it is not kept, and
	// Forwarders refuse.
	KeepToken bool
}

// Guard lets calls through to handlers, or does not. It is safe for concurrent
// use and keeps nothing of a call once that has ended.
type Guard struct {
	verifier   bearer.Verifier
	observer   bearer.Observer // nil: the verifier
	rules      table
	challenges refusal.Challenges
	expire     bool
	recheck    time.Duration
	keep       bool
}

// New returns a Guard that asks v and judges each method by its rule in rules
// and in Options.Include. The error reports all that is wrong at once; of a rule that is
// wrong ([scopes.Rule.Err]) it names the method and the line that declares the rule.
func New(v bearer.Verifier, rules scopes.Methods, opts *Options) (*Guard, error) {
	if opts == nil {
		opts = &Options{}
	}
	params := refusal.Params{Realm: opts.Realm, ResourceMetadata: opts.ResourceMetadata}
	errs := params.Check()
	if nilcheck.IsNil(v) {
		errs = append(errs, errors.New("verifier: nil"))
	}
	if opts.Observer != nil && nilcheck.HasNil(opts.Observer) {
		errs = append(errs, fmt.Errorf("Options.Observer: a nil %T, or one with a nil observer in it", opts.Observer))
	}
	if opts.RecheckStreams < 0 {
		errs = append(errs, fmt.Errorf("Options.RecheckStreams: %v: negative", opts.RecheckStreams))
	}
	compiled, ruleErrs := compile(rules, opts.Include)
	if errs = append(errs, ruleErrs...); len(errs) > 0 {
		return nil, fmt.Errorf("interceptor: %w", errors.Join(errs...))
	}
	return &Guard{
		verifier:   v,
		observer:   opts.Observer,
		rules:      compiled,
		challenges: refusal.NewChallenges(params),
		expire:     opts.ExpireStreams,
		recheck:    opts.RecheckStreams,
		keep:       opts.KeepToken,
	}, nil
}

// ServerOptions returns both interceptors as options of [grpc.NewServer]. They
// are of the Chain kind, so that they go with interceptors of your own: those
// given before run around these and see refused calls too, those given after
// run behind these and see only calls that were let through. A nil Guard, which is what
// New returns beside an error, panics here and not at the first call.
func (g *Guard) ServerOptions() []grpc.ServerOption {
	declare.NotNil("interceptor", "a server", "guard", g)
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(g.Unary), grpc.ChainStreamInterceptor(g.Stream)}
}

// Unary is a [grpc.UnaryServerInterceptor]. It is safe for concurrent use.
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	allowed, err := g.decide(ctx, g.request(ctx, info.FullMethod))
	if err != nil {
		return nil, g.deny(ctx, err)
	}
	return handler(allowed, req)
}

// Stream is a [grpc.StreamServerInterceptor]. It decides once, before the first
// message is read, and later as Options.ExpireStreams and Options.RecheckStreams
// say. It is safe for concurrent use.
func (g *Guard) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx := ss.Context()
	req := g.request(ctx, info.FullMethod)
	allowed, err := g.decide(ctx, req)
	if err != nil {
		return g.deny(ctx, err)
	}
	if req.Rule.IsPublic() {
		return handler(srv, ss)
	}
	opened := &stream{ServerStream: ss, ctx: allowed}
	if !g.expire && g.recheck == 0 {
		return handler(srv, opened)
	}
	return g.serveLeased(srv, opened, req, handler)
}

// request gathers what decides on a call.
func (g *Guard) request(ctx context.Context, method string) bearer.Request {
	found := g.rules.find(method)
	req := bearer.Request{Transport: "grpc", Route: found.name, Rule: found.rule, Observer: g.observer}
	if !req.Rule.IsPublic() {
		req.Authorization = authorization(ctx)
	}
	return req
}

// decide returns the context for the handler, or an error for deny.
func (g *Guard) decide(ctx context.Context, req bearer.Request) (context.Context, error) {
	allowed, err := bearer.Decide(ctx, g.verifier, req)
	if err != nil || !g.keep || req.Rule.IsPublic() {
		return allowed, err
	}
	return keepToken(allowed, req.Authorization), nil
}

// authorization returns the credentials of a call as the client sent them. The
// key "authorization-bin" is another one to grpc, which decodes its values; a
// token there is neither taken nor overlooked: with it the credentials are more
// than one value, which is refused.
func authorization(ctx context.Context) []string {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if metadata.ValueFromIncomingContext(ctx, "authorization-bin") != nil {
		return append(values, "", "")
	}
	return values
}

// stream is a stream whose context has the caller's claims.
type stream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // a stream's context is what it returns
}

// Context returns the context with the caller's claims.
func (s *stream) Context() context.Context { return s.ctx }
