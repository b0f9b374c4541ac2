package interceptor_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

const lifetime = 10 * time.Minute

// ending describes the end of a stream.
type ending struct {
	handler, client time.Duration // when the handler returned, and when the client got the status
	verdict
}

// runStream runs a stream in a synctest bubble. The constant "lifetime" is the time until
// the token expires. runStream fails the test if a goroutine of the guard still runs after the end
// of the stream.
func runStream(t *testing.T, opts interceptor.Options, change func(*bearer.Config), handler grpc.StreamHandler, client func(grpc.ClientStream) error) ending {
	t.Helper()
	var end ending
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		guard := newGuard(t, newVerifier(t, issuer, change), scopes.Methods{"/test.v1.Echo/*": scopes.All("talk")}, &opts)
		start := time.Now()
		returned := make(chan time.Duration, 1)
		conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error {
			defer func() { returned <- time.Since(start) }()
			return handler(nil, ss)
		}}, guard.ServerOptions()...)
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		talking := openTalk(ctx, t, conn, "Bearer "+issuer.Token(map[string]any{"scope": "talk", "exp": start.Add(lifetime)}))
		err := client(talking)
		end.client = time.Since(start)
		header, _ := talking.Header()
		end.verdict = readVerdict(t, err, header)
		if end.challenge == "" {
			end.verdict = readVerdict(t, err, talking.Trailer())
		}
		end.handler = <-returned
		synctest.Wait()
		checkNoLease(t)
	})
	return end
}

// checkNoLease fails the test if a goroutine of a lease is running.
func checkNoLease(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "interceptor.(*lease") || strings.Contains(stack, "interceptor.(*check") || strings.Contains(stack, "interceptor.(*schedule") {
			t.Errorf("got a goroutine after the end of the stream, want no goroutine:\n%s", stack)
		}
	}
}

// drain reads the stream to its end.
func drain(talking grpc.ClientStream) error {
	for {
		if err := talking.RecvMsg(new(wrapperspb.StringValue)); err != nil {
			return endOfStream(err)
		}
	}
}

// sayAndDrain sends one message and then reads the stream to its end.
func sayAndDrain(talking grpc.ClientStream) error {
	if err := talking.SendMsg(wrapperspb.String("")); err != nil {
		return err
	}
	return drain(talking)
}

// stall waits for 2*lifetime, so the token has already expired. Then stall reads the stream
// to its end.
func stall(talking grpc.ClientStream) error {
	timer := time.NewTimer(2 * lifetime)
	defer timer.Stop()
	<-timer.C
	return drain(talking)
}

var expired = verdict{
	code: codes.Unauthenticated, reason: "EXPIRED",
	challenge: bare + `, error="invalid_token", error_description="The access token expired"`,
}

func handleRecv(_ any, ss grpc.ServerStream) error {
	for {
		if err := ss.RecvMsg(new(wrapperspb.StringValue)); err != nil {
			return endOfStream(err)
		}
	}
}

// handleSend sends messages until SendMsg fails. SendMsg blocks if the client does not read.
func handleSend(_ any, ss grpc.ServerStream) error {
	for {
		if err := ss.SendMsg(wrapperspb.String(strings.Repeat("x", 16<<10))); err != nil {
			return err
		}
	}
}

func handleContext(_ any, ss grpc.ServerStream) error {
	<-ss.Context().Done()
	return nil // the client must get the refusal, not OK
}

// handleTicks sends a message every 4 min and does not check its context.
func handleTicks(_ any, ss grpc.ServerStream) error {
	ticker := time.NewTicker(4 * time.Minute)
	defer ticker.Stop()
	for range ticker.C {
		if err := ss.SendMsg(wrapperspb.String("tick")); err != nil {
			return errors.New("error of the handler")
		}
	}
	return nil
}

// handleIgnoring runs for 1 h and ignores both its stream and its context.
func handleIgnoring(_ any, _ grpc.ServerStream) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	<-timer.C
	return nil
}

// handleBoth receives in a separate goroutine, as many bidirectional handlers do.
func handleBoth(_ any, ss grpc.ServerStream) error {
	received := make(chan error, 1)
	go func() { received <- handleRecv(nil, ss) }()
	err := handleSend(nil, ss)
	return errors.Join(err, <-received)
}

func TestExpireStreams(t *testing.T) {
	for _, row := range []struct {
		name    string
		handler grpc.StreamHandler
		client  func(grpc.ClientStream) error
		want    ending
	}{
		{"blocked in RecvMsg", handleRecv, drain, ending{lifetime, lifetime, expired}},
		{"blocked in RecvMsg for the second message", handleRecv, sayAndDrain, ending{lifetime, lifetime, expired}},
		{"blocked in SendMsg", handleSend, stall, ending{lifetime, 2 * lifetime, expired}}, // the client reads late
		{"blocked in RecvMsg and in SendMsg", handleBoth, stall, ending{lifetime, 2 * lifetime, expired}},
		{"waits for the end of its context", handleContext, drain, ending{lifetime, lifetime, expired}},
		{"gets the refusal only when it sends", handleTicks, drain, ending{12 * time.Minute, 12 * time.Minute, expired}},
		{"ignores its stream and its context", handleIgnoring, drain, ending{time.Hour, time.Hour, expired}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := runStream(t, interceptor.Options{ExpireStreams: true}, nil, row.handler, row.client); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestStreamsStayOpen(t *testing.T) {
	if got, want := runStream(t, interceptor.Options{}, nil, handleIgnoring, drain), (ending{time.Hour, time.Hour, verdict{}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStreamsThatEndEarlier(t *testing.T) {
	opts := interceptor.Options{ExpireStreams: true, RecheckStreams: time.Minute}
	closeSend := func(talking grpc.ClientStream) error { return errors.Join(talking.CloseSend(), drain(talking)) }
	own := func(any, grpc.ServerStream) error { return status.Error(codes.NotFound, "own") }
	for _, row := range []struct {
		name    string
		handler grpc.StreamHandler
		client  func(grpc.ClientStream) error
		want    codes.Code
	}{
		{"ended by the client", handleRecv, closeSend, codes.OK},
		{"ended by the handler", own, drain, codes.NotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, want := runStream(t, opts, nil, row.handler, row.client), (ending{verdict: verdict{code: row.want}}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestStreamsThatTheClientCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		events := make(chan bearer.Event, 10)
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Observer = bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { events <- e })
		})
		guard := newGuard(t, v, echoRules, &interceptor.Options{ExpireStreams: true, RecheckStreams: time.Minute})
		returned := make(chan error, 1)
		conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error {
			err := handleRecv(nil, ss)
			returned <- err
			return err
		}}, guard.ServerOptions()...)
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		err := drain(openTalk(ctx, t, conn, "Bearer "+issuer.Token(map[string]any{"scope": "talk"})))
		if got := status.Code(err); got != codes.DeadlineExceeded {
			t.Errorf("got code %v, want code %v", got, codes.DeadlineExceeded)
		}
		<-returned //nolint:errcheck // the test only waits for the handler
		synctest.Wait()
		for range 2 { // when the stream opens, and 1 min later
			if e := <-events; e.Reason != "" {
				t.Errorf("got the event %+v, want an event without a reason", e)
			}
		}
		if len(events) != 0 {
			t.Errorf("got the additional event %+v, want 2 events", <-events)
		}
	})
}

func TestVerifierClockDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		strict := newVerifier(t, issuer, nil)
		exp := time.Now().Add(time.Minute)
		token := issuer.Token(map[string]any{"scope": "talk", "exp": exp})
		claims, err := strict.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		lenient := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
			if time.Since(exp) >= 5*time.Second {
				return nil, bearer.Expired
			}
			return claims, nil
		})
		guard := newGuard(t, lenient, echoRules, &interceptor.Options{ExpireStreams: true})
		conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error { return handleRecv(nil, ss) }}, guard.ServerOptions()...)
		defer stop()
		err = drain(openTalk(t.Context(), t, conn, "Bearer "+token))
		if got := time.Since(exp); status.Code(err) != codes.Unauthenticated || got != 5*time.Second {
			t.Errorf("got error %v and the end %v after exp, want %v and the end 5s after exp", err, got, codes.Unauthenticated)
		}
	})
}

func TestHandlersOfEndedStreams(t *testing.T) {
	var errs []error
	handler := func(_ any, ss grpc.ServerStream) error {
		errs = append(errs, ss.RecvMsg(new(wrapperspb.StringValue)))
		errs = append(errs, ss.RecvMsg(new(wrapperspb.StringValue)), ss.SendMsg(wrapperspb.String("")), context.Cause(ss.Context()))
		if who, _ := subject(ss.Context()); who == "anonymous" {
			t.Error("got no claims after the end of the stream, want claims")
		}
		return io.EOF
	}
	if got := runStream(t, interceptor.Options{ExpireStreams: true}, nil, handler, drain); got.verdict != expired {
		t.Errorf("got %+v, want %+v", got, expired)
	}
	if len(errs) != 4 || slices.ContainsFunc(errs, func(err error) bool { return status.Code(err) != codes.Unauthenticated }) {
		t.Errorf("got the errors %v, want %v four times", errs, codes.Unauthenticated)
	}
}

// TestCodecPanic checks that the handler can recover a panic of the codec in SendMsg. With
// ExpireStreams, the codec runs in a different goroutine, and the guard must repeat the
// panic in the goroutine of the handler.
func TestCodecPanic(t *testing.T) {
	var recovered any
	handler := func(_ any, ss grpc.ServerStream) (err error) {
		defer func() {
			if recovered = recover(); recovered != nil {
				err = status.Error(codes.DataLoss, "recovered")
			}
		}()
		return ss.SendMsg(panickingMessage{})
	}
	got := runStream(t, interceptor.Options{ExpireStreams: true}, nil, handler, drain)
	if got.code != codes.DataLoss || recovered != "codec" {
		t.Errorf("got the verdict %+v and the recovered panic %v, want a verdict with code %v and the recovered panic \"codec\"", got, recovered, codes.DataLoss)
	}
}

// panickingMessage is a message that panics when it is encoded.
type panickingMessage struct{ *wrapperspb.StringValue }

func (panickingMessage) ProtoReflect() protoreflect.Message { panic("codec") }
