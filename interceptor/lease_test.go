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

// ending is when a stream ended for its handler and for its client, and how.
type ending struct {
	handler, client time.Duration
	verdict
}

// watched runs a stream of a token that lives for lifetime, in a bubble. It
// fails the test where a goroutine of the stream is left when that has ended.
func watched(t *testing.T, opts interceptor.Options, change func(*bearer.Config), handler grpc.StreamHandler, client func(grpc.ClientStream) error) ending {
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
		end.verdict = seen(t, err, header)
		if end.challenge == "" {
			end.verdict = seen(t, err, talking.Trailer())
		}
		end.handler = <-returned
		synctest.Wait()
		checkNoLease(t)
	})
	return end
}

// checkNoLease looks for goroutines of a stream that has ended.
func checkNoLease(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "interceptor.(*lease") {
			t.Errorf("left behind:\n%s", stack)
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

// sayAndDrain sends one message first.
func sayAndDrain(talking grpc.ClientStream) error {
	if err := talking.SendMsg(wrapperspb.String("")); err != nil {
		return err
	}
	return drain(talking)
}

// stall reads nothing until the stream has long ended, and only then the rest.
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

// handleSend fills the client's window until SendMsg blocks.
func handleSend(_ any, ss grpc.ServerStream) error {
	for {
		if err := ss.SendMsg(wrapperspb.String(strings.Repeat("x", 16<<10))); err != nil {
			return err
		}
	}
}

func handleContext(_ any, ss grpc.ServerStream) error {
	<-ss.Context().Done()
	return nil // which must not pass for success
}

// handleTicks sends now and then, and looks at nothing else.
func handleTicks(_ any, ss grpc.ServerStream) error {
	ticker := time.NewTicker(4 * time.Minute)
	defer ticker.Stop()
	for range ticker.C {
		if err := ss.SendMsg(wrapperspb.String("tick")); err != nil {
			return errors.New("the handler's own words")
		}
	}
	return nil
}

// handleIgnoring does something else for an hour.
func handleIgnoring(_ any, _ grpc.ServerStream) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	<-timer.C
	return nil
}

// handleBoth receives in a goroutine of its own, as bidirectional handlers do.
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
		{"blocked in SendMsg", handleSend, stall, ending{lifetime, 2 * lifetime, expired}}, // the client looks late
		{"blocked in both", handleBoth, stall, ending{lifetime, 2 * lifetime, expired}},
		{"waits for its context", handleContext, drain, ending{lifetime, lifetime, expired}},
		{"finds out when it sends", handleTicks, drain, ending{12 * time.Minute, 12 * time.Minute, expired}},
		{"never looks", handleIgnoring, drain, ending{time.Hour, time.Hour, expired}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := watched(t, interceptor.Options{ExpireStreams: true}, nil, row.handler, row.client); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestStreamsStayOpen(t *testing.T) {
	if got, want := watched(t, interceptor.Options{}, nil, handleIgnoring, drain), (ending{time.Hour, time.Hour, verdict{}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStreamsThatEndEarlier(t *testing.T) {
	opts := interceptor.Options{ExpireStreams: true, RecheckStreams: time.Minute}
	hangUp := func(talking grpc.ClientStream) error { return errors.Join(talking.CloseSend(), drain(talking)) }
	own := func(any, grpc.ServerStream) error { return status.Error(codes.NotFound, "own") }
	for _, row := range []struct {
		name    string
		handler grpc.StreamHandler
		client  func(grpc.ClientStream) error
		want    codes.Code
	}{
		{"by the client", handleRecv, hangUp, codes.OK},
		{"by the handler", own, drain, codes.NotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, want := watched(t, opts, nil, row.handler, row.client), (ending{verdict: verdict{code: row.want}}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestStreamsThatTheClientCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		refusals := make(chan bearer.Event, 10)
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Observer = bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { refusals <- e })
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
			t.Errorf("got %v, want %v", got, codes.DeadlineExceeded)
		}
		<-returned //nolint:errcheck // that the handler has returned is what matters
		synctest.Wait()
		for range 2 { // the opening and one minute later
			if e := <-refusals; e.Reason != "" {
				t.Errorf("got %+v", e)
			}
		}
		if len(refusals) != 0 {
			t.Errorf("got one more, %+v", <-refusals)
		}
	})
}

func TestTheVerifiersClockCounts(t *testing.T) {
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
			t.Errorf("got %v %v after exp, want %v after 5s", err, got, codes.Unauthenticated)
		}
	})
}

func TestHandlersOfEndedStreams(t *testing.T) {
	var errs []error
	handler := func(_ any, ss grpc.ServerStream) error {
		errs = append(errs, ss.RecvMsg(new(wrapperspb.StringValue)))
		errs = append(errs, ss.RecvMsg(new(wrapperspb.StringValue)), ss.SendMsg(wrapperspb.String("")), context.Cause(ss.Context()))
		if who, _ := subject(ss.Context()); who == "nobody" {
			t.Error("the claims are gone")
		}
		return io.EOF
	}
	if got := watched(t, interceptor.Options{ExpireStreams: true}, nil, handler, drain); got.verdict != expired {
		t.Errorf("got %+v, want %+v", got, expired)
	}
	if len(errs) != 4 || slices.ContainsFunc(errs, func(err error) bool { return status.Code(err) != codes.Unauthenticated }) {
		t.Errorf("got %v, want %v four times", errs, codes.Unauthenticated)
	}
}

// TestACodecsPanicIsTheHandlers wants a panic in RecvMsg and SendMsg where it would
// be without the option: in the handler's goroutine, for those who recover there.
func TestACodecsPanicIsTheHandlers(t *testing.T) {
	var recovered any
	handler := func(_ any, ss grpc.ServerStream) (err error) {
		defer func() {
			if recovered = recover(); recovered != nil {
				err = status.Error(codes.DataLoss, "recovered")
			}
		}()
		return ss.SendMsg(panicking{})
	}
	got := watched(t, interceptor.Options{ExpireStreams: true}, nil, handler, drain)
	if got.code != codes.DataLoss || recovered != "codec" {
		t.Errorf("got %+v, and recovered %v", got, recovered)
	}
}

// panicking is a message that cannot be encoded.
type panicking struct{ *wrapperspb.StringValue }

func (panicking) ProtoReflect() protoreflect.Message { panic("codec") }
