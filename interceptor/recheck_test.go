package interceptor_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
)

func TestRecheckStreams(t *testing.T) {
	invalidated := func(err error, from int32) func(*bearer.Config) {
		var calls atomic.Int32
		return func(c *bearer.Config) {
			c.Validate = func(context.Context, *bearer.Claims) error {
				if calls.Add(1) < from {
					return nil
				}
				return err
			}
		}
	}
	panicking := func(c *bearer.Config) {
		var calls atomic.Int32
		c.Validate = func(context.Context, *bearer.Claims) error {
			if calls.Add(1) > 1 {
				panic("hook")
			}
			return nil
		}
	}
	revoked := verdict{codes.Unauthenticated, "REVOKED", "", strings.Replace(invalid, "is invalid", "was revoked", 1), 0}
	for _, row := range []struct {
		name   string
		every  time.Duration
		change func(*bearer.Config)
		want   verdict
		after  time.Duration
	}{
		{"token revoked", time.Minute, invalidated(bearer.Revoked, 4), revoked, 3 * time.Minute},
		{"keys unavailable", time.Minute, invalidated(&bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: time.Second}, 2), verdict{codes.Unavailable, "KEYS_UNAVAILABLE", "", "", time.Second}, time.Minute},
		{"panic in Validate", time.Minute, panicking, verdict{codes.Internal, "INTERNAL", "", "", 0}, time.Minute},
		{"token expired", 4 * time.Minute, nil, expired, 12 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, want := runStream(t, interceptor.Options{RecheckStreams: row.every}, row.change, handleRecv, drain), ending{row.after, row.after, row.want}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestVerifiersThatHang checks that a verifier that hangs during a recheck does not keep the
// stream open, even if the verifier ignores its context.
func TestVerifiersThatHang(t *testing.T) {
	const rechecked = 3 * time.Minute
	unavailable := verdict{codes.Unavailable, "KEYS_UNAVAILABLE", "", "", 5 * time.Second}
	for _, row := range []struct {
		name    string
		opts    interceptor.Options
		ignores bool // the verifier ignores the end of its context
		want    verdict
		end     time.Duration
	}{
		{"check at expiry", interceptor.Options{ExpireStreams: true}, false, expired, lifetime + time.Second},
		{"check at expiry, context ignored", interceptor.Options{ExpireStreams: true}, true, expired, lifetime + time.Second},
		{"recheck at an interval", interceptor.Options{RecheckStreams: rechecked}, false, unavailable, 2 * rechecked},
		{"recheck at an interval, context ignored", interceptor.Options{RecheckStreams: rechecked}, true, unavailable, 2 * rechecked},
		{"recheck that still runs at expiry", interceptor.Options{ExpireStreams: true, RecheckStreams: lifetime - time.Minute}, true, expired, lifetime + time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, start := newIssuer(t), time.Now()
				var calls atomic.Int32
				cured := make(chan struct{})
				genuine := newVerifier(t, issuer, nil)
				v := bearer.VerifierFunc(func(ctx context.Context, raw string) (*bearer.Claims, error) {
					if calls.Add(1) == 1 {
						return genuine.Verify(ctx, raw)
					}
					if row.ignores {
						ctx = context.WithoutCancel(ctx)
					}
					select {
					case <-ctx.Done():
						return nil, ctx.Err()
					case <-cured:
						return nil, bearer.Revoked
					}
				})
				guard := newGuard(t, v, echoRules, &row.opts)
				conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error { return handleRecv(nil, ss) }}, guard.ServerOptions()...)
				defer stop()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
				defer cancel()
				talking := openTalk(ctx, t, conn, "Bearer "+issuer.Token(map[string]any{"scope": "talk", "exp": start.Add(lifetime)}))
				err := drain(talking)
				header, _ := talking.Header()
				if got := readVerdict(t, err, header); got != row.want || time.Since(start) != row.end {
					t.Errorf("got %+v after %v, want %+v after %v", got, time.Since(start), row.want, row.end)
				}
				close(cured)
				synctest.Wait()
				checkNoLease(t)
			})
		})
	}
}

// TestCanceledRecheck checks a handler that returns during a recheck. This return
// cancels the recheck, and the canceled recheck must not count as a refusal.
func TestCanceledRecheck(t *testing.T) {
	var calls atomic.Int32
	hanging := func(c *bearer.Config) {
		c.Validate = func(ctx context.Context, _ *bearer.Claims) error {
			if calls.Add(1) == 1 {
				return nil
			}
			<-ctx.Done()
			return bearer.Revoked
		}
	}
	briefly := func(any, grpc.ServerStream) error {
		time.Sleep(90 * time.Second)
		return nil
	}
	got := runStream(t, interceptor.Options{RecheckStreams: time.Minute}, hanging, briefly, drain)
	if want := (ending{90 * time.Second, 90 * time.Second, verdict{}}); got != want || calls.Load() != 2 {
		t.Errorf("got %+v after %d checks, want %+v after 2 checks", got, calls.Load(), want)
	}
}
