package interceptor_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// endOfStream returns nil for io.EOF, which marks the end of a stream. It returns other
// errors unchanged.
func endOfStream(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

var echoRules = scopes.Methods{say: scopes.All("say", "shout"), "/test.v1.Echo/*": scopes.Any("talk")}

func TestNewReportsAllAtOnce(t *testing.T) {
	var nilVerifier *bearer.JWTVerifier
	_, err := interceptor.New(nilVerifier, scopes.Methods{
		"Say": scopes.All("a"), "/a/b/c": scopes.All("a"), "/a.B/": scopes.All("a"), "/a.*/b": scopes.All("a"), "/a.B/C%2f": scopes.All("a"),
		"/ok.S/Zero": {}, "/ok.S/Empty": scopes.Any(), "/ok.S/Name": scopes.All("a b"), "/grpc.health.v1.Health/Check": scopes.All("ops"),
	}, &interceptor.Options{
		Realm: "a\"b", ResourceMetadata: "/relative", RecheckStreams: -time.Second,
		Include: []scopes.Methods{interceptor.Health(scopes.Public()), {"nonsense": scopes.Public()}},
	})
	if err == nil {
		t.Fatal("got a Guard, want an error")
	}
	for _, want := range []string{
		"verifier: nil", `"Say"`, `"/a/b/c"`, `"/a.B/"`, `"/a.*/b"`, `"/a.B/C%2f"`, `"/ok.S/Zero"`, `"/ok.S/Empty"`, `"/ok.S/Name"`, `"nonsense"`,
		"Options.Realm", "Options.ResourceMetadata", "Options.RecheckStreams: -1s",
		`"/grpc.health.v1.Health/Check": declared twice, with the rules scope "ops" and public; delete one of them`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant an error with %s", err, want)
		}
	}
	_, err = interceptor.New(newVerifier(t, newIssuer(t), nil), echoRules, &interceptor.Options{RecheckStreams: 30})
	if want := "Options.RecheckStreams: 30 is 30ns, which is too short; did you mean 30*time.Second?"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("RecheckStreams without a unit: got %v, want an error with %q", err, want)
	}
	if _, err := interceptor.New(nil, nil, nil); err == nil {
		t.Error("nil verifier: got a Guard, want an error")
	}
}

func TestNewCopies(t *testing.T) {
	issuer := newIssuer(t)
	rules, more := scopes.Methods{say: scopes.All("say")}, interceptor.Health(scopes.All("ops"))
	guard := newGuard(t, newVerifier(t, issuer, nil), rules, &interceptor.Options{Include: []scopes.Methods{more}})
	rules[say], rules[talk], more["/grpc.health.v1.Health/Check"] = scopes.Public(), scopes.Public(), scopes.Public()
	for _, method := range []string{say, talk, "/grpc.health.v1.Health/Check"} {
		if got := status.Code(unaryError(t.Context(), guard, method)); got != codes.Unauthenticated {
			t.Errorf("%s: got code %v, want code %v", method, got, codes.Unauthenticated)
		}
	}
}

// unaryError makes a unary call without a connection and returns the error of the guard.
func unaryError(ctx context.Context, guard *interceptor.Guard, method string) error {
	_, err := guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return "", nil })
	return err
}

// verdict contains everything that a client learns from a refusal. The zero verdict means
// that the call was allowed.
type verdict struct {
	code      codes.Code
	reason    string
	scope     string // "scope" and "missing_scope" in the ErrorInfo detail
	challenge string
	retry     time.Duration
}

// readVerdict reads a verdict from an error and the metadata of the same call.
func readVerdict(t *testing.T, err error, md metadata.MD) verdict {
	t.Helper()
	st := status.Convert(err)
	v := verdict{code: st.Code(), challenge: strings.Join(md.Get("www-authenticate"), "|")}
	for _, detail := range st.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			v.reason, v.scope = detail.GetReason(), detail.GetMetadata()["scope"]
			if missing := detail.GetMetadata()["missing_scope"]; missing != "" {
				v.scope += ", missing " + missing
			}
			if detail.GetDomain() != "github.com/bearerkit/bearer" {
				t.Errorf("got domain %q, want github.com/bearerkit/bearer", detail.GetDomain())
			}
		case *errdetails.RetryInfo:
			v.retry = detail.GetRetryDelay().AsDuration()
		default:
			t.Errorf("got a detail of type %T, want ErrorInfo or RetryInfo", detail)
		}
	}
	return v
}

const (
	bare         = `Bearer realm="api"`
	invalid      = bare + `, error="invalid_token", error_description="The access token is invalid"`
	insufficient = bare + `, error="insufficient_scope", error_description="The access token does not allow this"`
	notOne       = bare + `, error="invalid_request", error_description="The request must carry exactly one bearer token"`
)

func TestVerdicts(t *testing.T) {
	issuer, stranger := newIssuer(t), newIssuer(t)
	valid := issuer.Token(map[string]any{"sub": "ann", "scope": "say shout talk"})
	both := scopes.All("say", "shout")
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{say: both, "/test.v1.Echo/*": both}, nil)
	refused := func(reason, challenge string) verdict {
		return verdict{code: codes.Unauthenticated, reason: reason, challenge: challenge}
	}
	because := func(why string) string { return strings.Replace(invalid, "is invalid", why, 1) }
	for _, row := range []struct {
		name   string
		values []string
		want   verdict
	}{
		{"valid token", []string{"Bearer " + valid}, verdict{}},
		{"scheme in mixed case", []string{"bEARER   " + valid}, verdict{}},
		{"no token", nil, refused("NO_TOKEN", bare)},
		{"scheme Basic", []string{"Basic YTpi"}, refused("NO_TOKEN", bare)},
		{"two values of authorization", []string{"Bearer " + valid, "Bearer " + valid}, refused("REQUEST", notOne)},
		{"list of tokens in one value", []string{"Bearer " + valid + ",Bearer " + valid}, refused("REQUEST", notOne)},
		{"space after the token", []string{"Bearer " + valid + " "}, refused("REQUEST", notOne)},
		{"expired token", []string{"Bearer " + issuer.Token(map[string]any{"exp": time.Now().Add(-time.Minute)})}, refused("EXPIRED", because("expired"))},
		{"token signed with an unknown key", []string{"Bearer " + stranger.Token(nil)}, refused("INVALID_TOKEN", invalid)},
		{"token with a forged signature", []string{"Bearer " + issuer.Forge(nil, nil)}, refused("INVALID_TOKEN", invalid)},
		{"token for a different audience", []string{"Bearer " + issuer.Token(map[string]any{"aud": "other"})}, refused("AUDIENCE", because("is not meant for this resource"))},
		{"token that lacks both scopes", []string{"Bearer " + issuer.Token(map[string]any{"scope": "talk"})}, verdict{codes.PermissionDenied, "SCOPE", "say shout, missing say shout", insufficient + `, scope="say shout"`, 0}},
		{"token that lacks one of two scopes", []string{"Bearer " + issuer.Token(map[string]any{"scope": "say"})}, verdict{codes.PermissionDenied, "SCOPE", "say shout, missing shout", insufficient + `, scope="say shout"`, 0}},
	} {
		for where, on := range map[string]listenFunc{"bufconn": onBufconn, "loopback": onLoopback} {
			t.Run(row.name+"/"+where, func(t *testing.T) {
				conn, _ := connect(t, on, echo{}, guard.ServerOptions()...)
				text, header, err := callSay(t.Context(), conn, row.values...)
				if got := readVerdict(t, err, header); got != row.want || (err == nil) != (text == "ann") {
					t.Errorf("unary: got the answer %q and the verdict %+v, want the verdict %+v", text, got, row.want)
				}
				text, header, err = callTalk(t.Context(), t, conn, row.values...)
				if got := readVerdict(t, err, header); got != row.want || (err == nil) != (text == "ann") {
					t.Errorf("stream: got the answer %q and the verdict %+v, want the verdict %+v", text, got, row.want)
				}
				for _, value := range row.values {
					if err != nil && strings.Contains(err.Error(), value) {
						t.Errorf("got the token in the status %v, want a status without the token", err)
					}
				}
			})
		}
	}
}

// These types are custom claims with methods that panic.
type (
	badValidate struct{}
	badClone    struct{ Names []string }
)

func (badValidate) Validate() error { panic("hook") }
func (badClone) Clone() badClone    { panic("hook") }

func TestFaultsOfTheService(t *testing.T) {
	issuer := newIssuer(t)
	token := "Bearer " + issuer.Token(map[string]any{"scope": "talk"})
	ok := newVerifier(t, issuer, nil)
	panicking := func(context.Context) error { panic("hook") }
	for _, row := range []struct {
		name string
		v    bearer.Verifier
		rule scopes.Rule
		want verdict
	}{
		{"no keys", testkit.Refuse(&bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 7 * time.Second, Err: errors.New("secret detail")}), scopes.All(), verdict{codes.Unavailable, "KEYS_UNAVAILABLE", "", "", 7 * time.Second}},
		{"key not asked for", testkit.Refuse(&bearer.Error{Reason: bearer.KeyNotAsked, RetryAfter: 9 * time.Second, Err: errors.New("secret detail")}), scopes.All(), verdict{codes.Unavailable, "KEY_NOT_ASKED", "", "", 9 * time.Second}},
		{"no keys, no time to wait", testkit.Refuse(bearer.KeysUnavailable), scopes.All(), verdict{codes.Unavailable, "KEYS_UNAVAILABLE", "", "", 5 * time.Second}},
		{"error without a reason", testkit.Refuse(errors.New("secret detail")), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"no claims and no error", testkit.Refuse(nil), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in a verifier", bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { panic("hook") }), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in Config.Validate", newVerifier(t, issuer, func(c *bearer.Config) { c.Validate = func(context.Context, *bearer.Claims) error { panic("hook") } }), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in Config.Custom", newVerifier(t, issuer, func(c *bearer.Config) { c.Custom = func([]byte) (any, error) { panic("hook") } }), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in Validate of the custom claims", newVerifier(t, issuer, func(c *bearer.Config) { c.Custom = bearer.JSON[badValidate] }), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in Clone of the custom claims", newVerifier(t, issuer, func(c *bearer.Config) { c.Custom = bearer.JSON[badClone] }), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in an observer", newVerifier(t, issuer, func(c *bearer.Config) {
			c.Observer = bearer.ObserverFunc(func(context.Context, bearer.Event) { panic("hook") })
		}), scopes.All(), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"panic in a rule", ok, scopes.Func("hook", panicking), verdict{codes.Internal, "INTERNAL", "", "", 0}},
		{"error of a rule function", ok, scopes.Func("hook", func(context.Context) error { return errors.New("secret detail") }), verdict{codes.PermissionDenied, "SCOPE", "", insufficient, 0}},
		{"reason from a rule function", ok, scopes.Func("hook", func(context.Context) error { return bearer.Revoked }), verdict{codes.Unauthenticated, "REVOKED", "", strings.Replace(invalid, "is invalid", "was revoked", 1), 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			guard := newGuard(t, row.v, scopes.Methods{"/test.v1.Echo/*": row.rule}, nil)
			conn, _ := connect(t, onBufconn, echo{}, guard.ServerOptions()...)
			text, header, err := callSay(t.Context(), conn, token)
			if got := readVerdict(t, err, header); got != row.want || text != "" || strings.Contains(err.Error(), "secret detail") {
				t.Errorf("unary: got the answer %q and the verdict %+v (error: %v), want the verdict %+v", text, got, err, row.want)
			}
			text, header, err = callTalk(t.Context(), t, conn, token)
			if got := readVerdict(t, err, header); got != row.want || text != "" || strings.Contains(err.Error(), "secret detail") {
				t.Errorf("stream: got the answer %q and the verdict %+v (error: %v), want the verdict %+v", text, got, err, row.want)
			}
		})
	}
}

func TestPublicMethodsIgnoreTokens(t *testing.T) {
	guard := newGuard(t, testkit.Refuse(bearer.Internal), scopes.Methods{"/test.v1.Echo/*": scopes.Public()}, &interceptor.Options{ExpireStreams: true, KeepToken: true})
	conn, _ := connect(t, onBufconn, echo{}, guard.ServerOptions()...)
	for _, values := range [][]string{nil, {"Bearer x"}, {"a", "b"}} {
		if text, _, err := callSay(t.Context(), conn, values...); text != "anonymous" || err != nil {
			t.Errorf("unary: got the answer %q (error: %v), want anonymous", text, err)
		}
		if text, _, err := callTalk(t.Context(), t, conn, values...); text != "anonymous" || err != nil {
			t.Errorf("stream: got the answer %q (error: %v), want anonymous", text, err)
		}
	}
}

func TestStreamsAreRefusedBeforeTheHandler(t *testing.T) {
	guard := newGuard(t, newVerifier(t, newIssuer(t), nil), echoRules, nil)
	conn, _ := connect(t, onBufconn, echo{talk: func(grpc.ServerStream) error {
		t.Error("the handler was called, want a refusal")
		return nil
	}}, guard.ServerOptions()...)
	talking := openTalk(t.Context(), t, conn)
	if err := talking.RecvMsg(nil); status.Code(err) != codes.Unauthenticated {
		t.Errorf("got error %v before the client has sent a message, want %v", err, codes.Unauthenticated)
	}
}

func TestServerOptionsCompose(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), echoRules, nil)
	var order []string
	note := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			who, _ := subject(ctx)
			order = append(order, name+" sees "+who)
			return handler(ctx, req)
		}
	}
	opts := slices.Concat(
		[]grpc.ServerOption{grpc.UnaryInterceptor(note("single")), grpc.ChainUnaryInterceptor(note("before"))},
		guard.ServerOptions(),
		[]grpc.ServerOption{grpc.ChainUnaryInterceptor(note("after"))},
	)
	conn, _ := connect(t, onBufconn, echo{}, opts...)
	if _, _, err := callSay(t.Context(), conn, "Bearer "+issuer.Token(map[string]any{"sub": "ann", "scope": "say shout"})); err != nil {
		t.Fatal(err)
	}
	if _, _, err := callSay(t.Context(), conn); err == nil {
		t.Fatal("a call without a token got no error, want a refusal")
	}
	want := []string{"single sees anonymous", "before sees anonymous", "after sees ann", "single sees anonymous", "before sees anonymous"}
	if !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}

func TestOneEventPerCall(t *testing.T) {
	issuer := newIssuer(t)
	events := make(chan bearer.Event, 10)
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Observer = bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { events <- e })
	})
	guard := newGuard(t, v, echoRules, nil)
	conn, _ := connect(t, onBufconn, echo{}, guard.ServerOptions()...)
	token := "Bearer " + issuer.Token(map[string]any{"scope": "talk"})
	_, _, _ = callSay(t.Context(), conn, token)
	_, _, _ = callTalk(t.Context(), t, conn, token)
	for _, want := range []bearer.Event{{Route: say, Reason: bearer.MissingScope}, {Route: "/test.v1.Echo/*"}} {
		if got := <-events; got.Transport != "grpc" || got.Route != want.Route || got.Reason != want.Reason || got.Issuer != issuer.URL() {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if len(events) != 0 {
		t.Errorf("got the additional event %+v, want one event per call", <-events)
	}
}

func TestUnknownMethods(t *testing.T) {
	issuer := newIssuer(t)
	guard := newGuard(t, newVerifier(t, issuer, nil), scopes.Methods{"/test.v1.Echo/*": scopes.Public(), "/other.v1.Known/*": scopes.Public()}, nil)
	unknown := grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.Unimplemented, "unknown method") })
	plain, _ := connect(t, onBufconn, echo{}, guard.ServerOptions()...)
	guarded, _ := connect(t, onBufconn, echo{}, append(guard.ServerOptions(), unknown)...)
	token := "Bearer " + issuer.Token(map[string]any{"scope": "talk"})
	for _, row := range []struct {
		method                     string
		token                      []string
		wantPlain, wantWithHandler codes.Code
	}{
		{"/test.v1.Nothing/Say", nil, codes.Unimplemented, codes.Unauthenticated},
		{"/test.v1.Nothing/Say", []string{token}, codes.Unimplemented, codes.PermissionDenied},
		{"/test.v1.Echo/Nothing", nil, codes.Unimplemented, codes.Unimplemented}, // public by the rule of its service
		{"/test.v1.Echo/*", nil, codes.Unimplemented, codes.Unauthenticated},
		{"/other.v1.Known/A/B", nil, codes.Unimplemented, codes.Unauthenticated},
		{"//Say", nil, codes.Unimplemented, codes.Unauthenticated},
	} {
		for conn, want := range map[*grpc.ClientConn]codes.Code{plain: row.wantPlain, guarded: row.wantWithHandler} {
			err := conn.Invoke(outgoing(t.Context(), row.token), row.method, wrapperspb.String(""), new(wrapperspb.StringValue))
			if got := status.Code(err); got != want {
				t.Errorf("%s: got %v (%v), want %v", row.method, got, err, want)
			}
		}
	}
}

// TestKeysByDiscovery calls a guard with a key cache that finds the keys by discovery.
func TestKeysByDiscovery(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"ES256"}})
	defer issuer.Close()
	keys, err := jwks.Discover(issuer.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	guard := newGuard(t, newVerifier(t, issuer, func(c *bearer.Config) { c.Keys = keys }), echoRules, nil)
	conn, _ := connect(t, onLoopback, echo{}, guard.ServerOptions()...)
	if text, _, err := callTalk(t.Context(), t, conn, "Bearer "+issuer.Token(map[string]any{"sub": "ann", "scope": "talk"})); text != "ann" || err != nil {
		t.Errorf("got the answer %q (error: %v), want ann", text, err)
	}
}
