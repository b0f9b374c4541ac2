package bearer

import (
	"context"
	"errors"
	"fmt"
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

// Verifier decides whether a token is genuine, meant for this API and valid now. Guards
// take one. A tracer or an introspection client is a Verifier too. Implementations MUST
// be safe for concurrent use, MUST refuse with an error that is or wraps an *[Error] or a
// [Reason] (any other error counts as a fault of this service), and MUST NOT put the
// token into the error.
//
// A guard tells the outcome of each request to its own Observer or, if it has none, to
// its Verifier, if that is an [Observer], or else to the verifier of this package that its
// Verifier asks with the context of the request. So a wrapper changes nothing in what
// Config.Observer is told, but where it does not ask: for requests without a token, or if
// it decides first, or asks with another context. Set the guard's Options.Observer to be
// told of every request.
type Verifier interface {
	Verify(ctx context.Context, token string) (*Claims, error)
}

// VerifierFunc is a function as a [Verifier].
type VerifierFunc func(ctx context.Context, token string) (*Claims, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, token string) (*Claims, error) {
	return f(ctx, token)
}

// JWTVerifier verifies signed JWT access tokens of one issuer. [New] makes one. It is
// safe for concurrent use.
type JWTVerifier struct {
	issuer      string
	template    *tenant.Template // of issuer; nil: issuer is no template
	audience    []string
	keys        KeySet
	closer      io.Closer // keys, if the verifier made them
	methods     map[string]*jws.Method
	profile     *profile
	hierarchy   scopes.Hierarchy
	maxLifetime time.Duration
	maxAge      time.Duration
	custom      func([]byte) (any, error)
	validate    func(context.Context, *Claims) error
	required    []claim.Path // besides the profile's
	observer    Observer
	logger      *slog.Logger // nil: slog.Default()
	cache       *cache
	index       *index // nil: the cache is off
}

// Close ends the discovery and refresh of keys that the verifier started, and waits until
// they have ended. It does not close Config.Keys. It forgets all remembered tokens. From
// then on a verifier that discovered its keys refuses tokens with KeysUnavailable.
func (v *JWTVerifier) Close() error {
	v.cache.Close()
	if v.closer == nil {
		return nil
	}
	return v.closer.Close()
}

// Ready waits until the issuer's keys are loaded, for start-up and health checks. If ctx
// ends first, it returns why they are not. It returns nil at once if Config.Keys has no
// method Ready, as a fixed key set.
func (v *JWTVerifier) Ready(ctx context.Context) error {
	if keys, ok := v.keys.(interface{ Ready(context.Context) error }); ok {
		return keys.Ready(ctx)
	}
	return nil
}

// Refresh fetches the issuer's keys now, for instance after an operator revoked a key.
// It is [jwks.Cache.Refresh]. It returns nil at once if Config.Keys has no method
// Refresh, as a fixed key set.
func (v *JWTVerifier) Refresh(ctx context.Context) error {
	if keys, ok := v.keys.(interface{ Refresh(context.Context) error }); ok {
		return keys.Refresh(ctx)
	}
	return nil
}

// AuthorizationServers returns the issuer identifier whose tokens v accepts, for the
// metadata of a protected resource (RFC 9728, section 2). It is empty if the configured
// issuer is a template.
func (v *JWTVerifier) AuthorizationServers() []string {
	if v.template != nil {
		return nil
	}
	return []string{v.issuer}
}

// Audience returns the identifiers of this API. A token must name one of them.
func (v *JWTVerifier) Audience() []string { return slices.Clone(v.audience) }

// Observe implements [Observer]: it tells Config.Observer, if there is one.
func (v *JWTVerifier) Observe(ctx context.Context, e Event) {
	if v.observer != nil {
		v.observer.Observe(ctx, e)
	}
}

// Verify checks a token (RFC 9068, section 4; RFC 7515, section 5.2; RFC 7519, section
// 7.2) and returns its claims. The error always holds an
// *[Error]: errors.AsType finds it. Verify waits only if the
// token's key is unknown and the issuer is asked for it, at most 2 s and not longer than
// ctx.
func (v *JWTVerifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, v, token)
}

// ownVerifier is a verifier of this package. [Decide] asks it without a detour, and takes
// over its observer and its logger.
type ownVerifier interface {
	Verifier
	Observer
	// observing reports whether Observe does anything.
	observing() bool
	// loggerOf returns the logger for a request with a token of this configured issuer, or
	// of none (""). Nil stands for slog.Default().
	loggerOf(issuer string) *slog.Logger
	// find recalls or reads a token and sets t.verifier. It needs neither the request nor
	// a signature. t.verdict decides afterwards. A zero now is read from the clock.
	find(t *token, raw string, now time.Time) *Error
	// route is the part of find after reading: it sets t.verifier.
	route(t *token) *Error
	// replaced reports whether tokens of t.verifier's issuer go to another verifier now.
	replaced(t *token) bool
}

// ownOf returns v if it is a verifier of this package. A type that embeds one is not: it
// may have a Verify of its own, which must be asked.
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

func (v *JWTVerifier) find(t *token, raw string, now time.Time) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	if t.recall(v.index, now) {
		t.remembered = true
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
	if !v.names(t) {
		return t.about(refuse(WrongIssuer, "%q is not the issuer %q%v", quote.Cut(t.iss), v.issuer, issuerAdvice{v, t.iss}))
	}
	t.verifier = v
	return nil
}

// names reports whether the token names the issuer of v in "iss".
func (v *JWTVerifier) names(t *token) bool {
	if v.template != nil {
		return v.template.Matches(t.iss, t.tenant())
	}
	return t.iss == v.issuer || slices.Contains(v.aliases(), t.iss)
}

// aliases returns the aliases of the profile, if the configured issuer is one of them.
func (v *JWTVerifier) aliases() []string {
	if !slices.Contains(v.profile.aliases, v.issuer) {
		return nil
	}
	return v.profile.aliases
}

// judge finds a token and decides on it, except for the rule of the request. It calls
// enter for the context of the hooks. If the token's verifier was replaced while it waited
// for keys, its successor decides.
func (t *token) judge(v ownVerifier, raw string, now time.Time, enter func() context.Context) (*Claims, *Error) {
	if err := v.find(t, raw, now); err != nil {
		return nil, err
	}
	ctx := enter()
	claims, err := t.verdict(ctx)
	if err == nil || err.Reason != KeysUnavailable || !v.replaced(t) {
		return claims, err
	}
	if err := v.find(t, raw, time.Now()); err != nil {
		return nil, err
	}
	return t.verdict(ctx)
}

// verdict decides on a token that find found, except for the rule of the request.
func (t *token) verdict(ctx context.Context) (*Claims, *Error) {
	v := t.verifier
	var err *Error
	if !t.remembered {
		err = v.check(ctx, t, t.now)
	}
	v.cache.Count(t.place, t.remembered)
	if err != nil {
		return nil, t.about(err)
	}
	c := t.claims()
	if v.validate != nil {
		if err := v.validate(ctx, c); err != nil {
			return nil, t.about(hookError(err))
		}
	}
	return c, nil
}

// about notes in a refusal which token it is about.
func (t *token) about(e *Error) *Error {
	if t.verifier != nil {
		e.issuer = t.verifier.issuer
	}
	e.unverified = t.claims()
	return e
}

// lookup is Lookup of the key set at a time that was read before: reading the clock is a
// tenth of the cost of a remembered token.
func (v *JWTVerifier) lookup(h *jws.Header, now time.Time) ([]*jwks.Key, error) {
	if cache, ok := v.keys.(*jwks.Cache); ok {
		return cache.LookupAt(h.Kid, h.Alg, now)
	}
	return v.keys.Lookup(h.Kid, h.Alg)
}

// check verifies a token that is not remembered.
func (v *JWTVerifier) check(ctx context.Context, t *token, now time.Time) *Error {
	if err := t.passes(beforeKey, now); err != nil {
		return err
	}
	keys, err := v.lookup(t.header, now)
	if err == nil {
		if done, refusal := v.proveOnce(ctx, t, keys, now); done {
			return refusal
		}
	}
	// No known key signed the token. The issuer is asked for others only if the token
	// would be accepted with one.
	if err := t.passes(ofClaims, now); err != nil {
		return err
	}
	newer, newErr := v.keys.Key(ctx, t.header.Kid, t.header.Alg, keys...)
	if newErr == nil {
		if err == nil {
			// Requests that waited for the first attempt may still read its entry.
			_ = t.readClaims([]byte(t.parts.Payload))
		}
		if done, refusal := v.proveOnce(ctx, t, newer, time.Now()); done {
			return refusal
		}
	}
	if err == nil || newErr == nil {
		// There is a key, and the signature does not verify under it.
		return refuse(BadSignature, "not valid under the issuer's key %q", quote.Cut(t.header.Kid))
	}
	if errors.Is(newErr, jwks.ErrUnknownKey) {
		return refuse(UnknownKey, "the issuer publishes no key %v: %w", wantedKey{t.header}, newErr)
	}
	if ctx.Err() != nil {
		newErr = &detail{"the request ended while it waited for keys: %w", []any{newErr}}
	}
	e := &Error{Reason: KeysUnavailable, Err: newErr, ours: true}
	if unavailable, ok := errors.AsType[*jwks.UnavailableError](newErr); ok {
		e.RetryAfter = unavailable.RetryAfter
	}
	return e
}

// wantedKey prints which key a header asks for. It is one pointer, so that a flood of
// unknown keys allocates nothing for texts that nobody reads.
type wantedKey struct{ header *jws.Header }

func (k wantedKey) String() string {
	return fmt.Sprintf("%q for %s", quote.Cut(k.header.Kid), k.header.Alg)
}

// proveOnce is prove, run once for all concurrent requests that carry the token.
func (v *JWTVerifier) proveOnce(ctx context.Context, t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	ix := v.index
	if ix == nil {
		return v.prove(t, keys, now)
	}
	other, ended := ix.Join(t.entry)
	if other == nil {
		proved := false
		defer func() { ix.End(t.entry, proved) }() // also if a hook panics
		done, refusal = v.prove(t, keys, now)
		proved = done && refusal == nil
		return done, refusal
	}
	proved, err := other.Wait(ctx, ended)
	if err != nil {
		return true, refuse(KeysUnavailable, "the request ended while another one verified its token: %w", err)
	}
	// The other request's verdict counts only if it is this verifier's: the issuer may have
	// been removed and added with another configuration.
	if proved && other.Value.verifier == v && t.adopt(other, time.Now()) {
		return true, nil
	}
	t.verifier = v
	return v.prove(t, keys, time.Now())
}

// prove verifies the signature, makes every check that does not depend on the request,
// and remembers a token that passes. It reports done = false if none of the keys signed
// the token.
func (v *JWTVerifier) prove(t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	value := &t.entry.Value
	if value.key = v.signer(t, keys); value.key == nil {
		return false, nil
	}
	if err := t.passes(ofClaims, now); err != nil {
		return true, v.suggestProfile(t, err)
	}
	if v.custom != nil {
		// The hook gets a copy, which it may change.
		custom, err := v.custom([]byte(value.members.Text()))
		if err != nil {
			return true, hookError(err)
		}
		value.custom = custom
	}
	t.store(now)
	return true, nil
}

// signer returns the key under which the signature verifies, or nil.
func (v *JWTVerifier) signer(t *token, keys []*jwks.Key) *jwks.Key {
	if v.profile.keyIssuer {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key *jwks.Key) bool { return !tenant.KeySigns(key.Issuer(), t.iss, t.tenant()) })
	}
	return jws.Signer(v.methods[t.header.Alg], t.raw[:len(t.parts.Signed)], t.signature, keys)
}

// hookError makes an *Error of the error of a user's hook: with the hook's reason if it
// gives one, and InvalidCustom otherwise.
func hookError(err error) *Error {
	if e := asError(err); e.Reason != Internal || errors.Is(err, Internal) {
		return e
	}
	return &Error{Reason: InvalidCustom, Err: err}
}
