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
	verify(ctx context.Context, raw string) (*Claims, error)
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
	if !v.observing() || (in != nil && in.observed) {
		if claims, err = v.verify(ctx, raw); err != nil {
			return nil, asError(err)
		}
		return claims, nil
	}
	var e Event
	if in != nil {
		e.Transport, e.Route = in.transport, in.route
	}
	start := time.Now()
	if claims, err = verifyRecovered(ctx, v, raw); err != nil {
		err = asError(err)
	}
	e.Duration = time.Since(start)
	e.outcome(claims, err)
	v.Observe(ctx, e)
	return claims, err
}

// verifyRecovered makes an outcome of a panic, so that it is told as well.
func verifyRecovered(ctx context.Context, v verifier, raw string) (claims *Claims, err error) {
	defer func() {
		if p := recover(); p != nil {
			claims, err = nil, panicked(p)
		}
	}()
	return v.verify(ctx, raw)
}

// panicked makes an error of a panic in a hook.
func panicked(p any) *Error { return refuse(Internal, "panic: %v", p) }
