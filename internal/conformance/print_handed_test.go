package conformance_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// handedPrinter is a printer for values from several goroutines.
type handedPrinter struct {
	mu sync.Mutex
	printer
}

// The method print prints the values, and structs that contain a value in an unexported field.
func (p *handedPrinter) print(source string, values ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plain := &p.printer
	plain.print(source, values...)
	for _, v := range values {
		if v == nil {
			continue
		}
		text := printUnexported(v, printFormats)
		for _, secret := range p.secrets {
			if hasForm(text, secret) {
				p.t.Errorf("%s: %T in an unexported field: got the secret %.20q in the printed form, want none", source, v, secret)
			}
		}
	}
}

// printingKeys is a key set that prints the contexts that it gets.
type printingKeys struct {
	bearer.KeySet
	p *handedPrinter
}

func (k printingKeys) Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error) {
	p := k.p
	p.print("KeySet.Key", ctx)
	return k.KeySet.Key(ctx, kid, alg, tried...)
}

// newHandedVerifier returns a verifier whose hooks print the contexts that they get, and a token.
// The verifier must be wrapped, so that the contexts for verifiers of users are printed too.
func newHandedVerifier(t *testing.T, p *handedPrinter) (v bearer.Verifier, token string) {
	t.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{testkit.Audience}, Algorithms: []string{"EdDSA"}})
	t.Cleanup(issuer.Close)
	cfg := testkit.Config(t, issuer)
	cfg.Keys = printingKeys{cfg.Keys, p}
	cfg.Validate = func(ctx context.Context, _ *bearer.Claims) error {
		p.print("Config.Validate", ctx)
		return nil
	}
	own, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "SECRETqZ7jKxEmail"
	token = issuer.Token(map[string]any{"scope": "a", "email": secret})
	unknown := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: issuer.URL(), Audience: []string{testkit.Audience}, Algorithms: []string{"EdDSA"}})
	t.Cleanup(unknown.Close)
	p.secrets = append(strings.Split(token, "."), secret)
	wrapped := bearer.VerifierFunc(func(ctx context.Context, raw string) (*bearer.Claims, error) {
		p.print("Verifier", ctx)
		if _, err := own.Verify(ctx, unknown.Token(nil)); err == nil { // calls KeySet.Key
			t.Error("token with an unknown key: got no error, want one")
		}
		return own.Verify(ctx, raw)
	})
	return wrapped, token
}

// TestPrintedHandedValues prints the values that handlers and hooks get from the guards, and whose
// types are not exported or belong to other modules: contexts, requests, response writers, handlers
// and streams. TestPrintedTypes prints the values of the exported types. With RemoveAuthorization,
// the request of the handler contains no token either.
func TestPrintedHandedValues(t *testing.T) {
	p := &handedPrinter{printer: printer{t: t}}
	v, token := newHandedVerifier(t, p)
	observer := bearer.ObserverFunc(func(ctx context.Context, e bearer.Event) { p.print("Observer", ctx, e) })
	printHTTP(t, p, v, token, observer)
	for name, opts := range map[string]*interceptor.Options{
		"stream":                      {Observer: observer},
		"stream, KeepToken":           {KeepToken: true},
		"stream, ExpireStreams":       {ExpireStreams: true},
		"stream, all checks and kept": {ExpireStreams: true, RecheckStreams: time.Hour, KeepToken: true},
	} {
		guard, err := interceptor.New(v, scopes.Methods{"/s.S/*": scopes.All("a")}, opts)
		if err != nil {
			t.Fatal(err)
		}
		printStream(t, p, name, guard, token)
		if p.count[name] == 0 {
			t.Errorf("%s: got no printed value, want some", name)
		}
	}
	for _, source := range []string{"KeySet.Key", "Config.Validate", "Verifier", "Observer", "handler", "handlers of the guard", "Options.Body", "proxied"} {
		if p.count[source] == 0 {
			t.Errorf("%s: got no printed value, want some", source)
		}
	}
}

// printHTTP prints the values of the HTTP guard, for an allowed and for a refused request.
func printHTTP(t *testing.T, p *handedPrinter, v bearer.Verifier, token string, observer bearer.Observer) {
	t.Helper()
	guard, err := middleware.New(v, &middleware.Options{
		Observer: observer, RemoveAuthorization: true, WebSocket: []string{"GET /things"},
		Headers: map[string]func(*bearer.Claims) string{"X-Subject": (*bearer.Claims).Subject},
		Body: func(_ *http.Request, refused middleware.Refusal) (string, []byte) {
			p.print("Options.Body", refused)
			return "text/plain", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.print("handler", w, r, r.Context(), r.Body) })
	proxy := guard.Proxy(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	proxy.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		p.print("proxied", r, r.Context())
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	all := scopes.All("a")
	table := new(scopes.Table)
	table.Handle("GET /things", all)
	match := func(*http.Request) string { return "GET /things" }
	for _, h := range []http.Handler{
		guard.Require(all)(handler), guard.Require(scopes.All("b"))(handler), guard.Enforce(table)(handler), guard.Enforce(table)(proxy),
		guard.EnforceRoutes(scopes.Routes{"GET /things": all}, match)(handler), guard.ForwardAuth(table),
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/things", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		h.ServeHTTP(httptest.NewRecorder(), r)
		p.print("handlers of the guard", h)
	}
}

// roundTrip is a function that implements http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// printStream prints the stream that a handler gets from a server of grpc-go.
func printStream(t *testing.T, p *handedPrinter, name string, guard *interceptor.Guard, token string) {
	t.Helper()
	conn := dialGRPCWith(t, guard, false, func(_ any, ss grpc.ServerStream) error {
		p.print(name, ss, ss.Context())
		return nil
	})
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token))
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/s.S/Watch")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&emptypb.Empty{}); err != io.EOF { //nolint:errorlint // gRPC returns io.EOF itself
		t.Errorf("%s: got error %v, want the end of the stream", name, err)
	}
}
