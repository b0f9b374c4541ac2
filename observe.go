package bearer

import (
	"context"
	"time"
)

// verifier is what the verifiers of this package have in common.
type verifier interface {
	Verifier
	Observer
	observing() bool
	// find reads a token, or finds that it is known, as far as that takes neither
	// the request nor a signature. Then t.verdict decides.
	find(t *token, raw string) *Error
	// route is the part of find that comes after reading: whose token it is.
	route(t *token) *Error
}

// outcome is what came of a token.
type outcome struct {
	claims *Claims
	hit    bool // it was verified before
	err    *Error
}

// verifyObserved verifies and tells the outcome, unless a guard does. A panic of
// a hook ends this request and no other, and never as a pass; an observer's too.
func verifyObserved(ctx context.Context, v verifier, raw string) (claims *Claims, err error) {
	defer func() {
		if p := recover(); p != nil {
			claims, err = nil, panicked(p)
		}
	}()
	in := callFrom(ctx)
	if in != nil && in.observed || !v.observing() {
		o := verify(ctx, v, raw)
		if in != nil && o.hit {
			in.hit.Store(true)
		}
		return o.out()
	}
	var e Event
	if in != nil {
		e.Transport, e.Route = in.transport, in.route
	}
	start := time.Now()
	o := verify(ctx, v, raw)
	e.Duration, e.CacheHit = time.Since(start), o.hit
	e.is(o.claims, o.err)
	v.Observe(ctx, e)
	return o.out()
}

// verify makes an outcome of a panic, so that it is told as well.
func verify(ctx context.Context, v verifier, raw string) (o outcome) {
	t := newToken()
	defer t.free()
	defer func() {
		if p := recover(); p != nil {
			o = outcome{err: panicked(p)}
		}
	}()
	if o.err = v.find(t, raw); o.err == nil {
		o.claims, o.err = t.verdict(ctx)
		o.hit = t.hit
	}
	return o
}

func (o *outcome) out() (*Claims, error) {
	if o.err != nil {
		return nil, o.err.out()
	}
	return o.claims, nil
}

// panicked makes an error of a panic in a hook.
func panicked(p any) *Error { return refuse(Internal, "panic: %v", p) }
