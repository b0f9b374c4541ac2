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

// Verifier verifies tokens for guards. *[JWTVerifier] and *[Issuers] implement it. A tracer
// or a client for token introspection may implement it too. Implementations MUST be safe
// for concurrent use. They MUST refuse a token with an error that is or wraps an *[Error]
// or a [Reason]; any other error counts as a fault of this service. They MUST NOT put the
// token into the error.
//
// A guard reports the outcome of each request to one observer, the first of these:
//   - Options.Observer of the guard, if it is set
//   - the guard's Verifier, if it is an [Observer]
//   - the verifier of this package that the guard's Verifier calls
//
// So Config.Observer and Config.Logger also work if a Verifier of another package wraps a
// *JWTVerifier. There are two exceptions. If the wrapper does not call the *JWTVerifier,
// for example because the request has no token, they get no outcome. If the wrapper calls
// it with a context that is not derived from the context of the request, they get only the
// verdict on the token, as without a guard. To be notified of every request, set the
// guard's Options.Observer.
type Verifier interface {
	// Verify returns the claims of the token if it is genuine, meant for this API and valid
	// now, and an error otherwise. The token is the text after "Bearer ".
	Verify(ctx context.Context, token string) (*Claims, error)
}

// VerifierFunc is a function that implements [Verifier].
type VerifierFunc func(ctx context.Context, token string) (*Claims, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, token string) (*Claims, error) {
	return f(ctx, token)
}

// JWTVerifier verifies signed JWT access tokens of one issuer. [New] returns one; the zero
// JWTVerifier is not usable. A JWTVerifier is safe for concurrent use. Call Close when it
// is no longer used.
type JWTVerifier struct {
	issuer      string
	template    *tenant.Template // parsed from issuer; nil if issuer is not a template
	audience    []string
	keys        KeySet
	closer      io.Closer // closes keys; nil if keys is Config.Keys
	methods     map[string]*jws.Method
	profile     *profile
	hierarchy   scopes.Hierarchy
	maxLifetime time.Duration
	maxAge      time.Duration
	custom      func([]byte) (any, error)
	validate    func(context.Context, *Claims) error
	required    []claim.Path // in addition to profile.required
	observer    Observer
	logger      *slog.Logger // nil means slog.Default()
	cache       *cache
	index       *index // nil if the cache is off
}

// Close empties the cache of verified tokens. If the verifier discovered its keys, Close
// also stops the refresh of the keys and waits until the refresh has stopped; later tokens
// are refused with [KeysUnavailable]. If Config.Keys is set, Close does not close it. Close
// may be called more than once. The error is always nil.
func (v *JWTVerifier) Close() error {
	v.cache.Close()
	if v.closer == nil {
		return nil
	}
	return v.closer.Close()
}

// Ready waits until the issuer's keys are loaded, for start-up and health checks. If ctx
// ends first, the error contains the reason why the keys are not loaded. Ready returns nil
// at once if Config.Keys is a *[jwks.Set] or another key set without a method Ready.
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

// AuthorizationServers returns the identifier of the issuer, for the metadata of a protected
// resource (RFC 9728, section 2). It returns nil if the configured issuer is a template.
func (v *JWTVerifier) AuthorizationServers() []string {
	if v.template != nil {
		return nil
	}
	return []string{v.issuer}
}

// Audience returns a copy of Config.Audience.
func (v *JWTVerifier) Audience() []string { return slices.Clone(v.audience) }

// Observe implements [Observer]: it notifies Config.Observer, if it is set.
func (v *JWTVerifier) Observe(ctx context.Context, e Event) {
	if v.observer != nil {
		v.observer.Observe(ctx, e)
	}
}

// Verify checks a token (RFC 9068, section 4; RFC 7515, section 5.2; RFC 7519, section 7.2)
// and returns its claims. The token has at most 16 KiB and is passed without "Bearer ". The
// error always holds an *[Error], which errors.AsType returns.
//
// Verify waits in two cases, at most until ctx ends. If no key in memory verifies the
// token, Verify waits up to 2 s for a fetch of the issuer's keys. If another goroutine is
// verifying the same token, Verify waits for the verdict.
func (v *JWTVerifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, v, token)
}

// ownVerifier is a verifier of this package. [Decide] calls the methods below instead of
// Verify.
type ownVerifier interface {
	Verifier
	Observer
	// observing reports whether there may be an observer to notify.
	observing() bool
	// loggerOf returns the logger for refusals of a configured issuer. If no configured issuer
	// matches, issuer is "". Nil means slog.Default().
	loggerOf(issuer string) *slog.Logger
	// find sets t to the cached token, or decodes raw into t, and sets t.verifier. It does
	// not verify the signature; t.verdict does. If now is zero, find reads the clock.
	find(t *token, raw string, now time.Time) *Error
	// route sets t.verifier to the verifier of the issuer in t.iss.
	route(t *token) *Error
	// replaced reports whether another verifier has replaced t.verifier for its issuer.
	replaced(t *token) bool
}

// ownOf returns v if it is a verifier of this package, and nil otherwise. It returns nil
// for a type that embeds such a verifier, because the type may have its own method Verify,
// which must be called.
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
	if !v.issuerMatches(t) {
		return t.about(refuse(WrongIssuer, "iss is %q, want %q%v", quote.Cut(t.iss), v.issuer, issuerAdvice{v, t.iss}))
	}
	t.verifier = v
	return nil
}

// issuerMatches reports whether "iss" is the configured issuer, one of its aliases, or an
// instance of its template.
func (v *JWTVerifier) issuerMatches(t *token) bool {
	if v.template != nil {
		return v.template.Matches(t.iss, t.tenant())
	}
	return t.iss == v.issuer || slices.Contains(v.aliases(), t.iss)
}

// aliases returns Profile.Aliases if they contain the configured issuer, and nil otherwise.
func (v *JWTVerifier) aliases() []string {
	if !slices.Contains(v.profile.aliases, v.issuer) {
		return nil
	}
	return v.profile.aliases
}

// verify sets t to the token raw and verifies it. It does not apply the rule of the request.
// It calls newContext for the context of the hooks. If the token's verifier was replaced
// while it waited for keys, the new verifier verifies the token.
func (t *token) verify(v ownVerifier, raw string, now time.Time, newContext func() context.Context) (*Claims, *Error) {
	if err := v.find(t, raw, now); err != nil {
		return nil, err
	}
	ctx := newContext()
	claims, err := t.verdict(ctx)
	if err == nil || err.Reason != KeysUnavailable || !v.replaced(t) {
		return claims, err
	}
	if err := v.find(t, raw, time.Now()); err != nil {
		return nil, err
	}
	return t.verdict(ctx)
}

// verdict verifies a token that find has set. It does not apply the rule of the request.
func (t *token) verdict(ctx context.Context) (*Claims, *Error) {
	v := t.verifier
	var err *Error
	if !t.cacheHit {
		err = v.check(ctx, t, t.now)
	}
	v.cache.Count(t.place, t.cacheHit)
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

// about sets the issuer and the unverified claims of a refusal.
func (t *token) about(e *Error) *Error {
	if t.verifier != nil {
		e.issuer = t.verifier.issuer
	}
	e.unverified = t.claims()
	return e
}

// lookup calls Lookup of the key set. It passes now to a *jwks.Cache, because reading the
// clock again takes a tenth of the time to verify a cached token.
func (v *JWTVerifier) lookup(h *jws.Header, now time.Time) ([]*jwks.Key, error) {
	if cache, ok := v.keys.(*jwks.Cache); ok {
		return cache.LookupAt(h.Kid, h.Alg, now)
	}
	return v.keys.Lookup(h.Kid, h.Alg)
}

// check verifies a token that is not cached.
func (v *JWTVerifier) check(ctx context.Context, t *token, now time.Time) *Error {
	if err := t.runChecks(beforeKey, now); err != nil {
		return err
	}
	keys, err := v.lookup(t.header, now)
	if err == nil {
		if done, refusal := v.proveOnce(ctx, t, keys, now); done {
			return refusal
		}
	}
	// The signature does not verify under any key in memory. Newer keys are requested only
	// if the claims pass every check.
	if err := t.runChecks(ofClaims, now); err != nil {
		return err
	}
	newer, newErr := v.keys.Key(ctx, t.header.Kid, t.header.Alg, keys...)
	if newErr == nil {
		if err == nil {
			// This makes a new entry, because requests that waited for the first attempt may
			// still read the old entry.
			_ = t.readClaims([]byte(t.parts.Payload))
		}
		if done, refusal := v.proveOnce(ctx, t, newer, time.Now()); done {
			return refusal
		}
	}
	if err == nil || newErr == nil {
		// There are keys, but the signature does not verify under any of them.
		return refuse(BadSignature, "not valid under the issuer's key %q", quote.Cut(t.header.Kid))
	}
	if errors.Is(newErr, jwks.ErrUnknownKey) {
		return refuse(UnknownKey, "the issuer publishes no key %v: %w", wantedKey{t.header}, newErr)
	}
	if ctx.Err() != nil {
		newErr = &detail{"the request ended while it waited for keys: %w", []any{newErr}}
	}
	e := &Error{Reason: KeysUnavailable, Err: newErr, ownText: true}
	if unavailable, ok := errors.AsType[*jwks.UnavailableError](newErr); ok {
		e.RetryAfter = unavailable.RetryAfter
	}
	return e
}

// wantedKey formats the key that a header names. It holds only a pointer, so that a flood
// of unknown keys allocates nothing for texts that are not read.
type wantedKey struct{ header *jws.Header }

func (k wantedKey) String() string {
	return fmt.Sprintf("%q for %s", quote.Cut(k.header.Kid), k.header.Alg)
}

// proveOnce calls prove once for all concurrent requests that carry the same token.
func (v *JWTVerifier) proveOnce(ctx context.Context, t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	ix := v.index
	if ix == nil {
		return v.prove(t, keys, now)
	}
	other, ended := ix.Join(t.entry)
	if other == nil {
		proved := false
		defer func() { ix.End(t.entry, proved) }() // deferred, because a hook may panic
		done, refusal = v.prove(t, keys, now)
		proved = done && refusal == nil
		return done, refusal
	}
	proved, err := other.Wait(ctx, ended)
	if err != nil {
		return true, refuse(KeysUnavailable, "the request ended while it waited for another request with the same token: %w", err)
	}
	// Use the verdict of the other request only if this verifier made it: the issuer may have
	// been removed and added with another configuration.
	if proved && other.Value.verifier == v && t.adopt(other, time.Now()) {
		return true, nil
	}
	t.verifier = v
	return v.prove(t, keys, time.Now())
}

// prove verifies the signature, runs the checks of the claims and Config.Custom, and caches
// a token that passes. It returns done = false if none of the keys signed the token.
func (v *JWTVerifier) prove(t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	value := &t.entry.Value
	if value.key = v.signer(t, keys); value.key == nil {
		return false, nil
	}
	if err := t.runChecks(ofClaims, now); err != nil {
		return true, v.suggestProfile(t, err)
	}
	if v.custom != nil {
		// The hook gets a copy, because it may modify its argument.
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
	if v.profile.keysNameIssuer {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key *jwks.Key) bool { return !tenant.KeySigns(key.Issuer(), t.iss, t.tenant()) })
	}
	return jws.Signer(v.methods[t.header.Alg], t.raw[:len(t.parts.Signed)], t.signature, keys)
}

// hookError returns the refusal for the error of a hook, with the reason in the error if
// it has one, and with InvalidCustom otherwise.
func hookError(err error) *Error {
	if e := asError(err); e.Reason != Internal || errors.Is(err, Internal) {
		return e
	}
	return &Error{Reason: InvalidCustom, Err: err}
}
