package interceptor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
)

// leeway is the interval between checks of a token that the verifier still accepts although
// the token has expired by the guard's clock. It is also the time limit for each of these
// checks.
const leeway = time.Second

// lease is the permission of one stream's caller to continue. A lease ends with the first
// refusal. The method release waits until the checks of the lease have ended. The goroutine
// of a recheck ends when the verifier returns. The verifier can return after the
// end of the call.
type lease struct {
	guard *Guard
	call  context.Context //nolint:containedctx // the context that the guard got with the call
	req   *bearer.Request // a pointer, because package fmt prints the fields of a lease with some verbs, and calls no methods

	ctx    context.Context //nolint:containedctx // the handler's context; it ends with the lease
	cancel context.CancelCauseFunc

	checks  []*check
	running sync.WaitGroup // the running checks

	once    sync.Once     // guards the fields below
	over    chan struct{} // closed when the lease has ended
	refusal error         // the error that ended the lease; it is set before "over" is closed
	status  error         // the gRPC status that the handler gets; it is set before "over" is closed
}

// serveLeased runs the handler with a stream that ends when the lease ends.
func (g *Guard) serveLeased(srv any, opened *stream, req bearer.Request, handler grpc.StreamHandler) error {
	l := &lease{guard: g, call: opened.ServerStream.Context(), req: &req, over: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(opened.ctx)
	defer l.release()
	if claims, ok := bearer.FromContext(opened.ctx); ok && g.expire {
		l.startCheck(&check{interval: leeway, expiry: claims.ValidUntil()})
	}
	if g.recheck > 0 {
		l.startCheck(&check{interval: g.recheck})
	}
	opened.ctx = l.ctx
	err := handler(srv, &leasedStream{stream: opened, lease: l})
	// The handler may have returned because its context ended. In this case, the
	// channel "over" can still be open. release waits for the goroutine that closes "over".
	l.release()
	if l.ended() {
		// The client gets the refusal, not the error of the handler.
		return g.deny(l.call, l.refusal)
	}
	return err
}

// startCheck adds a check to the schedule. An expiry check begins at Claims.ValidUntil. The
// stream continues only while the verifier still accepts the token. The stream also ends if the
// verifier cannot decide.
func (l *lease) startCheck(c *check) {
	c.lease, c.place = l, -1
	l.checks = append(l.checks, c)
	wait := c.untilExpiry(l.guard.schedule.wall())
	if wait <= 0 {
		wait = c.interval
	}
	l.guard.schedule.add(c, wait)
}

// recheck checks the caller again. If the check does not end within the time limit,
// recheck returns KeysUnavailable. If a verifier or a hook ignores its context, the stream
// must not stay open, so recheck does not wait for the end of the check.
func (l *lease) recheck(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	defer cancel()
	verdict := make(chan error, 1)
	go func() {
		_, err := bearer.Decide(ctx, l.guard.verifier, *l.req)
		verdict <- err
	}()
	select {
	case err := <-verdict:
		if err == nil || ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
	}
	return &bearer.Error{Reason: bearer.KeysUnavailable, Err: fmt.Errorf("the check of an open stream did not end within %v", limit)}
}

// endLease ends the lease with err. From then on, the handler's stream returns only the refusal.
func (l *lease) endLease(err error) {
	if l.ctx.Err() != nil {
		return // The call has already ended. Its cancellation is not reported as a refusal.
	}
	l.once.Do(func() {
		l.refusal = err
		l.status = statusOf(refusal.Of(err)).Err()
		// The context is canceled first, so that its cause is set when "over" is closed.
		l.cancel(l.status)
		close(l.over)
	})
}

func (l *lease) ended() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// release stops the checks of the lease and waits for the running checks.
func (l *lease) release() {
	l.cancel(context.Canceled)
	for _, c := range l.checks {
		l.guard.schedule.remove(c)
	}
	l.running.Wait()
}

// leasedStream is a stream whose RecvMsg and SendMsg return when the lease ends, even if
// they are blocked.
type leasedStream struct {
	*stream
	lease *lease
}

// RecvMsg receives a message, or returns the refusal when the lease ends.
func (s *leasedStream) RecvMsg(m any) error {
	return s.lease.runCall(func() error { return s.ServerStream.RecvMsg(m) })
}

// SendMsg sends a message, or returns the refusal when the lease ends.
func (s *leasedStream) SendMsg(m any) error {
	return s.lease.runCall(func() error { return s.ServerStream.SendMsg(m) })
}

// runCall calls a method of the server's stream. The method may block. Only the end of the
// stream can interrupt a blocked call, and the stream ends only when the handler returns.
// So runCall makes the call in a goroutine. If the lease ends first, runCall returns
// without the result of the call. The goroutine ends when the handler has returned and the
// server closes the stream.
func (l *lease) runCall(call func() error) error {
	if l.ended() {
		return l.status // a stream allows one call at a time, and an earlier call may still be running
	}
	type outcome struct {
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: status.Error(codes.Internal, "Internal error")} // the outcome if the function "call" runs runtime.Goexit
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.err = call()
	}()
	select {
	case o := <-done:
		if o.panicked != nil {
			// A codec panicked in the goroutine, and the goroutine recovered the panic.
			// runCall repeats the panic here, because the handler and its interceptors
			// can recover only panics of the handler's goroutine.
			panic(o.panicked) //nolint:forbidigo // the codec panicked
		}
		if l.ended() {
			return l.status
		}
		return o.err
	case <-l.over:
		return l.status
	}
}
