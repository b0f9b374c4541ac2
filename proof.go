package bearer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/tenant"
	"github.com/bearerkit/bearer/jwks"
)

// lookup calls the method Lookup of the key set. If the key set is a *jwks.Cache or a
// *jwks.Sources, lookup calls LookupAt with the argument now instead. So the cache does not read the clock again.
// Reading the clock takes a tenth of the time to verify a cached token.
func (v *JWTVerifier) lookup(h *jws.Header, now time.Time) ([]*jwks.Key, error) {
	switch keys := v.keys.(type) {
	case *jwks.Cache:
		return keys.LookupAt(h.Kid, h.Alg, now)
	case *jwks.Sources:
		return keys.LookupAt(h.Kid, h.Alg, now)
	}
	return v.keys.Lookup(h.Kid, h.Alg)
}

// The method check verifies a token that is not cached.
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
	// No key in memory verifies the signature. The code requests newer keys only if the claims
	// pass every check.
	if refusal := t.runChecks(ofClaims, now); refusal != nil {
		if v.noKeys(err) {
			return v.suggestProfile(t, refusal) // often the first refusal after a start
		}
		return refusal
	}
	newer, newErr := v.keys.Key(ctx, t.header.Kid, t.header.Alg, keys...)
	if newErr == nil {
		if err == nil {
			// readClaims makes a new entry. Concurrent requests may still read the old entry,
			// because they waited for the first call of proveOnce.
			_ = t.readClaims([]byte(t.parts.Payload))
		}
		if done, refusal := v.proveOnce(ctx, t, newer, time.Now()); done {
			return refusal
		}
	}
	unavailable, _ := errors.AsType[*jwks.UnavailableError](newErr)
	if unavailable != nil && unavailable.NotAsked {
		return &Error{Reason: KeyNotAsked, Err: newErr, ownText: true, RetryAfter: unavailable.RetryAfter}
	}
	if err == nil || newErr == nil {
		// There are keys, but no key verifies the signature.
		return refuse(BadSignature, "the signature is not valid under the issuer's %v%v", namedKey{t.header}, unusedKeys{v.profile, [2][]*jwks.Key{keys, newer}})
	}
	if errors.Is(newErr, jwks.ErrUnknownKey) {
		return refuse(UnknownKey, "%v: %w", missingKey{t.header}, newErr)
	}
	if ctx.Err() != nil {
		newErr = &detail{"the request ended while it waited for keys: %w", []any{newErr}}
	}
	e := &Error{Reason: KeysUnavailable, Err: newErr, ownText: true}
	if unavailable != nil {
		e.RetryAfter = unavailable.RetryAfter
	}
	return e
}

// noKeys reports whether err says that there are no keys at all, as after a start and in an
// outage. It is false if there are keys, and none fits the token.
func (v *JWTVerifier) noKeys(err error) bool {
	if sources, ok := v.keys.(*jwks.Sources); ok &&
		slices.ContainsFunc(sources.Status(), func(s jwks.Status) bool { return s.Ready }) {
		return false // one source is down, and the error is about it
	}
	if unavailable, ok := errors.AsType[*jwks.UnavailableError](err); ok && unavailable.NotAsked {
		return false
	}
	return errors.Is(err, jwks.ErrUnavailable)
}

// missingKey says that no key was found for a header. It holds only a pointer, so that a flood of
// tokens with unknown keys allocates no memory for texts that no caller reads.
type missingKey struct{ header *jws.Header }

func (k missingKey) String() string {
	if k.header.Kid == "" {
		return "the token has no kid, and no key of the issuer is chosen for " + k.header.Alg
	}
	return fmt.Sprintf("the issuer publishes no key %q for %s", quote.Cut(k.header.Kid), k.header.Alg)
}

// namedKey formats the keys that a header names. Like missingKey, it holds only a pointer.
type namedKey struct{ header *jws.Header }

func (k namedKey) String() string {
	if k.header.Kid == "" {
		return "keys that fit " + k.header.Alg + " (the token has no kid)"
	}
	return fmt.Sprintf("key %q", quote.Cut(k.header.Kid))
}

// proveOnce calls the method prove only once for all concurrent requests that have the same
// token.
func (v *JWTVerifier) proveOnce(ctx context.Context, t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	ix := v.index
	if ix == nil {
		return v.prove(t, keys, now)
	}
	other, ended := ix.Join(t.entry)
	if other == nil {
		proved := false
		defer func() { ix.End(t.entry, proved) }() // deferred, because Config.Custom may panic
		done, refusal = v.prove(t, keys, now)
		proved = done && refusal == nil
		return done, refusal
	}
	proved, err := other.Wait(ctx, ended)
	if err != nil {
		return true, refuse(KeysUnavailable, "the request ended while it waited for the verification of the same token in a different request: %w", err)
	}
	// Use the result of the other request only if it comes from the same verifier. The issuer
	// may have been removed and added again with a different configuration.
	if proved && other.Value.verifier == v && t.adopt(other, time.Now()) {
		t.proved = true
		return true, nil
	}
	t.verifier = v
	return v.prove(t, keys, time.Now())
}

// The method prove verifies the signature, runs the checks of the claims, and calls
// Config.Custom. If there is no refusal, prove stores the token in the cache. The result
// done is false if no key in keys verifies the signature.
func (v *JWTVerifier) prove(t *token, keys []*jwks.Key, now time.Time) (done bool, refusal *Error) {
	value := &t.entry.Value
	if value.key, refusal = v.signer(t, keys); value.key == nil {
		return refusal != nil, refusal
	}
	t.proved = true
	if err := t.runChecks(ofClaims, now); err != nil {
		return true, v.suggestProfile(t, err)
	}
	value.decodeGrants(v.profile, v.hierarchy)
	if v.custom != nil {
		// Config.Custom gets a copy, because it may modify its argument.
		custom, err := v.custom([]byte(value.members.Text()))
		if err != nil {
			return true, hookError(err)
		}
		value.custom = custom
	}
	t.store(now)
	return true, nil
}

// The method signer returns the key that verifies the signature. It returns nil if no key
// verifies the signature. If only a key that names a different issuer verifies the signature,
// signer also returns a refusal.
//
// This refusal is final, and the verifier does not fetch newer keys. The token is genuine, so that
// a newer key set can only change which issuer the key names. Entra ID does not move a key from one
// issuer to another, and a change arrives with the next refresh in the background. With a fetch for
// each such token, every customer of the issuer can cause fetches with its own tokens.
func (v *JWTVerifier) signer(t *token, keys []*jwks.Key) (*jwks.Key, *Error) {
	method, signed := v.methods[t.header.Alg], t.raw[:len(t.parts.Signed)]
	keys = v.profile.usableKeys(keys)
	if !v.profile.keysNameIssuer {
		return jws.Signer(method, signed, t.signature, keys), nil
	}
	own, others := make([]*jwks.Key, 0, len(keys)), []*jwks.Key(nil)
	tid := t.tenant()
	for _, key := range keys {
		if tenant.KeySigns(key.Issuer(), t.iss, tid) {
			own = append(own, key)
		} else {
			others = append(others, key)
		}
	}
	if key := jws.Signer(method, signed, t.signature, own); key != nil {
		return key, nil
	}
	if key := jws.Signer(method, signed, t.signature, others); key != nil {
		// The issuers of Entra ID are longer than quote.Max.
		return nil, refuse(WrongIssuer, "iss is %q, but the token is signed with the key %q, which is for tokens of the issuer %q",
			quote.CutTo(t.iss, 2*quote.Max), quote.Cut(key.ID()), quote.CutTo(key.Issuer(), 2*quote.Max))
	}
	return nil, nil
}
