package bearer

import (
	"context"
	"sync/atomic"
)

// FromContext returns the claims of the caller's token. It reports false if ctx has none:
// outside a guarded handler, on a public route, and on an optional route that was called
// without a token.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return nil, false
	}
	claims := c.claims.Load()
	return claims, claims != nil
}

// NewContext returns a copy of ctx that carries the claims. It is for guards of other
// transports and for tests of handlers. If claims is nil, FromContext finds no claims, even
// if ctx has claims.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	c := &call{Context: ctx}
	c.claims.Store(claims)
	return c
}

type callKey struct{}

// call is the context of a request. It is a context itself, so that the context and the
// claims take one allocation. Its fields are atomic, because a hook may read the context
// in another goroutine while the verifier writes to it.
type call struct {
	context.Context //nolint:containedctx // it is a context

	// wrapped is true while a verifier of another package runs. If that verifier calls a
	// verifier of this package, the guard reports the outcome, and the inner verifier does not.
	wrapped atomic.Bool
	inner   atomic.Pointer[innerVerdict]
	claims  atomic.Pointer[Claims]
}

// innerVerdict is the verdict of a verifier of this package that the guard's verifier
// called.
type innerVerdict struct {
	verifier ownVerifier
	claims   *Claims // nil if the verifier refused the token
	cacheHit bool
	previous *innerVerdict // an earlier verdict on the same request
}

// add records a verdict. It may be called concurrently.
func (c *call) add(v *innerVerdict) {
	for {
		v.previous = c.inner.Load()
		if c.inner.CompareAndSwap(v.previous, v) {
			return
		}
	}
}

// innerOf returns the inner verdict with these claims, which the guard's verifier returned.
// If there is none, it returns the first inner verdict. It returns the zero innerVerdict
// if the guard's verifier called no verifier of this package.
func (c *call) innerOf(claims *Claims) innerVerdict {
	var first innerVerdict
	for v := c.inner.Load(); v != nil; v = v.previous {
		if first = *v; claims != nil && v.claims == claims {
			break
		}
	}
	return first
}

// Value returns c for callKey, and the value of the parent context for any other key.
func (c *call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// wrappedCall returns the call in ctx if its guard is waiting for a verifier of another
// package, and nil otherwise.
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
