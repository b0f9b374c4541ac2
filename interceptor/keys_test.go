package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// slowCache returns a key cache. The argument "delay" is the time of each fetch of
// the cache. Use slowCache in a synctest bubble.
func slowCache(t *testing.T, issuer *bearertest.Issuer, delay time.Duration) *jwks.Cache {
	t.Helper()
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Delay: delay})
	keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() }) //nolint:errcheck // the test has ended
	return keys
}

// TestCallersWaitIndependently lets three callers wait for the same keys. The first caller
// reaches its deadline. The second caller cancels its call. The third caller must still get
// an answer.
func TestCallersWaitIndependently(t *testing.T) {
	type caller struct {
		name    string
		limit   time.Duration // the time until the deadline or the cancellation
		cancels bool          // the caller cancels its call and sets no deadline
		want    codes.Code
		after   time.Duration
	}
	callers := []caller{
		{"deadline", 500 * time.Millisecond, false, codes.DeadlineExceeded, 500 * time.Millisecond},
		{"cancels", 700 * time.Millisecond, true, codes.Canceled, 700 * time.Millisecond},
		{"patient", time.Minute, false, codes.OK, 1500 * time.Millisecond},
	}
	for kind, call := range map[string]func(context.Context, *testing.T, *grpc.ClientConn, string) error{
		"unary": func(ctx context.Context, _ *testing.T, conn *grpc.ClientConn, token string) error {
			_, _, err := callSay(ctx, conn, token)
			return err
		},
		"stream": func(ctx context.Context, t *testing.T, conn *grpc.ClientConn, token string) error {
			t.Helper()
			_, _, err := callTalk(ctx, t, conn, token)
			return err
		},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				keys := slowCache(t, issuer, 1500*time.Millisecond)
				events := make(chan string, len(callers)) // the observer's events
				guard := newGuard(t, newVerifier(t, issuer, func(c *bearer.Config) {
					c.Keys = keys
					c.Observer = bearer.ObserverFunc(func(ctx context.Context, e bearer.Event) {
						events <- fmt.Sprintf("%s, abandoned: %t", e.Reason, e.Abandoned(ctx))
					})
				}), scopes.Methods{"/test.v1.Echo/*": scopes.All()}, nil)
				served := make(chan codes.Code, len(callers)) // the codes that an interceptor before the guard gets
				opts := append([]grpc.ServerOption{
					grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
						answer, err := handler(ctx, req)
						served <- status.Code(err)
						return answer, err
					}),
					grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
						err := handler(srv, ss)
						served <- status.Code(err)
						return err
					}),
				}, guard.ServerOptions()...)
				conn, stop := connect(t, onBufconn, echo{}, opts...)
				defer stop()
				token, start := "Bearer "+issuer.Token(nil), time.Now()
				for _, c := range callers {
					go func() {
						ctx, cancel := context.WithTimeout(t.Context(), c.limit)
						if c.cancels {
							ctx, cancel = context.WithCancel(t.Context())
							time.AfterFunc(c.limit, cancel)
						}
						defer cancel()
						err := call(ctx, t, conn, token)
						if got, after := status.Code(err), time.Since(start); got != c.want || after != c.after {
							t.Errorf("%s: got error %v after %v, want code %v after %v", c.name, err, after, c.want, c.after)
						}
					}()
				}
				for _, c := range callers {
					// At the deadline, either the client cancels the stream first or the
					// server's own timer ends the call first. So the test allows both
					// codes.
					if got := <-served; got != c.want && (got != codes.Canceled || c.want != codes.DeadlineExceeded) {
						t.Errorf("%s: got %v on the server, want %v", c.name, got, c.want)
					}
				}
				for _, want := range []string{"keys_unavailable, abandoned: true", "keys_unavailable, abandoned: true", ", abandoned: false"} {
					if got := <-events; got != want {
						t.Errorf("got the event %q, want %q", got, want)
					}
				}
				synctest.Wait()
				// If the issuer takes longer than 1 s, the cache starts a second fetch.
				if got := issuer.Fetches(bearertest.KeysEndpoint); got > 2 {
					t.Errorf("got %d fetches, want at most 2 fetches for all callers", got)
				}
			})
		})
	}
}

// TestOutage checks that a call gets Unavailable within 2 s if the issuer does not answer.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		keys := slowCache(t, issuer, time.Hour)
		guard := newGuard(t, newVerifier(t, issuer, func(c *bearer.Config) { c.Keys = keys }), echoRules, nil)
		conn, stop := connect(t, onBufconn, echo{}, guard.ServerOptions()...)
		defer stop()
		start := time.Now()
		_, header, err := callSay(t.Context(), conn, "Bearer "+issuer.Token(nil))
		got := readVerdict(t, err, header)
		if got.code != codes.Unavailable || got.reason != "KEYS_UNAVAILABLE" || got.challenge != "" || got.retry <= 0 || time.Since(start) > 2*time.Second {
			t.Errorf("got %+v after %v, want %v and a time to wait, within 2s", got, time.Since(start), codes.Unavailable)
		}
	})
}

// TestExpiryDuringAnOutage checks that a stream ends when its token expires, even if the
// verifier hangs or has no keys.
func TestExpiryDuringAnOutage(t *testing.T) {
	for name, silent := range map[string]func(context.Context) error{
		"hangs":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"no keys": func(context.Context) error { return bearer.KeysUnavailable },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				start := time.Now()
				token := issuer.Token(map[string]any{"scope": "talk", "exp": start.Add(lifetime)})
				genuine := newVerifier(t, issuer, nil)
				v := bearer.VerifierFunc(func(ctx context.Context, raw string) (*bearer.Claims, error) {
					if time.Since(start) >= lifetime {
						return nil, silent(ctx)
					}
					return genuine.Verify(ctx, raw)
				})
				guard := newGuard(t, v, echoRules, &interceptor.Options{ExpireStreams: true})
				conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error { return handleRecv(nil, ss) }}, guard.ServerOptions()...)
				defer stop()
				err := drain(openTalk(t.Context(), t, conn, "Bearer "+token))
				if got := readVerdict(t, err, nil); got.code != codes.Unauthenticated || got.reason != "EXPIRED" || time.Since(start) > lifetime+time.Second {
					t.Errorf("got %+v after %v, want the reason EXPIRED after at most %v", got, time.Since(start), lifetime+time.Second)
				}
			})
		})
	}
}

// TestNilVerifiers checks that New returns an error for every kind of nil verifier.
func TestNilVerifiers(t *testing.T) {
	for _, v := range []bearer.Verifier{nil, (*bearer.JWTVerifier)(nil), (*bearer.Issuers)(nil), bearer.VerifierFunc(nil)} {
		if _, err := interceptor.New(v, nil, nil); err == nil || errors.Is(err, bearer.Internal) {
			t.Errorf("%T: New returned %v, want an error", v, err)
		}
	}
}
