package interceptor_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// reasons takes the events out of the recorder and returns their reasons. For an allowed call,
// the reason is "ok".
func reasons(t *testing.T, of *testkit.Recorder, route string) string {
	t.Helper()
	var reasons []string
	for _, e := range of.Take() {
		if e.Transport != "grpc" || e.Route != route {
			t.Errorf("got an event with transport %s and route %s, want transport grpc and route %s", e.Transport, e.Route, route)
		}
		if e.Reason == "" {
			e.Reason = "ok"
		}
		reasons = append(reasons, string(e.Reason))
	}
	return strings.Join(reasons, " ")
}

// TestOptionsObserver checks that Options.Observer receives each outcome once, and that the
// verifier's observer receives no outcome. Checks of an open stream have outcomes too.
func TestOptionsObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, verifiers := newIssuer(t), new(testkit.Recorder)
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer = verifiers })
		for name, verifier := range map[string]bearer.Verifier{"a verifier": v, "a function that calls a verifier": bearer.VerifierFunc(v.Verify)} {
			guards := new(testkit.Recorder)
			guard := newGuard(t, verifier, scopes.Methods{say: scopes.All("say"), talk: scopes.All("talk")}, &interceptor.Options{
				Observer: guards, RecheckStreams: time.Minute,
			})
			bearerOf := func(scope string) string {
				return "Bearer " + issuer.Token(map[string]any{"scope": scope, "exp": time.Now().Add(150 * time.Second)})
			}
			for scope, want := range map[string]string{"say": "ok", "talk": "scope"} {
				_ = callUnary(t.Context(), guard, say, metadata.MD{"authorization": {bearerOf(scope)}})
				if got := reasons(t, guards, say); got != want {
					t.Errorf("%s, unary with %s: got %q, want %q", name, scope, got, want)
				}
			}
			_ = callUnary(t.Context(), guard, say, nil)
			if got := reasons(t, guards, say); got != "no_token" {
				t.Errorf("%s, unary without a token: got %q, want no_token", name, got)
			}
			// The token expires after 150 s. So it is valid when the stream opens, after 1 min
			// and after 2 min, and it is not valid after 3 min.
			ss := &contextStream{ctx: incoming(t.Context(), bearerOf("talk"))}
			err := guard.Stream(nil, ss, &grpc.StreamServerInfo{FullMethod: talk}, func(_ any, ss grpc.ServerStream) error {
				<-ss.Context().Done()
				return nil
			})
			if got := reasons(t, guards, talk); got != "ok ok ok expired" || err == nil {
				t.Errorf("%s, stream: got %q and error %v, want \"ok ok ok expired\" and an error", name, got, err)
			}
			if got := verifiers.Take(); len(got) != 0 {
				t.Errorf("%s: got %+v in the verifier's observer, want no event", name, got)
			}
		}
	})
}

// TestNilObserver checks that New returns an error if the observer is nil, is an empty list
// or contains nil.
func TestNilObserver(t *testing.T) {
	for name, observer := range map[string]bearer.Observer{"pointer": (*testkit.Recorder)(nil), "function": bearer.ObserverFunc(nil), "list": bearer.Observers{nil}, "empty list": bearer.Observers{}} {
		_, err := interceptor.New(testkit.Refuse(bearer.Internal), nil, &interceptor.Options{Observer: observer})
		if err == nil || !strings.Contains(err.Error(), "Options.Observer") {
			t.Errorf("%s: got %v, want an error about Options.Observer", name, err)
		}
	}
}
