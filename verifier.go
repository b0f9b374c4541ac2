package bearer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// Verifier decides whether a token is genuine, for us and valid now. Guards take
// one; tracers and the like are Verifiers around Verifiers. Implementations MUST
// be safe for concurrent use, MUST return an error that is or wraps an *[Error]
// or a [Reason] where they refuse (any other is taken for a fault of ours), and
// MUST NOT put the token into it. One that is an [Observer] as well is told the
// outcome of every request by the guards.
type Verifier interface {
	Verify(ctx context.Context, token string) (*Claims, error)
}

// VerifierFunc is a function as a [Verifier].
type VerifierFunc func(ctx context.Context, token string) (*Claims, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, token string) (*Claims, error) {
	return f(ctx, token)
}

// JWTVerifier verifies signed JWT access tokens of one issuer. [New] makes one.
// It is safe for concurrent use.
type JWTVerifier struct {
	issuer      string
	template    *template // of issuer, if it is one
	audience    []string
	keys        KeySet
	closer      io.Closer // the cache, where it is our own
	methods     map[string]*jws.Method
	profile     *profile
	hierarchy   scopes.Hierarchy
	maxLifetime time.Duration
	maxAge      time.Duration
	custom      func([]byte) (any, error)
	validate    func(context.Context, *Claims) error
	required    []claimPath // besides the profile's
	observer    Observer
	cache       *cache
}

// Close ends the discovery and refresh of keys, if they are the verifier's own,
// and waits for it. Tokens are refused with KeysUnavailable from then on. Keys
// that came with Config.Keys are left alone. No token is remembered afterwards.
func (v *JWTVerifier) Close() error {
	v.cache.close()
	if v.closer == nil {
		return nil
	}
	return v.closer.Close()
}

// Ready waits until the issuer's keys are there, for start-up and health checks,
// and returns why they are not when ctx ends. It returns nil at once where
// Config.Keys has no method Ready of its own, as a fixed set has none.
func (v *JWTVerifier) Ready(ctx context.Context) error {
	if keys, ok := v.keys.(interface{ Ready(context.Context) error }); ok {
		return keys.Ready(ctx)
	}
	return nil
}

// Observe implements [Observer]: it tells Config.Observer, if there is one.
func (v *JWTVerifier) Observe(ctx context.Context, e Event) {
	if v.observer != nil {
		v.observer.Observe(ctx, e)
	}
}

// observing reports whether Observe does anything.
func (v *JWTVerifier) observing() bool { return v.observer != nil }

// Verify checks a token (RFC 9068, section 4; RFC 7515, section 5.2; RFC 7519,
// section 7.2) and returns its claims, or an *[Error]. It waits only where the
// token's key is not known and the issuer is asked for it, for 2 seconds at most
// and no longer than ctx lets it.
func (v *JWTVerifier) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, v, token)
}

// find sets t to what the token says, if it was verified before and still holds, or
// reads it, if it names this issuer.
func (v *JWTVerifier) find(t *token, raw string) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	if v.cache.index.find(t) {
		return nil
	}
	if err := t.split(raw); err != nil {
		return err
	}
	if err := t.read(v.cache.index); err != nil {
		return err
	}
	return v.route(t)
}

// route sets t.by to v, if the token names its issuer.
func (v *JWTVerifier) route(t *token) *Error {
	if !v.names(t) {
		return t.blame(refuse(WrongIssuer, "%q is not the issuer %q%v", quote.Cut(t.iss), v.issuer, issuerAdvice{v, t.iss}))
	}
	t.by = v
	return nil
}

// verdict decides on a token that was found.
func (t *token) verdict(ctx context.Context) (*Claims, *Error) {
	v := t.by
	var err *Error
	if !t.hit {
		err = v.check(ctx, t)
	}
	if count := v.cache.counts.of(t); t.hit { // perhaps by another request at the same time
		count.hits.Add(1)
	} else {
		count.misses.Add(1)
	}
	if err != nil {
		return nil, t.blame(err)
	}
	c := &t.entry.Claims
	if v.validate != nil {
		if err := v.validate(ctx, c); err != nil {
			return nil, t.blame(hookError(err))
		}
	}
	return c, nil
}

// blame notes in a refusal which token it is about.
func (t *token) blame(e *Error) *Error {
	if t.by != nil {
		e.issuer = t.by.issuer
	}
	e.said = &t.entry.Claims
	return e
}

// lookup finds keys for a token's header at a time that was read already: to read
// the clock is a tenth of what a remembered token costs.
func (v *JWTVerifier) lookup(h *jws.Header, now time.Time) ([]*jwks.Key, error) {
	if cache, ok := v.keys.(*jwks.Cache); ok {
		return cache.LookupAt(h.Kid, h.Alg, now)
	}
	return v.keys.Lookup(h.Kid, h.Alg)
}

// check verifies a token that was not verified before.
func (v *JWTVerifier) check(ctx context.Context, t *token) *Error {
	if err := v.checkAlgorithm(t); err != nil {
		return err
	}
	now := time.Now()
	keys, err := v.lookup(t.header, now)
	if err == nil {
		if done, refusal := v.together(ctx, t, keys, now); done {
			return refusal
		}
	}
	// No key at hand is the one that signed. The issuer is asked only for a token
	// that could be accepted if it had one.
	if err := v.acceptable(t, now); err != nil {
		return err
	}
	newer, newErr := v.keys.Key(ctx, t.header.Kid, t.header.Alg, keys...)
	if newErr == nil {
		if err == nil {
			// Those who waited for the first try may still look at its entry. What was
			// read once can be read again.
			_ = t.readClaims([]byte(t.parts.Payload))
		}
		if done, refusal := v.together(ctx, t, newer, time.Now()); done {
			return refusal
		}
	}
	if err == nil || newErr == nil {
		// There is a key and it says no. That there is no newer one to be had is
		// not why.
		return refuse(BadSignature, "not valid under the issuer's key %q", quote.Cut(t.header.Kid))
	}
	if errors.Is(newErr, jwks.ErrUnknownKey) {
		return refuse(UnknownKey, "the issuer publishes no key %v: %w", wantedKey{t.header}, newErr)
	}
	if ctx.Err() != nil {
		newErr = &detail{"the request ended while it waited for keys: %w", []any{newErr}}
	}
	e := &Error{Reason: KeysUnavailable, Err: newErr}
	if unavailable, ok := errors.AsType[*jwks.UnavailableError](newErr); ok {
		e.RetryAfter = unavailable.RetryAfter
	}
	return e
}

// wantedKey prints what key a header asks for. It is one pointer, so that a flood of
// unknown keys costs no more than it must.
type wantedKey struct{ header *jws.Header }

func (k wantedKey) String() string {
	return fmt.Sprintf("%q for %s", quote.Cut(k.header.Kid), k.header.Alg)
}

// together is prove, once for all requests at this time with this token.
func (v *JWTVerifier) together(ctx context.Context, t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	ix := v.cache.index
	if ix == nil {
		return v.prove(t, keys, now)
	}
	other, ended := ix.flights.join(t.entry)
	if other == nil {
		ok := false
		defer func() { ix.flights.end(t.entry, ok) }() // also where a hook panics
		done, refusal = v.prove(t, keys, now)
		ok = done && refusal == nil
		return done, refusal
	}
	ok, err := other.wait(ctx, ended)
	if err != nil {
		return true, refuse(KeysUnavailable, "the request ended while another one verified its token: %w", err)
	}
	// The other one's verdict is its issuer's: that may have been removed since, and
	// be there again with another configuration.
	if ok && other.by == v && other.holds(time.Now()) {
		t.remembered(other)
		return true, nil
	}
	return v.prove(t, keys, time.Now())
}

// prove verifies the signature and checks all that does not depend on the request,
// and remembers what passes. It is not done where none of the keys has signed.
func (v *JWTVerifier) prove(t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	e := t.entry
	if e.key = v.signer(t, keys); e.key == nil {
		return false, nil
	}
	if err := v.acceptable(t, now); err != nil {
		return true, v.hint(t, err)
	}
	if v.custom != nil {
		// A copy: what a hook does to it must not change what was verified.
		custom, err := v.custom([]byte(e.members.Text()))
		if err != nil {
			return true, hookError(err)
		}
		e.custom = custom
	}
	if v.cache.index != nil {
		if !t.sameHeader {
			t.sameHeader = v.cache.index.headers.add(t.parts.Header, t.header)
		}
		v.cache.store(e, t.memory(), now)
	}
	return true, nil
}

// hookError is what an error of a user's hook means: a reason where it carries
// one, a refusal of the claims otherwise.
func hookError(err error) *Error {
	if e := asError(err); e.Reason != Internal || errors.Is(err, Internal) {
		return e
	}
	return &Error{Reason: InvalidCustom, Err: err}
}

// signer returns the one of the keys that signed the token, or nil.
func (v *JWTVerifier) signer(t *token, keys []*jwks.Key) *jwks.Key {
	if v.profile.keyIssuer {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key *jwks.Key) bool { return !isOf(key, t) })
	}
	return jws.Signer(v.methods[t.header.Alg], t.raw[:len(t.parts.Signed)], t.signature, keys)
}
