package interceptor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
)

// leeway is the interval between checks of a token that has expired by the guard's clock,
// but that the verifier still accepts. It is also the time limit for each of these checks.
const leeway = time.Second

// lease is the permission of one stream's caller to continue. It ends with the first
// refusal. Its goroutines end with the call: release waits for the timers, and the
// goroutine of a recheck ends when the verifier returns.
type lease struct {
	guard *Guard
	call  context.Context //nolint:containedctx // the context that the guard got with the call
	req   bearer.Request

	ctx    context.Context //nolint:containedctx // the handler's context: ends with the lease
	cancel context.CancelCauseFunc
	timers sync.WaitGroup

	once    sync.Once     // guards the fields below
	over    chan struct{} // closed when the lease has ended
	refusal error         // why the lease ended, for deny; set before over is closed
	status  error         // the same as a gRPC status, for the handler
}

// serveLeased runs the handler as long as the caller has permission to continue.
func (g *Guard) serveLeased(srv any, opened *stream, req bearer.Request, handler grpc.StreamHandler) error {
	l := &lease{guard: g, call: opened.ServerStream.Context(), req: req, over: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(opened.ctx)
	defer l.release()
	if claims, ok := bearer.FromContext(opened.ctx); ok && g.expire {
		l.timers.Go(func() { l.recheckFrom(claims.ExpiresAt()) })
	}
	if g.recheck > 0 {
		l.timers.Go(func() { l.recheckEvery(g.recheck) })
	}
	opened.ctx = l.ctx
	err := handler(srv, &leasedStream{stream: opened, lease: l})
	// The handler may have returned because its context ended, before over was closed.
	l.release()
	if l.ended() {
		// The client gets the refusal, not the error of the handler.
		return g.deny(l.call, l.refusal)
	}
	return err
}

// recheckFrom checks the caller again when its token expires. The stream continues only
// while the verifier still accepts the token. It also ends if the verifier cannot decide.
func (l *lease) recheckFrom(exp time.Time) {
	wait := time.Until(exp)
	if wait <= 0 {
		wait = leeway
	}
	for l.sleep(wait) {
		wait = leeway
		err := l.recheck(leeway)
		if errors.Is(err, bearer.KeysUnavailable) {
			err = &bearer.Error{Reason: bearer.Expired, Err: err}
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

// recheckEvery checks the caller again at an interval.
func (l *lease) recheckEvery(interval time.Duration) {
	for l.sleep(interval) {
		if err := l.recheck(interval); err != nil {
			l.end(err)
			return
		}
	}
}

// recheck checks the caller again. If there is no verdict within limit, it returns
// KeysUnavailable. It does not wait longer for a verifier or a hook that ignores its
// context, which must not keep the stream open.
func (l *lease) recheck(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	defer cancel()
	verdict := make(chan error, 1)
	go func() {
		_, err := bearer.Decide(ctx, l.guard.verifier, l.req)
		verdict <- err
	}()
	select {
	case err := <-verdict:
		if err == nil || ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
	}
	return &bearer.Error{Reason: bearer.KeysUnavailable, Err: fmt.Errorf("no verdict within %v", limit)}
}

// sleep waits for d. It returns false early if the call or the lease ends.
func (l *lease) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// end ends the lease with err. After that, the handler's stream returns only the refusal.
func (l *lease) end(err error) {
	if l.ctx.Err() != nil {
		return // The call had already ended; its cancellation is not reported as a refusal.
	}
	l.once.Do(func() {
		l.refusal = err
		l.status = statusOf(refusal.Of(err)).Err()
		// The context is canceled first, so that its cause is set when over is closed.
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

// release stops the timers of the lease and waits for them.
func (l *lease) release() {
	l.cancel(context.Canceled)
	l.timers.Wait()
}

// leasedStream is a stream whose RecvMsg and SendMsg return when the lease ends, even if
// they are blocked.
type leasedStream struct {
	*stream
	lease *lease
}

// RecvMsg receives a message, or returns the refusal when the lease ends.
func (s *leasedStream) RecvMsg(m any) error {
	return s.lease.do(func() error { return s.ServerStream.RecvMsg(m) })
}

// SendMsg sends a message, or returns the refusal when the lease ends.
func (s *leasedStream) SendMsg(m any) error {
	return s.lease.do(func() error { return s.ServerStream.SendMsg(m) })
}

// do runs a call of the server's stream, which may block. A blocked call can only be
// interrupted by the end of the stream, and the stream ends only when the handler returns.
// So do runs the call in a goroutine, and returns without its result if the lease ends
// first. The goroutine ends when the handler has returned and the server closes the stream.
func (l *lease) do(call func() error) error {
	if l.ended() {
		return l.status // an earlier call may still be running, and a stream allows only one
	}
	type outcome struct {
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: status.Error(codes.Internal, "Internal error")} // the outcome if call runs runtime.Goexit
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.err = call()
	}()
	select {
	case o := <-done:
		if o.panicked != nil {
			// A codec panicked. In the goroutine, the panic ends the process. In this
			// function, the handler and its interceptors can recover the panic.
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
