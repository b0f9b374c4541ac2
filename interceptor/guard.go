package interceptor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/durations"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/possession"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// Options configures a Guard. Nil is the same as the zero Options. With the zero Options,
// the guard checks the caller of a stream only when the stream opens. ExpireStreams and
// RecheckStreams add checks of open streams.
type Options struct {
	// Realm is the realm in the challenges of refusals (RFC 9110, section 11.5). It must be
	// printable ASCII without '"' and '\'. Empty: the realm is "api" if ResourceMetadata is
	// empty; otherwise challenges contain no realm.
	Realm string
	// ResourceMetadata is the absolute URL of the protected resource's metadata (RFC 9728,
	// section 5.1) for challenges. Empty: challenges contain no metadata URL.
	ResourceMetadata string
	// Observer receives the outcome of every check of a call or an open stream. Calls of
	// public methods are not checked. Nil: the comment of
	// [bearer.Verifier] explains which observer receives the outcomes.
	Observer bearer.Observer
	// Include contains rules that New adds to its argument rules, for example the results
	// of [Health] and [Reflection]. New returns an error if a name is declared more than
	// once. Nil: the guard has only the rules in the argument.
	Include []scopes.Methods
	// ExpireStreams ends a stream with Unauthenticated when its token expires: at
	// [bearer.Claims.ValidUntil], which includes Config.Leeway and Config.MaxAge. The wall
	// clock decides. If it jumps forward, for example because the machine was suspended, the
	// stream ends at most 5 s later. If
	// the verifier still accepts the token at that time, the guard checks the token every
	// second, and the stream ends as soon as the verifier refuses the token. False: a stream
	// stays open after its token has expired.
	ExpireStreams bool
	// RecheckStreams is the interval at which the guard checks the caller of an open
	// stream again. Each check verifies the token, calls Config.Validate of the verifier,
	// and checks the rule. A refusal ends the stream. The status is the same as for a
	// refusal when the stream opens. If a check takes as long as the interval, the guard
	// ends the stream with Unavailable. Observers receive the outcome of each check. Zero:
	// the guard does not check open streams at an interval. New returns an error if the interval
	// is negative, or if it probably has no unit: if it is shorter than 1 s and does not consist
	// of whole milliseconds. A wall clock that jumps forward, for example because the machine
	// was suspended, counts as time that has passed. The check then begins at most 5 s later.
	RecheckStreams time.Duration
	// KeepToken keeps each caller's token until the end of the call. Only the result of [NewForwarder]
	// can use the kept token. False: the guard keeps no tokens, and forwarders refuse every
	// call.
	KeepToken bool
}

// Guard passes calls to handlers or refuses the calls. [New] returns a Guard. The zero Guard
// has no rules and denies every call. A Guard is safe for concurrent use and keeps no data of
// a call after the end of the call.
type Guard struct {
	verifier   bearer.Verifier
	observer   bearer.Observer // nil: the verifier receives the outcomes if it is an observer
	rules      table
	challenges refusal.Challenges
	expire     bool
	recheck    time.Duration
	keep       bool
	schedule   *schedule // the checks of open streams; not nil if expire or recheck is set
}

// New returns a Guard that verifies tokens with v. The guard checks each call against the
// rule of its method in rules and Options.Include. The error lists all problems at once. If
// a rule has a mistake in it ([scopes.Rule.Err]), the error contains the method and the
// source line of the declaration.
func New(v bearer.Verifier, rules scopes.Methods, opts *Options) (*Guard, error) {
	if opts == nil {
		opts = &Options{}
	}
	params := refusal.Params{Realm: opts.Realm, ResourceMetadata: opts.ResourceMetadata}
	errs := params.Check()
	if nilcheck.IsNil(v) {
		errs = append(errs, errors.New("verifier: nil; pass the result of bearer.New"))
	}
	if opts.Observer != nil && nilcheck.HasNil(opts.Observer) {
		errs = append(errs, fmt.Errorf("Options.Observer: the %T is nil, an empty list or a list that contains nil; for no observer, leave the field unset", opts.Observer))
	}
	if opts.RecheckStreams < 0 {
		errs = append(errs, fmt.Errorf("Options.RecheckStreams: %v: must not be negative", opts.RecheckStreams))
	}
	if err := durations.Check("Options.RecheckStreams", opts.RecheckStreams, shortestRecheck, time.Minute); err != nil {
		errs = append(errs, err)
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
		schedule:   newSchedule(),
	}, nil
}

// ServerOptions returns both interceptors, Unary and Stream, as options for
// [grpc.NewServer]. The options chain interceptors ([grpc.ChainUnaryInterceptor] and
// [grpc.ChainStreamInterceptor]), so you can add other interceptors. Interceptors before
// the guard run for allowed and for refused calls. Interceptors after the guard run only
// for allowed calls. ServerOptions panics if the Guard is nil. So a program that ignores an
// error of New fails at start.
func (g *Guard) ServerOptions() []grpc.ServerOption {
	declare.NotNil("interceptor", "a server", "guard", g)
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(g.Unary), grpc.ChainStreamInterceptor(g.Stream)}
}

// Unary is a [grpc.UnaryServerInterceptor] that passes allowed calls to their handlers and
// ends refused calls with a status. It is safe for concurrent use.
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	allowed, err := g.decide(ctx, g.request(ctx, info.FullMethod))
	if err != nil {
		return nil, g.deny(ctx, err)
	}
	return handler(allowed, req)
}

// Stream is a [grpc.StreamServerInterceptor] that passes allowed calls to their handlers
// and ends refused calls with a status. It decides before the first message is read. With
// Options.ExpireStreams and Options.RecheckStreams, it decides again while the stream is
// open. Stream is safe for concurrent use.
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

// shortestRecheck is the shortest usual Options.RecheckStreams. A shorter duration must consist of
// whole milliseconds; see durations.Check.
const shortestRecheck = time.Second

// maxMethod is the maximum number of bytes of a method name in a log.
const maxMethod = 128

// request returns the request for bearer.Decide.
func (g *Guard) request(ctx context.Context, method string) bearer.Request {
	found := g.rules.lookup(method)
	req := bearer.Request{Transport: "grpc", Route: found.name, Rule: found.rule, Observer: g.observer}
	if !req.Rule.IsPublic() {
		req.Authorization = authorization(ctx)
		if v, ok := g.verifier.(interface{ Accepts() []bearer.Binding }); ok && len(v.Accepts()) > 0 {
			setFacts(ctx, &req, method) // it costs allocations, and only bindings need the facts
		}
	}
	if req.Rule.IsZero() {
		req.NoRule = "no rule names the method " + strconv.Quote(quote.CutTo(method, maxMethod))
	}
	return req
}

// decide returns the context for the handler. If the call is refused, it returns an error
// for deny.
func (g *Guard) decide(ctx context.Context, req bearer.Request) (context.Context, error) {
	allowed, err := bearer.Decide(ctx, g.verifier, req)
	if err == nil {
		if nonce := possession.Nonce(allowed); nonce != "" {
			_ = grpc.SetHeader(ctx, metadata.Pairs(nonceKey, nonce)) // an error means that the call has no transport
		}
	}
	if err != nil || !g.keep || req.Rule.IsPublic() {
		return allowed, err
	}
	return keepToken(allowed, req.Authorization), nil
}

// nonceKey is the key of the nonce for the next proof of the client.
const nonceKey = "dpop-nonce"

// setFacts sets the facts of the call for the bindings of the verifier. The target URI of a call is
// that of its HTTP/2 request.
func setFacts(ctx context.Context, req *bearer.Request, method string) {
	req.Method, req.Scheme, req.Path = "POST", "http", method
	if values := metadata.ValueFromIncomingContext(ctx, ":authority"); len(values) == 1 {
		req.Host = values[0]
	}
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && info.AuthType() == "tls" {
			req.Scheme = "https"
		}
	}
	req.Proofs = metadata.ValueFromIncomingContext(ctx, "dpop")
}

// authorization returns the values of "authorization" as the client sent them. If the call
// has the key "authorization-bin", the function adds two empty values. The guard then
// refuses the call, because only one value is allowed.
func authorization(ctx context.Context) []string {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if metadata.ValueFromIncomingContext(ctx, "authorization-bin") != nil {
		return append(values, "", "")
	}
	return values
}

// stream is a server's stream with a context that contains the caller's claims.
type stream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // the result of the method Context
}

// Context returns the context that contains the caller's claims.
func (s *stream) Context() context.Context { return s.ctx }
