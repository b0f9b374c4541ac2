package interceptor_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// TestKeepTokenWithoutToken checks that KeepToken does not change the decision of the guard.
func TestKeepTokenWithoutToken(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All(), "/test.v1.Open/Say": scopes.Public()}, &interceptor.Options{KeepToken: true})
	valid := metadata.MD{"authorization": {"Bearer " + issuer.Token(nil)}}
	for _, row := range []struct {
		name, method string
		md           metadata.MD
		want         codes.Code
	}{
		{"valid token", say, valid, codes.OK},
		{"invalid token", say, metadata.MD{"authorization": {"Bearer x"}}, codes.Unauthenticated},
		{"no token", say, nil, codes.Unauthenticated},
		{"no token, public method", "/test.v1.Open/Say", nil, codes.OK},
		{"valid token, public method", "/test.v1.Open/Say", valid, codes.OK},
		{"two values, public method", "/test.v1.Open/Say", metadata.MD{"authorization": {"x", "y"}}, codes.OK},
		{"method without a rule", "/test.v1.Other/Say", valid, codes.PermissionDenied},
	} {
		if c := callUnary(t.Context(), guard, row.method, row.md); status.Code(c.err) != row.want || c.reached != (row.want == codes.OK) {
			t.Errorf("%s: got code %v and handler called = %v, want code %v and handler called = %v", row.name, status.Code(c.err), c.reached, row.want, row.want == codes.OK)
		}
	}
}

// slowStream is a stream whose RecvMsg returns 1 s after the channel from "ended" is closed.
type slowStream struct {
	countingStream
	calls atomic.Int32
	ended func() <-chan struct{}
}

func (s *slowStream) RecvMsg(any) error {
	s.calls.Add(1)
	<-s.ended()
	time.Sleep(time.Second)
	return nil
}

// TestNoMessageAfterTheEnd checks that a handler gets no message after the end of the lease.
// The guard must call RecvMsg only once, because the first call may still be running.
func TestNoMessageAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All()}, &interceptor.Options{ExpireStreams: true})
		token := issuer.Token(map[string]any{"exp": time.Now().Add(time.Minute)})
		var handlers context.Context
		ss := &slowStream{ended: func() <-chan struct{} { return handlers.Done() }}
		ss.ctx = metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + token}})
		err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, ss grpc.ServerStream) error {
			handlers = ss.Context() //nolint:fatcontext // slowStream.RecvMsg waits for the end of this context
			for range 3 {
				if err := ss.RecvMsg(nil); status.Code(err) != codes.Unauthenticated {
					t.Errorf("got %v from RecvMsg, want %v", err, codes.Unauthenticated)
				}
			}
			return nil
		})
		time.Sleep(2 * time.Second) // the RecvMsg that is still running returns
		if n := ss.calls.Load(); status.Code(err) != codes.Unauthenticated || n != 1 {
			t.Errorf("got error %v after %d calls of RecvMsg, want %v after 1 call", err, n, codes.Unauthenticated)
		}
	})
}

// TestPublicStreamsAreUnwrapped checks that the handler of a public method gets the server's
// own stream. The guard does not check the callers of public methods again.
func TestPublicStreamsAreUnwrapped(t *testing.T) {
	guard := newGuard(t, newVerifier(t, newIssuer(t), nil), scopes.Methods{say: scopes.Public()}, &interceptor.Options{ExpireStreams: true, RecheckStreams: time.Minute})
	ss := &slowStream{}
	ss.ctx = t.Context()
	err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, got grpc.ServerStream) error {
		if got != grpc.ServerStream(ss) {
			t.Errorf("got a %T, want the server's own stream", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// failingStream is a stream whose SendMsg and RecvMsg fail.
type failingStream struct{ countingStream }

var errStream = status.Error(codes.DataLoss, "stream")

func (*failingStream) SendMsg(any) error { return errStream }
func (*failingStream) RecvMsg(any) error { return errStream }

// TestErrorsOfTheStream checks that the handler gets the errors of the server's stream if
// ExpireStreams is set.
func TestErrorsOfTheStream(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All()}, &interceptor.Options{ExpireStreams: true})
	ss := &failingStream{}
	ss.ctx = metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + issuer.Token(nil)}})
	err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, ss grpc.ServerStream) error {
		return errors.Join(ss.SendMsg(nil), ss.RecvMsg(nil))
	})
	if err == nil || err.Error() != errStream.Error()+"\n"+errStream.Error() {
		t.Errorf("got the error %v, want the errors that SendMsg and RecvMsg of the server's stream return", err)
	}
}
