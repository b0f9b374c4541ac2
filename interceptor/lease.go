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

// leeway is how soon the verifier is asked again about a token that, by its own
// word, has expired, where the verifier let it pass nevertheless: its clock is
// the one that counts. It is also how long the verifier may think about that.
const leeway = time.Second

// lease is how long the caller of one stream may go on. It ends with the first
// refusal. Its goroutines end with the call: release waits for those that keep the
// time, and judge's end when the verifier has seen that its context is over.
type lease struct {
	guard *Guard
	call  context.Context //nolint:containedctx // the call's, before the guard
	req   bearer.Request

	ctx    context.Context //nolint:containedctx // the handler's: ends with the lease
	cancel context.CancelCauseFunc
	asking sync.WaitGroup

	once    sync.Once     // guards what follows
	over    chan struct{} // closed when the lease has ended
	refusal error         // why, for the guard's deny; read after over is closed
	status  error         // the same for the handler
}

// serveLeased runs the handler for as long as the caller may go on.
func (g *Guard) serveLeased(srv any, opened *stream, req bearer.Request, handler grpc.StreamHandler) error {
	l := &lease{guard: g, call: opened.ServerStream.Context(), req: req, over: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(opened.ctx)
	defer l.release()
	if claims, ok := bearer.FromContext(opened.ctx); ok && g.expire {
		l.asking.Go(func() { l.askFrom(claims.ExpiresAt()) })
	}
	if g.recheck > 0 {
		l.asking.Go(func() { l.askEvery(g.recheck) })
	}
	opened.ctx = l.ctx
	err := handler(srv, &leasedStream{stream: opened, lease: l})
	// A handler that returned since its context ended may be ahead of over.
	l.release()
	if l.ended() {
		// Whatever the handler made of it, this is why the stream ends.
		return g.deny(l.call, l.refusal)
	}
	return err
}

// askFrom has the caller judged anew when its token expires. Only a verdict that
// it is good nevertheless keeps the stream: one that cannot be had does not.
func (l *lease) askFrom(exp time.Time) {
	wait := time.Until(exp)
	if wait <= 0 {
		wait = leeway
	}
	for l.sleep(wait) {
		wait = leeway
		err := l.judge(leeway)
		if errors.Is(err, bearer.KeysUnavailable) {
			err = &bearer.Error{Reason: bearer.Expired, Err: err}
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

// askEvery has the caller judged anew at an interval.
func (l *lease) askEvery(interval time.Duration) {
	for l.sleep(interval) {
		if err := l.judge(interval); err != nil {
			l.end(err)
			return
		}
	}
}

// judge has the caller judged anew. Where there is no verdict within limit, it is
// as if there were no keys. It does not wait for a verifier, or a hook of one, that
// does not look at its context: that must not keep a stream open.
func (l *lease) judge(limit time.Duration) error {
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

// sleep reports false where the call or the lease ended meanwhile.
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

// end ends the lease with err: from here on the stream returns nothing but the refusal to
// its handler.
func (l *lease) end(err error) {
	if l.ctx.Err() != nil {
		return // The call had already ended; its cancellation is not reported as a refusal.
	}
	l.once.Do(func() {
		l.refusal = err
		l.status = statusOf(refusal.Of(err)).Err()
		// In this order: whoever sees that it is over finds the cause in the
		// context.
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

// release ends what the lease has running.
func (l *lease) release() {
	l.cancel(context.Canceled)
	l.asking.Wait()
}

// leasedStream is a stream whose calls return when the lease ends, also where
// they are blocked.
type leasedStream struct {
	*stream
	lease *lease
}

// RecvMsg receives a message, as long as the lease lasts.
func (s *leasedStream) RecvMsg(m any) error {
	return s.lease.do(func() error { return s.ServerStream.RecvMsg(m) })
}

// SendMsg sends a message, as long as the lease lasts.
func (s *leasedStream) SendMsg(m any) error {
	return s.lease.do(func() error { return s.ServerStream.SendMsg(m) })
}

// do runs a call that may block. The server's stream gives no way to interrupt
// one but to end the stream, for which the handler has to return: so the call
// gets a goroutine, and where the lease ends before it does it is left to that.
// It ends as soon as the handler has returned, because the server then closes
// the stream.
func (l *lease) do(call func() error) error {
	if l.ended() {
		return l.status // a call may be under way still: no second one beside it
	}
	type outcome struct {
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: status.Error(codes.Internal, "Internal error")} // of a Goexit
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.err = call()
	}()
	select {
	case o := <-done:
		if o.panicked != nil {
			// A codec's, which would end the process in that goroutine. Here it
			// is where it would be without us: in reach of who recovers.
			panic(o.panicked) //nolint:forbidigo // somebody else's
		}
		if l.ended() {
			return l.status
		}
		return o.err
	case <-l.over:
		return l.status
	}
}
