package interceptor_test

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// connectHTTP serves the service with net/http's server and grpc.Server.ServeHTTP. Programs
// do this to serve HTTP and gRPC on one port. connectHTTP returns a connection, and a
// function that closes the connection and stops the server.
func connectHTTP(tb testing.TB, service echo, opts ...grpc.ServerOption) (*grpc.ClientConn, func()) {
	tb.Helper()
	listener := bufconn.Listen(64 << 10)
	grpcServer := grpc.NewServer(opts...)
	grpcServer.RegisterService(&echoDesc, service)
	server := &http.Server{Handler: grpcServer, ReadHeaderTimeout: time.Minute, Protocols: new(http.Protocols), ErrorLog: log.New(failingLog{tb}, "", 0)} //nolint:forbidigo // http.Server takes a *log.Logger
	server.Protocols.SetUnencryptedHTTP2(true)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		tb.Fatal(err)
	}
	return conn, func() {
		_ = conn.Close() // all messages have been exchanged
		grpcServer.Stop()
		if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			tb.Errorf("Serve: %v", err)
		}
	}
}

// failingLog is a log writer that fails the test for every line.
type failingLog struct{ testing.TB }

func (c failingLog) Write(line []byte) (int, error) {
	c.Errorf("got the net/http log line %q, want no log line", line)
	return len(line), nil
}

func TestWithNetHTTP(t *testing.T) {
	headerSent := expired
	headerSent.challenge = "" // net/http's server drops the trailer that contains the challenge
	for _, row := range []struct {
		name    string
		handler grpc.StreamHandler
		client  func(grpc.ClientStream) error
		want    verdict
		after   time.Duration
	}{
		{"blocked in RecvMsg", handleRecv, drain, expired, lifetime},
		{"waits for the end of its context", handleContext, drain, expired, lifetime},
		{"gets the refusal only when it sends", handleTicks, drain, headerSent, 12 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, start := newIssuer(t), time.Now()
				guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All("say"), talk: scopes.All("talk")}, &interceptor.Options{ExpireStreams: true})
				conn, stop := connectHTTP(t, echo{talk: func(ss grpc.ServerStream) error { return row.handler(nil, ss) }}, guard.ServerOptions()...)
				defer stop()
				token := "Bearer " + issuer.Token(map[string]any{"sub": "ann", "scope": "talk", "exp": start.Add(lifetime)})
				for _, values := range [][]string{nil, {token, token}} {
					if _, header, err := callSay(t.Context(), conn, values...); readVerdict(t, err, header).code != codes.Unauthenticated {
						t.Errorf("%d values: got %v, want %v", len(values), err, codes.Unauthenticated)
					}
				}
				talking := openTalk(t.Context(), t, conn, token)
				err := row.client(talking)
				header, _ := talking.Header()
				if got := readVerdict(t, err, metadata.Join(header, talking.Trailer())); got != row.want || time.Since(start) != row.after {
					t.Errorf("got %+v after %v, want %+v after %v", got, time.Since(start), row.want, row.after)
				}
			})
		})
	}
}

// TestBlockedSendWithNetHTTP checks a stream whose client does not read. The goroutine of
// net/http's server that writes the response is blocked, so the client gets the status only
// when it reads again. The handler returns when the token expires.
func TestBlockedSendWithNetHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, start := newIssuer(t), time.Now()
		guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{talk: scopes.All("talk")}, &interceptor.Options{ExpireStreams: true})
		returned := make(chan time.Duration, 1)
		conn, stop := connectHTTP(t, echo{talk: func(ss grpc.ServerStream) error {
			defer func() { returned <- time.Since(start) }()
			return handleSend(nil, ss)
		}}, guard.ServerOptions()...)
		defer stop()
		talking := openTalk(t.Context(), t, conn, "Bearer "+issuer.Token(map[string]any{"scope": "talk", "exp": start.Add(lifetime)}))
		err := stall(talking)
		if got := readVerdict(t, err, talking.Trailer()); got.code != codes.Unauthenticated || <-returned != lifetime {
			t.Errorf("got the verdict %+v and error %v, want code %v and a handler that returns when the token expires", got, err, codes.Unauthenticated)
		}
		synctest.Wait()
		checkNoLease(t)
	})
}
