package bearer

import (
	"context"
	"sync/atomic"
)

// FromContext returns the claims of the caller and whether there are any: in
// handlers behind a guard of either transport, unless the route is public.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return nil, false
	}
	claims := c.claims.Load()
	return claims, claims != nil
}

// NewContext returns a context that carries the claims, for guards of other
// transports and for tests of handlers. Nil claims hide those of ctx.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	c := &call{Context: ctx}
	c.claims.Store(claims)
	return c
}

type callKey struct{}

// call is one request on its way: a context of its own, so that what the request
// is, what the verifier finds and who the caller is travel in one allocation.
type call struct {
	context.Context //nolint:containedctx // it is a context

	transport, route string
	// observed says that the guard tells the outcome, so that the verifier does
	// not tell it as well.
	observed bool
	// The verifier writes the following while hooks of users may hold the
	// context already.
	hit    atomic.Bool
	claims atomic.Pointer[Claims]
}

// Value returns the call itself for its key.
func (c *call) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// callFrom returns the request that ctx belongs to, or nil.
func callFrom(ctx context.Context) *call {
	if c, ok := ctx.(*call); ok {
		return c
	}
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
