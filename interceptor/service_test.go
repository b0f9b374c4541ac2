package interceptor_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

const (
	audience = testkit.Audience
	say      = "/test.v1.Echo/Say"
	talk     = "/test.v1.Echo/Talk"
)

// echo is a service with a unary method, Say, and a bidirectional method, Talk. The zero
// echo answers each message with the caller's subject.
type echo struct {
	say  func(context.Context) (string, error)
	talk func(grpc.ServerStream) error
}

var echoDesc = grpc.ServiceDesc{
	ServiceName: "test.v1.Echo",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Say", Handler: serveSay}},
	Streams:     []grpc.StreamDesc{{StreamName: "Talk", Handler: serveTalk, ServerStreams: true, ClientStreams: true}},
}

func serveSay(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // grpc's signature
	in := new(wrapperspb.StringValue)
	if err := dec(in); err != nil {
		return nil, err
	}
	handler := func(ctx context.Context, _ any) (any, error) {
		answer := subject
		if own := srv.(echo).say; own != nil { //nolint:errcheck // registered below
			answer = own
		}
		text, err := answer(ctx)
		return wrapperspb.String(text), err
	}
	if interceptor == nil {
		return handler(ctx, in)
	}
	return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: say}, handler)
}

func serveTalk(srv any, ss grpc.ServerStream) error {
	if own := srv.(echo).talk; own != nil { //nolint:errcheck // registered below
		return own(ss)
	}
	for {
		if err := ss.RecvMsg(new(wrapperspb.StringValue)); err != nil {
			return endOfStream(err)
		}
		text, err := subject(ss.Context())
		if err != nil {
			return err
		}
		if err := ss.SendMsg(wrapperspb.String(text)); err != nil {
			return err
		}
	}
}

// subject returns the subject of the caller. If ctx contains no claims, it returns
// "anonymous".
func subject(ctx context.Context) (string, error) {
	claims, ok := bearer.FromContext(ctx)
	if !ok {
		return "anonymous", nil
	}
	return claims.Subject(), nil
}

// newIssuer returns an issuer without a listener.
func newIssuer(tb testing.TB) *bearertest.Issuer {
	tb.Helper()
	return testkit.NewIssuer(tb, "ES256")
}

var newVerifier = testkit.NewVerifier

func newGuard(tb testing.TB, v bearer.Verifier, rules scopes.Methods, opts *interceptor.Options) *interceptor.Guard {
	tb.Helper()
	guard, err := interceptor.New(v, rules, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return guard
}

// listenFunc opens a listener. It returns the listener, and the option and the target for
// clients.
type listenFunc func(testing.TB) (net.Listener, grpc.DialOption, string)

func onBufconn(testing.TB) (net.Listener, grpc.DialOption, string) {
	listener := bufconn.Listen(64 << 10)
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	return listener, grpc.WithContextDialer(dial), "passthrough:///bufconn"
}

func onLoopback(tb testing.TB) (net.Listener, grpc.DialOption, string) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return listener, grpc.EmptyDialOption{}, "passthrough:///" + listener.Addr().String()
}

// connect serves the service and returns a connection to it. The returned function closes
// the connection and stops the server. The cleanup of the test calls the function too.
func connect(tb testing.TB, on listenFunc, service echo, opts ...grpc.ServerOption) (*grpc.ClientConn, func()) {
	tb.Helper()
	listener, dial, target := on(tb)
	server := grpc.NewServer(opts...)
	server.RegisterService(&echoDesc, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(target, dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	var stopped bool
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		_ = conn.Close() // all messages have been exchanged
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			tb.Errorf("Serve: %v", err)
		}
	}
	tb.Cleanup(stop)
	return conn, stop
}

// callSay calls the unary method with these values of "authorization".
func callSay(ctx context.Context, conn *grpc.ClientConn, values ...string) (string, metadata.MD, error) {
	var header metadata.MD
	out := new(wrapperspb.StringValue)
	err := conn.Invoke(outgoing(ctx, values), say, wrapperspb.String(""), out, grpc.Header(&header))
	return out.GetValue(), header, err
}

// openTalk opens the bidirectional stream.
func openTalk(ctx context.Context, tb testing.TB, conn *grpc.ClientConn, values ...string) grpc.ClientStream {
	tb.Helper()
	talking, err := conn.NewStream(outgoing(ctx, values), &echoDesc.Streams[0], talk)
	if err != nil {
		tb.Fatal(err)
	}
	return talking
}

// callTalk opens the stream, sends one message and receives one message.
func callTalk(ctx context.Context, tb testing.TB, conn *grpc.ClientConn, values ...string) (string, metadata.MD, error) {
	tb.Helper()
	talking := openTalk(ctx, tb, conn, values...)
	_ = talking.SendMsg(wrapperspb.String("")) // io.EOF if the stream was refused; RecvMsg returns the status
	out := new(wrapperspb.StringValue)
	err := talking.RecvMsg(out)
	header, _ := talking.Header()
	if err == nil {
		err = talking.CloseSend()
	}
	return out.GetValue(), header, err
}

func outgoing(ctx context.Context, values []string) context.Context {
	for _, value := range values {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value) //nolint:fatcontext // there are at most two values
	}
	return ctx
}
