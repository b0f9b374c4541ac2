package bearer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/compact"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
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

const (
	// maxToken is how many bytes a token may have. Headers of a request are 8 to
	// 16 KiB in all with most servers and proxies.
	maxToken = 16 << 10
	// skew is how far the issuer's clock may be ahead of ours, for "nbf" and
	// "iat". "exp" has no leeway: it is the issuer's word on when to stop.
	skew = 60 * time.Second
)

// JWTVerifier verifies signed JWT access tokens of one issuer. [New] makes one.
// It is safe for concurrent use.
type JWTVerifier struct {
	issuer      string
	audience    []string
	keys        KeySet
	closer      io.Closer // the cache, where it is our own
	methods     map[string]jwt.SigningMethod
	profile     profile
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

// Observe implements [Observer]: it tells Config.Observer, if there is one.
func (v *JWTVerifier) Observe(ctx context.Context, e Event) {
	if v.observer != nil {
		v.observer.Observe(ctx, e)
	}
}

// Verify checks a token (RFC 9068, section 4; RFC 7515, section 5.2; RFC 7519,
// section 7.2) and returns its claims, or an *[Error]. It waits only where the
// token's key is not known and the issuer is asked for it, for 2 seconds at most
// and no longer than ctx lets it.
func (v *JWTVerifier) Verify(ctx context.Context, token string) (claims *Claims, err error) {
	defer func() {
		// An observer's panic, too, ends this request only, and never as a pass.
		if p := recover(); p != nil {
			claims, err = nil, panicked(p)
		}
	}()
	in := callFrom(ctx)
	if v.observer == nil || (in != nil && in.observed) {
		return v.verify(ctx, token)
	}
	var e Event
	if in != nil {
		e.Transport, e.Route = in.transport, in.route
	}
	start := time.Now()
	claims, err = v.verify(ctx, token)
	e.Duration = time.Since(start)
	e.outcome(claims, err)
	v.observer.Observe(ctx, e)
	return claims, err
}

// verify returns errors of type *Error only.
func (v *JWTVerifier) verify(ctx context.Context, token string) (claims *Claims, err error) {
	defer func() {
		// A hook's panic ends this request and no other, and never as a pass.
		if p := recover(); p != nil {
			claims, err = nil, panicked(p)
		}
	}()
	t, err := v.read(token)
	if err != nil {
		return nil, err
	}
	if err := v.authentic(ctx, t); err != nil {
		return nil, v.named(err)
	}
	if err := v.acceptable(t); err != nil {
		return nil, v.named(err)
	}
	if v.custom != nil {
		// A copy: what a hook does to it must not change what was verified.
		custom, err := v.custom(slices.Clone(t.claims.raw))
		if err != nil {
			return nil, v.named(hookError(err))
		}
		t.claims.custom, t.claims.decodeCustom = custom, v.custom
	}
	if v.validate != nil {
		if err := v.validate(ctx, t.claims); err != nil {
			return nil, v.named(hookError(err))
		}
	}
	return t.claims, nil
}

// named notes in an error that the token names our issuer.
func (v *JWTVerifier) named(err error) error {
	e := *asError(err)
	e.issuer = v.issuer
	return &e
}

// panicked makes an error of a panic in a hook.
func panicked(p any) *Error { return refuse(Internal, "panic: %v", p) }

// hookError is what an error of a user's hook means: a reason where it carries
// one, a refusal of the claims otherwise.
func hookError(err error) *Error {
	if e := asError(err); e.Reason != Internal || errors.Is(err, Internal) {
		return e
	}
	return &Error{Reason: InvalidCustom, Err: err}
}

// token is a token that was read and is not yet believed.
type token struct {
	parts  compact.JWS
	header jws.Header
	claims *Claims
}

// What is refused most often under attack costs nothing to say.
var (
	errEmpty     = &Error{Reason: NoToken}
	errTooLong   = &Error{Reason: Malformed, Err: fmt.Errorf("longer than %d bytes", maxToken)}
	errNotJWS    = &Error{Reason: Malformed, Err: errors.New("not three parts of base64url: not a signed JWT in compact serialization")}
	errEncrypted = &Error{Reason: Malformed, Err: errors.New("five parts: encrypted tokens (JWE) are not supported")}
)

// read takes a token apart, as far as it is needed to know whose it claims to
// be. It accepts one spelling of everything.
func (v *JWTVerifier) read(raw string) (*token, error) {
	if raw == "" {
		return nil, errEmpty
	}
	if len(raw) > maxToken {
		return nil, errTooLong
	}
	parts, ok := compact.Split(raw)
	if !ok {
		if strings.Count(raw, ".") == 4 {
			return nil, errEncrypted
		}
		return nil, errNotJWS
	}
	t := &token{parts: parts}
	if err := t.readHeader(); err != nil {
		return nil, err
	}
	if err := t.readClaims(); err != nil {
		return nil, err
	}
	iss, ok := strictjson.String(t.claims.members.Lookup("iss"))
	if !ok {
		return nil, refuse(WrongIssuer, `"iss" is missing or not a string`)
	}
	if iss != v.issuer {
		return nil, refuse(WrongIssuer, "%q is not the issuer %q", cut(iss), v.issuer)
	}
	t.claims.issuer = v.issuer
	if v.methods[t.header.Alg] == nil {
		return nil, v.named(refuse(WrongAlgorithm, "%q is not among the accepted algorithms", cut(t.header.Alg)))
	}
	return t, nil
}

func (t *token) readHeader() (err error) {
	t.header, err = jws.ReadHeader(t.parts.Header)
	switch {
	case errors.Is(err, jws.ErrType):
		return &Error{Reason: WrongType, Err: err}
	case err != nil:
		return refuse(Malformed, "header: %w", err)
	case mediaType(t.header.Cty) == "jwt":
		return refuse(Malformed, "header: nested tokens are not supported (RFC 7519, section 5.2)")
	}
	return nil
}

func (t *token) readClaims() error {
	raw, err := compact.Decode(t.parts.Payload)
	if err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	members, err := strictjson.Parse(raw)
	if err != nil {
		return refuse(Malformed, "claims: %w", err)
	}
	t.claims = &Claims{raw: raw, members: members}
	return nil
}

// authentic checks the signature. Where that takes a key that is not at hand,
// the issuer is asked only for a token that could be accepted if it had one.
func (v *JWTVerifier) authentic(ctx context.Context, t *token) error {
	signature, err := compact.Decode(t.parts.Signature)
	if err != nil {
		return refuse(Malformed, "signature: %w", err)
	}
	method := v.methods[t.header.Alg]
	keys, err := v.keys.Lookup(t.header.Kid, t.header.Alg)
	if err == nil && jws.Verified(method, t.parts.Signed, signature, keys) {
		return nil
	}
	if err := v.acceptable(t); err != nil {
		return err
	}
	newer, newErr := v.keys.Key(ctx, t.header.Kid, t.header.Alg, keys...)
	switch {
	case newErr == nil && jws.Verified(method, t.parts.Signed, signature, newer):
		return nil
	case err == nil:
		// We had keys and they say no. That there are no newer ones to be had
		// is not why.
		return refuse(BadSignature, "not valid under the issuer's key %q", cut(t.header.Kid))
	case newErr == nil:
		return refuse(BadSignature, "not valid under the issuer's key %q", cut(t.header.Kid))
	case errors.Is(newErr, jwks.ErrUnknownKey):
		return refuse(UnknownKey, "the issuer publishes no key %q for %s: %w", cut(t.header.Kid), t.header.Alg, newErr)
	}
	e := &Error{Reason: KeysUnavailable, Err: newErr}
	if unavailable, ok := errors.AsType[*jwks.UnavailableError](newErr); ok {
		e.RetryAfter = unavailable.RetryAfter
	}
	return e
}

// acceptable checks all that does not depend on the signature. It fills in the
// claims.
func (v *JWTVerifier) acceptable(t *token) error {
	if err := v.checkType(t); err != nil {
		return err
	}
	c := t.claims
	if err := c.decode(&v.profile); err != nil {
		return err
	}
	if err := v.checkTimes(c, time.Now()); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.audience, func(aud string) bool { return slices.Contains(v.audience, aud) }) {
		return refuse(WrongAudience, "%q does not name this resource, %q", cutAll(c.audience), v.audience)
	}
	for _, name := range v.profile.required {
		if value := c.members.Lookup(name); value == nil || value.Kind() == 'n' {
			return refuse(InvalidClaims, "%q is required (%s)", name, v.profile.name)
		}
	}
	return v.checkConfirmation(c)
}

func (v *JWTVerifier) checkType(t *token) error {
	typ := ""
	if t.header.HasTyp {
		if typ = mediaType(t.header.Typ); typ == "" {
			return refuse(WrongType, `"typ" is empty`)
		}
	}
	if slices.Contains(v.profile.types, typ) {
		return nil
	}
	got := "none"
	if t.header.HasTyp {
		got = fmt.Sprintf("%q", cut(t.header.Typ))
	}
	return refuse(WrongType, "typ is %s, and profile %s wants %q; if tokens of this issuer are right so, "+
		"name its profile (bearer.Scalekit ...) in Config.Profile", got, v.profile.name, v.profile.types)
}

// checkTimes is the part of the verdict that the clock can change.
func (v *JWTVerifier) checkTimes(c *Claims, now time.Time) error {
	switch {
	case c.expiresAt.IsZero():
		return refuse(InvalidClaims, `"exp" is required`)
	case !now.Before(c.expiresAt):
		return refuse(Expired, "at %s", c.expiresAt.UTC().Format(time.RFC3339))
	case c.notBefore.After(now.Add(skew)):
		return refuse(NotYetValid, "nbf is %s", c.notBefore.UTC().Format(time.RFC3339))
	case c.issuedAt.After(now.Add(skew)):
		return refuse(NotYetValid, "iat is %s", c.issuedAt.UTC().Format(time.RFC3339))
	}
	if v.maxLifetime == 0 && v.maxAge == 0 {
		return nil
	}
	if c.issuedAt.IsZero() {
		return refuse(InvalidClaims, `"iat" is required, since there is a maximum lifetime or age`)
	}
	if lifetime := c.expiresAt.Sub(c.issuedAt); v.maxLifetime > 0 && lifetime > v.maxLifetime {
		return refuse(InvalidClaims, "lifetime %v is over %v", lifetime, v.maxLifetime)
	}
	if age := now.Sub(c.issuedAt); v.maxAge > 0 && age > v.maxAge {
		return refuse(Expired, "%v old, and the maximum is %v", age.Round(time.Second), v.maxAge)
	}
	return nil
}

// checkConfirmation refuses a token that is bound to its sender (RFC 7800,
// section 3.1): to take it as a plain bearer token would be a downgrade (RFC
// 9449, section 7.2; RFC 8705, section 3).
func (v *JWTVerifier) checkConfirmation(c *Claims) error {
	value := c.members.Lookup("cnf")
	if value == nil {
		return nil
	}
	members, err := strictjson.Parse(value)
	if err != nil || len(members) == 0 {
		return refuse(WrongBinding, `"cnf" is not an object with members`)
	}
	for _, m := range members {
		if !slices.Contains(v.profile.inert, m.Name) {
			return refuse(WrongBinding, `bound to its sender by "cnf" member %q, which is not supported`, cut(m.Name))
		}
	}
	return nil
}

func cutAll(values []string) []string {
	values = slices.Clone(values[:min(len(values), 4)])
	for i := range values {
		values[i] = cut(values[i])
	}
	return values
}
