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

// TestKeepTokenOfNobody has calls that leave no token to keep.
func TestKeepTokenOfNobody(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All(), "/test.v1.Open/Say": scopes.Public()}, &interceptor.Options{KeepToken: true})
	good := metadata.MD{"authorization": {"Bearer " + issuer.Token(nil)}}
	for _, row := range []struct {
		name, method string
		md           metadata.MD
		want         codes.Code
	}{
		{"a good token", say, good, codes.OK},
		{"a bad one", say, metadata.MD{"authorization": {"Bearer x"}}, codes.Unauthenticated},
		{"none", say, nil, codes.Unauthenticated},
		{"none on a public method", "/test.v1.Open/Say", nil, codes.OK},
		{"a good one on a public method", "/test.v1.Open/Say", good, codes.OK},
		{"a bad one on a public method", "/test.v1.Open/Say", metadata.MD{"authorization": {"x", "y"}}, codes.OK},
		{"on a method without a rule", "/test.v1.Other/Say", good, codes.PermissionDenied},
	} {
		if c := unary(t.Context(), guard, row.method, row.md); status.Code(c.err) != row.want || c.in != (row.want == codes.OK) {
			t.Errorf("%s: got %v and the handler reached %v, want %v", row.name, c.err, c.in, row.want)
		}
	}
}

// slowStream is a stream on which no message comes before its handler's context has
// ended, and one a second later.
type slowStream struct {
	openedStream
	calls atomic.Int32
	ended func() <-chan struct{}
}

func (s *slowStream) RecvMsg(any) error {
	s.calls.Add(1)
	<-s.ended()
	time.Sleep(time.Second)
	return nil
}

// TestNothingAfterTheEnd wants no message for a handler once the caller may not go
// on, and none asked for afterwards: a call may be under way still.
func TestNothingAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All()}, &interceptor.Options{ExpireStreams: true})
		token := issuer.Token(map[string]any{"exp": time.Now().Add(time.Minute)})
		var handlers context.Context
		ss := &slowStream{ended: func() <-chan struct{} { return handlers.Done() }}
		ss.ctx = metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + token}})
		err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, ss grpc.ServerStream) error {
			handlers = ss.Context() //nolint:fatcontext // for the stream to know when it ends
			for range 3 {
				if err := ss.RecvMsg(nil); status.Code(err) != codes.Unauthenticated {
					t.Errorf("got %v of RecvMsg, want %v", err, codes.Unauthenticated)
				}
			}
			return nil
		})
		time.Sleep(2 * time.Second) // the call that is left ends
		if n := ss.calls.Load(); status.Code(err) != codes.Unauthenticated || n != 1 {
			t.Errorf("got %v after %d messages were asked for, want %v after 1", err, n, codes.Unauthenticated)
		}
	})
}

// TestPublicStreamsAreLeftAlone wants the handler of a public method to have the
// server's own stream: there is nobody whose time could run out.
func TestPublicStreamsAreLeftAlone(t *testing.T) {
	guard := newGuard(t, newVerifier(t, newIssuer(t), nil), scopes.Methods{say: scopes.Public()}, &interceptor.Options{ExpireStreams: true, RecheckStreams: time.Minute})
	ss := &slowStream{}
	ss.ctx = t.Context()
	err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, got grpc.ServerStream) error {
		if got != grpc.ServerStream(ss) {
			t.Errorf("got a %T, want the stream as it was", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// failingStream is a stream that takes no message and has none.
type failingStream struct{ openedStream }

var errStream = status.Error(codes.DataLoss, "stream")

func (*failingStream) SendMsg(any) error { return errStream }
func (*failingStream) RecvMsg(any) error { return errStream }

// TestErrorsOfTheStream wants the handler of a stream that may be ended to have the
// errors of the stream.
func TestErrorsOfTheStream(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All()}, &interceptor.Options{ExpireStreams: true})
	ss := &failingStream{}
	ss.ctx = metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + issuer.Token(nil)}})
	err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: say}, func(_ any, ss grpc.ServerStream) error {
		return errors.Join(ss.SendMsg(nil), ss.RecvMsg(nil))
	})
	if err == nil || err.Error() != errStream.Error()+"\n"+errStream.Error() {
		t.Errorf("got %v, want the error of both", err)
	}
}
