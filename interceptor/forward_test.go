package interceptor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

const nextAudience = "next-api"

// nextService is the service that the handlers call over TLS.
type nextService struct {
	conn    *grpc.ClientConn
	reached int // number of calls that reached the handler
	stop    func()
}

// newNextService starts the service with the test certificate of httptest.
func newNextService(tb testing.TB, issuer *bearertest.Issuer) *nextService {
	tb.Helper()
	n := new(nextService)
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS()
	certificates, roots := https.TLS.Certificates, x509.NewCertPool()
	roots.AddCert(https.Certificate())
	https.Close()

	guard := newGuard(tb, newVerifier(tb, issuer, func(c *bearer.Config) { c.Audience = []string{nextAudience} }), scopes.Methods{say: scopes.All("say")}, nil)
	listener := bufconn.Listen(64 << 10)
	server := grpc.NewServer(append(guard.ServerOptions(), grpc.Creds(credentials.NewServerTLSFromCert(&certificates[0])))...)
	server.RegisterService(&echoDesc, echo{say: func(ctx context.Context) (string, error) {
		n.reached++
		return subject(ctx)
	}})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	transport := credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13})
	conn, err := grpc.NewClient("passthrough:///next", grpc.WithTransportCredentials(transport),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		tb.Fatal(err)
	}
	n.conn = conn
	n.stop = func() {
		_ = conn.Close() // all messages have been exchanged
		server.Stop()
		if err := <-served; err != nil {
			tb.Errorf("Serve: %v", err)
		}
	}
	return n
}

// callSay calls the service as a handler does, with the token of the handler's caller.
func (n *nextService) callSay(ctx context.Context, f credentials.PerRPCCredentials) (string, error) {
	out := new(wrapperspb.StringValue)
	err := n.conn.Invoke(ctx, say, wrapperspb.String(""), out, grpc.PerRPCCredentials(f))
	return "next sees " + out.GetValue(), err
}

func newForwarder(tb testing.TB, audience string) credentials.PerRPCCredentials {
	tb.Helper()
	f, err := interceptor.NewForwarder(audience)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestForwarder(t *testing.T) {
	both := []string{audience, nextAudience}
	needed := scopes.All("say")
	for _, row := range []struct {
		name string
		aud  []string
		rule scopes.Rule
		opts interceptor.Options
		to   credentials.PerRPCCredentials
		want string // the answer, or the end of the status message
	}{
		{"token for both services", both, needed, interceptor.Options{KeepToken: true}, newForwarder(t, nextAudience), "next sees ann"},
		{"token for both services, optional rule", both, scopes.Optional(needed), interceptor.Options{KeepToken: true}, newForwarder(t, nextAudience), "next sees ann"},
		{"token only for the first service", both[:1], needed, interceptor.Options{KeepToken: true}, newForwarder(t, nextAudience), "is not meant for the next service"},
		{"Forwarder to a third service", both, needed, interceptor.Options{KeepToken: true}, newForwarder(t, "third-api"), "is not meant for the next service"},
		{"guard without KeepToken", both, needed, interceptor.Options{}, newForwarder(t, nextAudience), "contains no token of a caller"},
		{"public method", both, scopes.Public(), interceptor.Options{KeepToken: true}, newForwarder(t, nextAudience), "contains no token of a caller"},
	} {
		t.Run(row.name, func(t *testing.T) {
			issuer := newIssuer(t)
			n := newNextService(t, issuer)
			defer n.stop()
			guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{"/test.v1.Echo/*": row.rule}, &row.opts)
			token := issuer.Token(map[string]any{"sub": "ann", "scope": "say", "aud": row.aud})
			var seenByHandler string
			conn, _ := connect(t, onBufconn, echo{
				say: func(ctx context.Context) (string, error) {
					seenByHandler = fmt.Sprint(ctx)
					return n.callSay(ctx, row.to)
				},
				talk: func(ss grpc.ServerStream) error {
					text, err := n.callSay(ss.Context(), row.to)
					if err != nil {
						return err
					}
					return ss.SendMsg(wrapperspb.String(text))
				},
			}, guard.ServerOptions()...)
			text, _, err := callSay(t.Context(), conn, "Bearer "+token)
			checkForwarded(t, "unary", text, err, row.want)
			text, _, err = callTalk(t.Context(), t, conn, "Bearer "+token)
			checkForwarded(t, "stream", text, err, row.want)
			if want := map[bool]int{true: 2}[row.want == "next sees ann"]; n.reached != want {
				t.Errorf("got %d calls of the next service, want %d", n.reached, want)
			}
			if strings.Contains(seenByHandler, token) {
				t.Error("got the token in the printed context, want no token")
			}
		})
	}
}

func checkForwarded(t *testing.T, how, text string, err error, want string) {
	t.Helper()
	if strings.HasPrefix(want, "next") {
		if text != want || err != nil {
			t.Errorf("%s: got the answer %q (error: %v), want %q", how, text, err, want)
		}
		return
	}
	if st := status.Convert(err); st.Code() != codes.Unauthenticated || !strings.HasSuffix(st.Message(), want) {
		t.Errorf("%s: got the answer %q (error: %v), want code %v and a message that ends with %s", how, text, err, codes.Unauthenticated, want)
	}
}

// TestForwarderOutsideOfCalls checks that a Forwarder refuses calls with a context that did
// not come from a guard.
func TestForwarderOutsideOfCalls(t *testing.T) {
	issuer := newIssuer(t)
	n := newNextService(t, issuer)
	defer n.stop()
	claims, err := newVerifier(t, issuer, nil).Verify(t.Context(), issuer.Token(map[string]any{"aud": []string{audience, nextAudience}}))
	if err != nil {
		t.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{
		"empty":      t.Context(),
		"metadata":   incoming(t.Context(), "Bearer "+issuer.Token(map[string]any{"aud": nextAudience})),
		"NewContext": bearer.NewContext(t.Context(), claims),
	} {
		text, err := n.callSay(ctx, newForwarder(t, nextAudience))
		checkForwarded(t, name, text, err, "contains no token of a caller")
	}
}

func TestForwarderRequiresTLS(t *testing.T) {
	issuer := newIssuer(t)
	f := newForwarder(t, nextAudience)
	if _, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(f)); err == nil {
		t.Error("grpc.NewClient returned a connection without TLS, want an error")
	}
	insecureNext, _ := connect(t, onBufconn, echo{})
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: scopes.All()}, &interceptor.Options{KeepToken: true})
	conn, _ := connect(t, onBufconn, echo{say: func(ctx context.Context) (string, error) {
		// GetRequestMetadata also checks the connection, because a transport can omit this check.
		_, err := f.GetRequestMetadata(ctx)
		checkForwarded(t, "a handler's context", "", err, "the connection is not secure")
		return "", insecureNext.Invoke(ctx, say, wrapperspb.String(""), new(wrapperspb.StringValue), grpc.PerRPCCredentials(f))
	}}, guard.ServerOptions()...)
	_, _, err := callSay(t.Context(), conn, "Bearer "+issuer.Token(map[string]any{"aud": []string{audience, nextAudience}}))
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("got error %v, want code %v", err, codes.Unauthenticated)
	}
}

func TestForwarderOfExpiredTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		n := newNextService(t, issuer)
		defer n.stop()
		guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{talk: scopes.All()}, &interceptor.Options{KeepToken: true})
		conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error {
			time.Sleep(lifetime)
			_, err := n.callSay(ss.Context(), newForwarder(t, nextAudience))
			return err
		}}, guard.ServerOptions()...)
		defer stop()
		token := issuer.Token(map[string]any{"aud": []string{audience, nextAudience}, "exp": time.Now().Add(lifetime)})
		_, _, err := callTalk(t.Context(), t, conn, "Bearer "+token)
		checkForwarded(t, "stream", "", err, "the caller's token expired")
	})
}

// A token is forwarded until the end of Config.Leeway, like the call that it belongs to.
func TestForwarderWithLeeway(t *testing.T) {
	const leeway = time.Minute
	for _, row := range []struct {
		after time.Duration
		want  string
	}{{lifetime, ""}, {lifetime + leeway - 1, ""}, {lifetime + leeway, "the caller's token expired"}} {
		synctest.Test(t, func(t *testing.T) {
			issuer := newIssuer(t)
			guard := newGuard(t, newVerifier(t, issuer, func(c *bearer.Config) { c.Leeway = leeway }), scopes.Methods{talk: scopes.All()}, &interceptor.Options{KeepToken: true})
			forwarder := newForwarder(t, nextAudience)
			conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error {
				time.Sleep(row.after)
				ctx := credentials.NewContextWithRequestInfo(ss.Context(), credentials.RequestInfo{AuthInfo: credentials.TLSInfo{
					CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
				}})
				_, err := forwarder.GetRequestMetadata(ctx)
				return err
			}}, guard.ServerOptions()...)
			defer stop()
			token := issuer.Token(map[string]any{"aud": []string{audience, nextAudience}, "exp": time.Now().Add(lifetime)})
			_, _, err := callTalk(t.Context(), t, conn, "Bearer "+token)
			if errors.Is(err, io.EOF) { // the handler returned nil
				err = nil
			}
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v after the start: got error %v, want %q", row.after, err, row.want)
			}
		})
	}
}

func TestNewForwarder(t *testing.T) {
	if _, err := interceptor.NewForwarder(""); err == nil {
		t.Error("empty audience: got a Forwarder, want an error")
	}
	if !newForwarder(t, nextAudience).RequireTransportSecurity() {
		t.Error("got RequireTransportSecurity false, want true")
	}
}
