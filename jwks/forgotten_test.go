package jwks_test

import (
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// The refreshers of caches that the program forgets end, and each of them logs one warning. This
// test needs real time, because the garbage collector runs outside of a synctest bubble.
func TestForgottenCaches(t *testing.T) {
	want(t, "refreshers of earlier tests", waitForRefreshers(0), 0)
	jwks.ForgetForgotten()
	var logs testkit.Buffer
	const n = 30 // more than the log may have records in a minute
	kept := forget(t, n, slog.New(slog.NewTextHandler(&logs, nil)))
	want(t, "refreshers", waitForRefreshers(1), 1) // the refresher of kept
	want(t, "warnings", strings.Count(logs.String(), "was not closed"), 20)
	if err := kept.Refresh(t.Context()); err != nil {
		t.Errorf("Refresh of the cache that is in use: %v", err)
	}
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
	want(t, "refreshers after Close", waitForRefreshers(0), 0)
	want(t, "warnings after Close", strings.Count(logs.String(), "was not closed"), 20)
}

// waitForRefreshers collects garbage until there are only n goroutines of caches, and returns their
// number. It waits at most about 2 s.
func waitForRefreshers(n int) (got int) {
	stacks := make([]byte, 4<<20)
	for range 200 {
		runtime.GC()
		got = strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "jwks.(*core).run(")
		if got == n {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return got
}

// forget creates n caches that nothing refers to afterwards, and one cache that it returns.
func forget(t *testing.T, n int, log *slog.Logger) (kept *jwks.Cache) {
	t.Helper()
	for range n + 1 {
		o := options(newIssuer(ecKey("a")))
		o.Logger = log
		o.Observe = func(jwks.Event) {}
		o.Store = &memoryStore{}
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = c.Keyfunc()
		kept = c
	}
	return kept
}

// A call that waits keeps its cache alive, even if the caller does not use the cache afterwards.
func TestForgottenWhileWaiting(t *testing.T) {
	i := newIssuer(ecKey("a"))
	i.delay = 200 * time.Millisecond
	calls := map[string]func(*jwks.Cache) error{
		"Ready":   func(c *jwks.Cache) error { return c.Ready(t.Context()) },
		"Refresh": func(c *jwks.Cache) error { return c.Refresh(t.Context()) },
		"Key":     func(c *jwks.Cache) error { _, err := c.Key(t.Context(), "a", "ES256"); return err },
		"Keyfunc": func(c *jwks.Cache) error {
			_, err := c.Keyfunc()(&jwt.Token{Header: map[string]any{"alg": "ES256", "kid": "a"}, Claims: jwt.MapClaims{"iss": "https://issuer.test"}})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			done := make(chan error)
			go func() {
				c, err := jwks.New(keySetURL, options(i))
				if err == nil {
					err = call(c)
				}
				done <- err
			}()
			for {
				select {
				case err := <-done:
					want(t, "error", err, nil)
					return
				case <-time.After(5 * time.Millisecond):
					runtime.GC()
				}
			}
		})
	}
}
