package bearer

import (
	"context"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/possession"
)

// FromContext returns the claims of the caller's token. It returns nil and false if ctx has no
// claims. There are no claims outside a guarded handler and on a public route. On an
// optional route, there are no claims if the request has no token.
//
// The argument may also be a *gin.Context, or a context that is derived from it, if package
// ginbearer guards the route.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		claims, _ := ctx.Value(claimsKey).(*Claims)
		return claims, claims != nil
	}
	claims := c.claims.Load()
	return claims, claims != nil
}

// claimsKey is the key of the claims in the context of a router that returns values only for keys
// of type string, such as *gin.Context. FromContext reads it only if ctx has no callKey. The adapter
// ginbearer sets it, and has a copy of the text, because it must not import an internal package.
const claimsKey = "github.com/bearerkit/bearer.Claims"

// NewContext returns a copy of ctx with the claims. It is for guards of other transports
// and for tests of handlers. If claims is nil, FromContext finds no claims in the copy,
// even if ctx has claims.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	c := &call{Context: ctx}
	c.claims.Store(claims)
	return c
}

type callKey struct{}

// The type call is the context of a request. A call implements context.Context, so that the
// context and the claims take one allocation. The fields are atomic, because a hook may
// read the context in a different goroutine while the verifier writes to it.
type call struct {
	context.Context //nolint:containedctx // a call is a context

	// wrapped is true while the guard calls a verifier of another package. If this verifier
	// calls a verifier of this package (the inner verifier), only the guard reports the
	// outcome.
	wrapped atomic.Bool
	inner   atomic.Pointer[innerVerdict]
	claims  atomic.Pointer[Claims]
	facts   *facts // nil if the verifier has no bindings
}

// innerVerdict is the verdict of an inner verifier: a verifier of this package that the
// guard's verifier calls.
type innerVerdict struct {
	verifier ownVerifier
	claims   *Claims // nil if the verifier refused the token
	cacheHit bool
	previous *innerVerdict // the previous verdict for the same request; nil for the first verdict
}

// The method add stores a verdict. It is safe for concurrent use.
func (c *call) add(v *innerVerdict) {
	for {
		v.previous = c.inner.Load()
		if c.inner.CompareAndSwap(v.previous, v) {
			return
		}
	}
}

// innerOf returns the inner verdict that has these claims. The caller passes the claims
// that the guard's verifier returned. If no inner verdict has these claims, innerOf
// returns the first inner verdict. If the guard's verifier called no verifier of this
// package, innerOf returns the zero innerVerdict.
func (c *call) innerOf(claims *Claims) innerVerdict {
	var first innerVerdict
	for v := c.inner.Load(); v != nil; v = v.previous {
		if first = *v; claims != nil && v.claims == claims {
			break
		}
	}
	return first
}

// Value returns c for callKey, and the value of the parent context for any other key. If a binding
// has set a nonce, Value returns the nonce for possession.Key.
func (c *call) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c
	case possession.Key:
		if c.facts != nil {
			if nonce := c.facts.nonce.Load(); nonce != nil {
				return *nonce
			}
		}
	}
	return c.Context.Value(key)
}

// wrappedCall returns the call in ctx if the guard is waiting for a verifier of another
// package. Otherwise it returns nil.
func wrappedCall(ctx context.Context) *call {
	c, ok := ctx.(*call)
	if !ok {
		c, ok = ctx.Value(callKey{}).(*call)
	}
	if !ok || !c.wrapped.Load() {
		return nil
	}
	return c
}
