package bearer

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/compact"
	"github.com/bearerkit/bearer/internal/jws"
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
	methods     map[string]jwt.SigningMethod
	profile     *profile
	hierarchy   scopes.Hierarchy
	maxLifetime time.Duration
	maxAge      time.Duration
	custom      func([]byte) (any, error)
	validate    func(context.Context, *Claims) error
	observer    Observer
}

// Close ends the discovery and refresh of keys, if they are the verifier's own,
// and waits for it. Tokens are refused with KeysUnavailable from then on. Keys
// that came with Config.Keys are left alone.
func (v *JWTVerifier) Close() error {
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

// verify is what Verify does, not observed. Its errors are of type *Error.
func (v *JWTVerifier) verify(ctx context.Context, raw string) (*Claims, error) {
	t, err := read(raw)
	if err != nil {
		return nil, err
	}
	if !v.names(t) {
		return nil, refuse(WrongIssuer, "%q is not the issuer %q", cut(t.iss), v.issuer)
	}
	return v.judge(ctx, t)
}

// judge decides on a token that names this issuer.
func (v *JWTVerifier) judge(ctx context.Context, t *token) (*Claims, error) {
	if err := v.check(ctx, t); err != nil {
		e := asError(err)
		e.issuer = v.issuer
		return nil, e
	}
	return t.claims, nil
}

func (v *JWTVerifier) check(ctx context.Context, t *token) error {
	if v.methods[t.header.Alg] == nil {
		return refuse(WrongAlgorithm, "%q is not among the accepted algorithms", cut(t.header.Alg))
	}
	if err := v.authentic(ctx, t); err != nil {
		return err
	}
	if err := v.acceptable(t); err != nil {
		return v.hint(t, err)
	}
	c := t.claims
	if v.custom != nil {
		// A copy: what a hook does to it must not change what was verified.
		custom, err := v.custom(slices.Clone(c.raw))
		if err != nil {
			return hookError(err)
		}
		c.custom, c.decodeCustom = custom, v.custom
	}
	if v.validate != nil {
		if err := v.validate(ctx, c); err != nil {
			return hookError(err)
		}
	}
	return nil
}

// hookError is what an error of a user's hook means: a reason where it carries
// one, a refusal of the claims otherwise.
func hookError(err error) *Error {
	if e := asError(err); e.Reason != Internal || errors.Is(err, Internal) {
		return e
	}
	return &Error{Reason: InvalidCustom, Err: err}
}

// authentic checks the signature. Where that takes a key that is not at hand,
// the issuer is asked only for a token that could be accepted if it had one.
func (v *JWTVerifier) authentic(ctx context.Context, t *token) error {
	signature, err := compact.Decode(t.parts.Signature)
	if err != nil {
		return refuse(Malformed, "signature: %w", err)
	}
	keys, err := v.keys.Lookup(t.header.Kid, t.header.Alg)
	if err == nil && v.verifies(t, signature, keys) {
		return nil
	}
	if err := v.acceptable(t); err != nil {
		return err
	}
	newer, newErr := v.keys.Key(ctx, t.header.Kid, t.header.Alg, keys...)
	if newErr == nil && v.verifies(t, signature, newer) {
		return nil
	}
	if err == nil || newErr == nil {
		// There is a key and it says no. That there is no newer one to be had is
		// not why.
		return refuse(BadSignature, "not valid under the issuer's key %q", cut(t.header.Kid))
	}
	if errors.Is(newErr, jwks.ErrUnknownKey) {
		return refuse(UnknownKey, "the issuer publishes no key %q for %s: %w", cut(t.header.Kid), t.header.Alg, newErr)
	}
	e := &Error{Reason: KeysUnavailable, Err: newErr}
	if unavailable, ok := errors.AsType[*jwks.UnavailableError](newErr); ok {
		e.RetryAfter = unavailable.RetryAfter
	}
	return e
}

// verifies reports whether one of the keys is the one that signed.
func (v *JWTVerifier) verifies(t *token, signature []byte, keys []*jwks.Key) bool {
	if v.profile.keyIssuer {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key *jwks.Key) bool { return !isOf(key, t) })
	}
	return jws.Verified(v.methods[t.header.Alg], t.parts.Signed, signature, keys)
}
