package bearer

import (
	"context"
	"sync/atomic"
)

// FromContext returns the claims of the caller, and whether there are any. There are in
// handlers behind a guard, unless the route is public or optional.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return nil, false
	}
	claims := c.claims.Load()
	return claims, claims != nil
}

// NewContext returns a context that carries the claims, for guards of other transports
// and for tests of handlers. Nil claims hide those of ctx.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	c := &call{Context: ctx}
	c.claims.Store(claims)
	return c
}

type callKey struct{}

// call is one request that is being decided. It is a context of its own, so that the
// request and its claims travel in one allocation. Hooks of users may hold the context
// while the verifier writes to it.
type call struct {
	context.Context //nolint:containedctx // it is a context

	// wrapped is true while a verifier of another package is asked. A verifier of this
	// package that it asks in turn leaves it to the guard to tell the outcome.
	wrapped atomic.Bool
	inner   atomic.Pointer[innerVerdict]
	claims  atomic.Pointer[Claims]
}

// innerVerdict is a verdict of a verifier of this package that was asked by the guard's
// verifier.
type innerVerdict struct {
	verifier   ownVerifier
	claims     *Claims // nil: it refused
	remembered bool
	before     *innerVerdict // an earlier one for the same request
}

// add notes a verdict. Verifiers may be asked concurrently.
func (c *call) add(v *innerVerdict) {
	for {
		v.before = c.inner.Load()
		if c.inner.CompareAndSwap(v.before, v) {
			return
		}
	}
}

// innerOf returns the verdict that the guard's verifier went by: the one with the claims
// that it returned, or else the first. The zero verdict: it asked no verifier of this
// package.
func (c *call) innerOf(claims *Claims) innerVerdict {
	var first innerVerdict
	for v := c.inner.Load(); v != nil; v = v.before {
		if first = *v; claims != nil && v.claims == claims {
			break
		}
	}
	return first
}

// Value returns the call itself for its key.
func (c *call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// wrappedCall returns the request that ctx belongs to, if its guard is asking a verifier
// of another package, and nil otherwise.
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
