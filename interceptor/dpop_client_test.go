package interceptor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// tlsServer is a gRPC server with or without TLS that accepts only bound tokens.
type tlsServer struct {
	signer *dpop.Signer
	token  string
	calls  atomic.Int32 // that the guard got
	dial   func(t *testing.T, opts ...grpc.DialOption) *grpc.ClientConn
}

func newTLSServer(t *testing.T, secure bool, proofs dpop.Options) *tlsServer {
	t.Helper()
	proofs.Logger = slog.New(slog.DiscardHandler)
	binding, err := dpop.New(proofs)
	if err != nil {
		t.Fatal(err)
	}
	issuer, s := newIssuer(t), &tlsServer{}
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Bindings, c.RequireBound, c.Logger = []bearer.Binding{binding}, true, proofs.Logger
	})
	guard := newGuard(t, v, scopes.Methods{"/test.v1.Echo/*": scopes.All("say")}, nil)
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS()
	certificates, roots := https.TLS.Certificates, x509.NewCertPool()
	roots.AddCert(https.Certificate())
	https.Close()
	count := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		s.calls.Add(1)
		return next(ctx, req)
	}
	opts := append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(count)}, guard.ServerOptions()...)
	transport := insecure.NewCredentials()
	if secure {
		opts = append(opts, grpc.Creds(credentials.NewServerTLSFromCert(&certificates[0])))
		transport = credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13})
	}
	listener, server := bufconn.Listen(64<<10), grpc.NewServer(opts...)
	server.RegisterService(&echoDesc, echo{
		say: func(ctx context.Context) (string, error) {
			claims, _ := bearer.FromContext(ctx)
			return claims.BoundTo("jkt"), nil
		},
		talk: func(ss grpc.ServerStream) error { return ss.SendMsg(wrapperspb.String("hello")) },
	})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	if s.signer, err = dpop.GenerateSigner(); err != nil {
		t.Fatal(err)
	}
	s.token = issuer.Token(map[string]any{"scope": "say", "cnf": map[string]any{"jkt": s.signer.Thumbprint()}})
	s.dial = func(t *testing.T, more ...grpc.DialOption) *grpc.ClientConn {
		t.Helper()
		conn, err := grpc.NewClient("passthrough:///example.com", append(more, grpc.WithTransportCredentials(transport),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	return s
}

func (s *tlsServer) credentials() *interceptor.DPoPCredentials {
	return &interceptor.DPoPCredentials{Signer: s.signer, Token: func(context.Context) (string, error) { return s.token, nil }}
}

func sayTo(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) (string, error) {
	out := new(wrapperspb.StringValue)
	err := conn.Invoke(ctx, say, wrapperspb.String(""), out, opts...)
	return out.GetValue(), err
}

// TestDPoPCredentials makes calls and opens streams. Each has a proof of its own.
func TestDPoPCredentials(t *testing.T) {
	s := newTLSServer(t, true, dpop.Options{Origins: []string{"https://example.com"}})
	conn := s.dial(t, s.credentials().DialOptions()...)
	for range 3 {
		if got, err := sayTo(t.Context(), conn); err != nil || got != s.signer.Thumbprint() {
			t.Errorf("got %q and error %v, want the thumbprint", got, err)
		}
		stream, err := conn.NewStream(t.Context(), &echoDesc.Streams[0], talk)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
			t.Errorf("stream: got error %v, want a message", err)
		}
	}
	if got := s.calls.Load(); got != 3 {
		t.Errorf("got %d unary calls, want 3", got)
	}
	// Without the interceptors, the credentials work too.
	plain := s.dial(t, grpc.WithPerRPCCredentials(s.credentials()))
	if _, err := sayTo(t.Context(), plain); err != nil {
		t.Errorf("WithPerRPCCredentials: got error %v, want none", err)
	}
	// A retry policy of grpc-go makes attempts. Each attempt has a new proof.
	policy := fmt.Sprintf(`{"methodConfig":[{"name":[{"service":"test.v1.Echo"}],"retryPolicy":{"maxAttempts":3,"initialBackoff":"0.01s","maxBackoff":"0.01s","backoffMultiplier":1,"retryableStatusCodes":[%q]}}]}`, "UNAVAILABLE")
	retrying := s.dial(t, append(s.credentials().DialOptions(), grpc.WithDefaultServiceConfig(policy))...)
	if _, err := sayTo(t.Context(), retrying); err != nil {
		t.Errorf("with a retry policy: got error %v, want none", err)
	}
}

// TestDPoPCredentialsNonce follows the challenge of a server that requires nonces, once.
func TestDPoPCredentialsNonce(t *testing.T) {
	s := newTLSServer(t, true, dpop.Options{Origins: []string{"https://example.com"}, NonceKeys: [][]byte{[]byte(strings.Repeat("k", 32))}})
	conn := s.dial(t, s.credentials().DialOptions()...)
	for i, want := range []int32{2, 3, 4} {
		var header metadata.MD
		if _, err := sayTo(t.Context(), conn, grpc.Header(&header)); err != nil {
			t.Fatalf("call %d: got error %v, want none", i, err)
		}
		if got := s.calls.Load(); got != want {
			t.Errorf("call %d: got %d calls at the server, want %d", i, got, want)
		}
	}
	// A stream has the nonce of the calls before it. The first stream of a client is refused.
	first := s.dial(t, s.credentials().DialOptions()...)
	var codesOf []codes.Code
	for range 2 {
		stream, err := first.NewStream(t.Context(), &echoDesc.Streams[0], talk)
		if err != nil {
			t.Fatal(err)
		}
		codesOf = append(codesOf, status.Code(stream.RecvMsg(new(wrapperspb.StringValue))))
	}
	if codesOf[0] != codes.Unauthenticated || codesOf[1] != codes.OK {
		t.Errorf("two streams: got codes %v, want Unauthenticated and OK", codesOf)
	}
}

// TestDPoPCredentialsErrors tests that a call is not sent if the token is not safe.
func TestDPoPCredentialsErrors(t *testing.T) {
	secure := newTLSServer(t, true, dpop.Options{Origins: []string{"https://example.com"}})
	cause := errors.New("the issuer is away")
	for name, change := range map[string]func(*interceptor.DPoPCredentials){
		"no signer": func(c *interceptor.DPoPCredentials) { c.Signer = nil },
		"no token":  func(c *interceptor.DPoPCredentials) { c.Token = nil },
		"empty token": func(c *interceptor.DPoPCredentials) {
			c.Token = func(context.Context) (string, error) { return "", nil }
		},
		"two lines": func(c *interceptor.DPoPCredentials) {
			c.Token = func(context.Context) (string, error) { return "a\nb", nil }
		},
		"Token fails": func(c *interceptor.DPoPCredentials) {
			c.Token = func(context.Context) (string, error) { return "", cause }
		},
	} {
		creds := secure.credentials()
		change(creds)
		_, err := sayTo(t.Context(), secure.dial(t, creds.DialOptions()...))
		want := codes.Unauthenticated
		if name == "Token fails" {
			want = codes.Unavailable // the issuer is at fault
		}
		if status.Code(err) != want || secure.calls.Load() != 0 {
			t.Errorf("%s: got error %v and %d calls, want %v and none", name, err, secure.calls.Load(), want)
		}
	}
	plain := newTLSServer(t, false, dpop.Options{InsecureAnyOrigin: true})
	if conn, err := grpc.NewClient("passthrough:///example.com", append(plain.credentials().DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...); err == nil {
		_, err = sayTo(t.Context(), conn)
		if err == nil {
			t.Error("without TLS: got no error, want one")
		}
		_ = conn.Close()
	}
	loose := plain.credentials()
	loose.InsecureWithoutTLS = true
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := sayTo(ctx, plain.dial(t, loose.DialOptions()...)); err != nil {
		t.Errorf("InsecureWithoutTLS: got error %v, want none", err)
	}
	if text := fmt.Sprintf("%+v %v %s", loose, loose, loose); strings.Contains(text, plain.token) || !strings.Contains(text, plain.signer.Thumbprint()) {
		t.Errorf("got printed form %s, want the thumbprint and no token", text)
	}
}
