package bearer

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/tenant"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// Verifier verifies tokens for guards. *[JWTVerifier] and *[Issuers] implement it. Other
// packages may implement it too, for example for tracing or for token introspection.
//
// Implementations MUST be safe for concurrent use. They MUST refuse a token with an error
// that is or wraps an *[Error] or a [Reason]. Any other error counts as a fault of this
// service. They MUST NOT put the token into the error. A guard tells the client the reason,
// unless the reason itself says that no signature was verified (Malformed, WrongIssuer,
// WrongAlgorithm, UnknownKey, BadSignature). So an implementation that refuses a token before
// it knows that the token is genuine should return one of these reasons, and not, for example,
// Expired. An implementation that calls a verifier of this package should return the error of
// this verifier or wrap it.
//
// A guard reports the outcome of each request to one observer. It chooses the first of
// these observers:
//   - Options.Observer of the guard, if it is set
//   - the guard's Verifier, if it is an [Observer]
//   - the verifier of this package that the guard's Verifier calls
//
// So Config.Observer and Config.Logger are also used if a Verifier of another package (the
// wrapper) calls a *JWTVerifier. There are two exceptions. First, if the wrapper does not
// call the *JWTVerifier, for example because the request has no token, Config.Observer and
// Config.Logger get no outcome. Second, if the wrapper calls the *JWTVerifier with a
// context that is not derived from the context of the request, Config.Observer and
// Config.Logger get only the verdict on the token, and not the outcome of the request. To
// get the outcome of every request, set Options.Observer of the guard.
type Verifier interface {
	// Verify verifies a token and returns its claims. The argument token does not contain the
	// scheme "Bearer". If the token is forged, expired or for a different API, Verify must
	// return an error.
	Verify(ctx context.Context, token string) (*Claims, error)
}

// VerifierFunc is a function that implements [Verifier].
type VerifierFunc func(ctx context.Context, token string) (*Claims, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, token string) (*Claims, error) {
	return f(ctx, token)
}

// JWTVerifier verifies signed JWT access tokens of one issuer. [New] returns a JWTVerifier.
// The zero JWTVerifier is not usable. A JWTVerifier is safe for concurrent use. Call Close
// when you no longer use the JWTVerifier.
type JWTVerifier struct {
	issuer    string
	template  *tenant.Template // parsed from issuer; nil if issuer is not a template
	domain    string           // issuer if it is a SPIFFE trust domain; "" otherwise
	tenants   *tenant.List     // parsed from Config.Tenants; nil if Config.Tenants is nil
	unlisted  string           // if tenants is nil, who decides about the customers
	audience  []string
	audiences claim.Texts // the strings of audience
	keys      KeySet
	closer    io.Closer // closes the field keys; nil if keys is Config.Keys
	// optionsEqual reports whether options are equal to the Config.KeyOptions of this verifier.
	// It is a function, because package fmt does not print the secrets in a closure.
	optionsEqual func(*jwks.Options) bool
	methods      map[string]*jws.Method
	accepts      []Binding // the result of Accepts; nil if Config.Bindings is empty
	requireBound bool
	profile      *profile
	hierarchy    scopes.Hierarchy
	maxLifetime  time.Duration
	maxAge       time.Duration
	leeway       time.Duration
	custom       func([]byte) (any, error)
	validate     func(context.Context, *Claims) error
	required     []claim.Path // Config.Required; profile.required lists further claims
	observer     Observer
	logger       *slog.Logger // nil means slog.Default()
	cache        *cache
	index        *index // nil if the cache is off
}

// Close empties the cache of verified tokens. If the verifier discovered its keys, Close
// also stops the refresh of the keys and waits until the refresh has stopped. After that,
// Verify refuses valid tokens with [KeysUnavailable]. If Config.Keys is set, Close does not
// close Config.Keys. Close may be called more than once. The error is always nil.
func (v *JWTVerifier) Close() error {
	v.cache.Close()
	if v.closer == nil {
		return nil
	}
	return v.closer.Close()
}

// Ready waits until the issuer's keys are loaded. It is for start-up and health checks. If
// ctx ends before the keys are loaded, the error contains the cause. Ready returns nil at
// once if Config.Keys is a *[jwks.Set] or another key set without a method Ready.
func (v *JWTVerifier) Ready(ctx context.Context) error {
	if keys, ok := v.keys.(interface{ Ready(context.Context) error }); ok {
		return keys.Ready(ctx)
	}
	return nil
}

// Refresh fetches the issuer's keys now, for example after an operator revoked a key. It
// calls [jwks.Cache.Refresh]. Refresh returns nil at once if Config.Keys is a *[jwks.Set]
// or another key set without a method Refresh.
func (v *JWTVerifier) Refresh(ctx context.Context) error {
	if keys, ok := v.keys.(interface{ Refresh(context.Context) error }); ok {
		return keys.Refresh(ctx)
	}
	return nil
}

// AuthorizationServers returns a list with the identifier of the issuer. The list is for
// the metadata of a protected resource (RFC 9728, section 2). It is nil if Config.Issuer
// contains "{tenantid}" or is a SPIFFE trust domain.
func (v *JWTVerifier) AuthorizationServers() []string {
	if v.template != nil || v.domain != "" {
		return nil
	}
	return []string{v.issuer}
}

// Audience returns a copy of Config.Audience.
func (v *JWTVerifier) Audience() []string { return slices.Clone(v.audience) }

// Observe implements [Observer]. If Config.Observer is set, Observe notifies
// Config.Observer.
func (v *JWTVerifier) Observe(ctx context.Context, e Event) {
	if v.observer != nil {
		v.observer.Observe(ctx, e)
	}
}

// Verify verifies a token (RFC 9068, section 4; RFC 7515, section 5.2; RFC 7519, section
// 7.2) and returns its claims. The argument token does not contain the scheme "Bearer". A
// token that is longer than 16 KiB is refused. The error always holds an *[Error]; to get
// the *Error, call errors.AsType.
//
// Verify waits in two cases. If no key in memory verifies the token, Verify waits up to 2 s
// for a fetch of the issuer's keys. If a different goroutine is verifying the same token,
// Verify waits for the result. In both cases, Verify stops waiting when ctx ends.
func (v *JWTVerifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, v, token)
}

// ownVerifier is a verifier of this package. [Decide] calls the methods below instead of
// Verify.
type ownVerifier interface {
	Verifier
	Observer
	// The method observing returns true if an observer is set or can be set later.
	observing() bool
	// loggerOf returns the logger for refusals of tokens from a configured issuer. For a token
	// that no configured issuer matches, issuer is "". A nil result means slog.Default().
	loggerOf(issuer string) *slog.Logger
	// prepare fills t for the method verdict, which verifies the token. The argument raw is
	// the token. If it is cached, prepare copies the cached entry to t. Otherwise it decodes
	// raw and finds the verifier of the issuer. If now is zero, prepare reads the clock.
	prepare(t *token, raw string, now time.Time) *Error
	// The method route sets t.verifier to the verifier of the issuer in t.iss.
	route(t *token) *Error
	// The method replaced reports whether Issuers.Replace has replaced t.verifier.
	replaced(t *token) bool
	// The method accepting returns how tokens can be bound; see JWTVerifier.Accepts.
	accepting() []Binding
}

// ownOf returns v if v is a *JWTVerifier or an *Issuers, and nil otherwise. A type that embeds
// one of these types may have its own method Verify, so ownOf returns nil for it.
func ownOf(v Verifier) ownVerifier {
	switch v := v.(type) {
	case *JWTVerifier:
		return v
	case *Issuers:
		return v
	}
	return nil
}

func (v *JWTVerifier) replaced(*token) bool         { return false }
func (v *JWTVerifier) observing() bool              { return v.observer != nil }
func (v *JWTVerifier) loggerOf(string) *slog.Logger { return v.logger }

func (v *JWTVerifier) prepare(t *token, raw string, now time.Time) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	if t.findCached(v.index, now) {
		t.cacheHit = true
		return nil
	}
	if err := t.split(raw); err != nil {
		return err
	}
	if err := t.read(v.index); err != nil {
		return err
	}
	return v.route(t)
}

func (v *JWTVerifier) route(t *token) *Error {
	switch {
	case v.issuerMatches(t):
	case t.hasIssOfWrongType():
		return t.annotate(refuse(WrongIssuer, issOfWrongType))
	case v.domain != "":
		return t.annotate(refuse(WrongIssuer, "%v, want a SPIFFE ID of %q", subjectText{t.claims()}, v.domain))
	default:
		return t.annotate(refuse(WrongIssuer, "iss is %q, want %q%v", quote.Cut(t.iss), v.issuer, issuerAdvice{v, t.iss, t.isSVID()}))
	}
	t.verifier = v
	return nil
}

// issuerMatches reports whether "iss" is the configured issuer or an alias of this issuer, or
// matches the template if the configured issuer is a template. If the configured issuer is a SPIFFE
// trust domain, issuerMatches compares it with the trust domain in "sub" instead.
func (v *JWTVerifier) issuerMatches(t *token) bool {
	if v.domain != "" {
		return t.domain() == v.domain
	}
	if v.template != nil {
		return v.template.Matches(t.iss, t.tenant)
	}
	return t.iss == v.issuer || slices.Contains(v.aliases(), t.iss)
}

// The method aliases returns Profile.Aliases if the list contains the configured issuer.
// Otherwise it returns nil.
func (v *JWTVerifier) aliases() []string {
	if !slices.Contains(v.profile.aliases, v.issuer) {
		return nil
	}
	return v.profile.aliases
}

// The method verify verifies the token raw. It does not apply the rule of the request. It
// calls newContext to get the context for the hooks. It marks the refusal if the signature was
// not verified.
func (t *token) verify(v ownVerifier, raw string, now time.Time, newContext func() context.Context) (*Claims, *Error) {
	claims, err := t.verifyLatest(v, raw, now, newContext)
	if err != nil && !t.proved && !t.cacheHit {
		err.markUnproved()
	}
	return claims, err
}

// The method verifyLatest verifies the token raw. If Issuers.Replace replaced the verifier
// while the verifier waited for keys, the new verifier verifies the token.
func (t *token) verifyLatest(v ownVerifier, raw string, now time.Time, newContext func() context.Context) (*Claims, *Error) {
	if err := v.prepare(t, raw, now); err != nil {
		return nil, err
	}
	ctx := newContext()
	claims, err := t.verdict(ctx)
	if err == nil || err.Reason != KeysUnavailable && err.Reason != KeyNotAsked || !v.replaced(t) {
		return claims, err
	}
	if err := v.prepare(t, raw, time.Now()); err != nil {
		return nil, err
	}
	return t.verdict(ctx)
}

// The method verdict verifies the token that prepare stored in t. It does not apply the
// rule of the request.
func (t *token) verdict(ctx context.Context) (*Claims, *Error) {
	v := t.verifier
	var err *Error
	if !t.cacheHit {
		err = v.check(ctx, t, t.now)
	}
	v.cache.Count(t.place, t.cacheHit)
	if err != nil {
		return nil, t.annotate(err)
	}
	if err := t.showPossession(ctx); err != nil {
		return nil, t.annotate(err)
	}
	c := t.public()
	if v.validate != nil {
		if err := v.validate(ctx, c); err != nil {
			return nil, t.annotate(hookError(err))
		}
	}
	return c, nil
}

// annotate adds the issuer and the claims of the token to a refusal.
func (t *token) annotate(e *Error) *Error {
	if t.verifier != nil {
		e.issuer = t.verifier.issuer
	}
	e.unverified = t.public()
	return e
}

// hookError returns the refusal for an error of Config.Custom or Config.Validate. If the
// error contains a reason, the refusal has this reason. Otherwise the reason is
// InvalidCustom.
func hookError(err error) *Error { return refusalOf(err, InvalidCustom) }
