package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// 200 goroutines look up 10,000 invented kids in 2 s. Valid lookups continue.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 50 * time.Millisecond
		c := newCache(t, i)
		want(t, "before", keyVerdict(t, c, "a"), "ok")
		var refused atomic.Int64
		var wg sync.WaitGroup
		for g := range 200 {
			wg.Go(func() {
				for n := range 50 {
					start := time.Now()
					if got := keyVerdict(t, c, fmt.Sprintf("forged-%d-%d", g, n)); got != "unknown" {
						t.Errorf("verdict of a forged kid: got %s, want unknown", got)
					}
					if d := time.Since(start); d > 2*time.Second {
						t.Errorf("wait for a forged kid: got %v, want at most 2 s", d)
					}
					time.Sleep(40 * time.Millisecond)
				}
			})
		}
		wg.Go(func() {
			for range 2000 {
				start := time.Now()
				if keyVerdict(t, c, "a") != "ok" {
					refused.Add(1)
				}
				// In a bubble, time advances only while all goroutines wait. examples/drill
				// measures latency on a real clock.
				want(t, "wait of a valid request", time.Since(start), 0)
				time.Sleep(time.Millisecond)
			}
		})
		wg.Wait()
		want(t, "valid requests refused", refused.Load(), 0)
		if n := i.fetches(); n > 3 {
			t.Errorf("fetches: got %d, want at most 3", n)
		}
		want(t, "concurrent fetches", i.maxConcurrent(), 1)
	})
}

// refusedAfterRotation runs 20 callers for 1 s. Each makes 10 requests with tokens under
// kid. It returns how many tokens were refused.
func refusedAfterRotation(t *testing.T, c *jwks.Cache, kid string) (refused int64) {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 10 {
				if keyVerdict(t, c, kid) != "ok" {
					n.Add(1)
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	return n.Load()
}

func TestRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 50 * time.Millisecond
		c := newCache(t, i)
		want(t, "before", keyVerdict(t, c, "a"), "ok")
		for n, kid := range []string{"b", "c", "d", "e"} {
			before := i.fetches()
			i.publish(ecKey(kid))
			want(t, fmt.Sprintf("refused tokens at rotation %d", n+1), refusedAfterRotation(t, c, kid), 0)
			want(t, fmt.Sprintf("fetches at rotation %d", n+1), i.fetches()-before, 1)
			time.Sleep(3 * time.Second)
		}
		if _, err := c.Lookup("a", "ES256"); verdict(err) != "unknown" {
			t.Errorf("first key: got %v, want unknown", err)
		}
	})
}

// A new key is found within 10 s during a flood that does not end, and the flood does not
// cause more fetches than the limit allows.
func TestRotationInFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 50 * time.Millisecond
		c := newCache(t, i, func(o *jwks.Options) { o.MinInterval, o.MaxInterval = time.Hour, time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for g := range 50 {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					keyVerdict(t, c, fmt.Sprintf("forged-%d-%d", g, n)) //nolint:contextcheck // ctx ends the loop, not a lookup
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		time.Sleep(20 * time.Second)
		if n := i.fetches(); n > 1+2+3 {
			t.Errorf("fetches in 20 s: got %d, want at most 6", n)
		}
		for round := range 5 {
			kid := fmt.Sprintf("new-%d", round)
			i.publish(ecKey(kid))
			start := time.Now()
			for keyVerdict(t, c, kid) != "ok" {
				time.Sleep(10 * time.Millisecond)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("new key in a flood: accepted after %v, want at most 10 s", d)
			}
			time.Sleep(time.Duration(round) * 3 * time.Second)
		}
		cancel()
		wg.Wait()
	})
}

// Two nodes of an issuer publish different keys and answer in turn, so that each fetch
// brings a new key.
func TestNodesDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := [][]byte{document(ecKey("a")), document(ecKey("b"))}
		i := &issuer{delay: 20 * time.Millisecond}
		i.answer = func(req *http.Request) *http.Response {
			return response(req, http.StatusOK, nil, docs[len(i.requests)%2])
		}
		c := newCache(t, i)
		time.Sleep(time.Second)
		accepted := map[string]int{}
		for n := range 4000 {
			kid := []string{"a", "b"}[n%2]
			if keyVerdict(t, c, kid) == "ok" {
				accepted[kid]++
			}
			time.Sleep(5 * time.Millisecond)
		}
		if n := i.fetches(); n > 1+10+2+20 {
			t.Errorf("fetches in 20 s: got %d, want about one per second after the first fetches", n)
		}
		if accepted["a"] < 500 || accepted["b"] < 500 {
			t.Errorf("accepted of 2,000 tokens per key: got %v, want at least 500 each", accepted)
		}
	})
}

func TestIssuerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		want(t, "before", keyVerdict(t, c, "a"), "ok")
		i.set(func(i *issuer) { i.hang = true })
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 100 * time.Millisecond)
				start := time.Now()
				want(t, "verdict of an unknown kid", keyVerdict(t, c, "b"), "unavailable")
				if d := time.Since(start); d > 2*time.Second {
					t.Errorf("wait for an unknown kid: got %v, want at most 2 s", d)
				}
				start = time.Now()
				want(t, "verdict of a known kid", keyVerdict(t, c, "a"), "ok")
				want(t, "wait for a known kid", time.Since(start), 0)
			})
		}
		wg.Wait()
		want(t, "concurrent fetches", i.maxConcurrent(), 1)
		// A wrong signature is refused, even while the issuer does not answer.
		keys, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Key(t.Context(), "a", "ES256", keys...)
		want(t, "wrong signature", verdict(err), "unknown")
		i.set(func(i *issuer) { i.hang = false })
		i.publish(ecKey("b"))
		time.Sleep(13 * time.Second) // the rest of a hanging fetch, and the cool-down
		want(t, "new key after the issuer's return", keyVerdict(t, c, "b"), "ok")
	})
}

// A caller whose context ends stops waiting. The other callers keep waiting.
func TestCallerCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.publish(ecKey("b"))
		i.set(func(i *issuer) { i.delay = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "second caller", keyVerdict(t, c, "b"), "ok") })
		start := time.Now()
		_, err := c.Key(ctx, "b", "ES256")
		want(t, "first caller", verdict(err), "canceled")
		want(t, "wait of the first caller", time.Since(start), 100*time.Millisecond)
		wg.Wait()
		want(t, "fetches", i.fetches(), 2)
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, func(o *jwks.Options) { o.MinInterval, o.MaxInterval = time.Second, time.Second })
		i.set(func(i *issuer) { i.down = true })
		before := i.fetches()
		for range 15_000 {
			if got := keyVerdict(t, c, "a"); got != "ok" {
				t.Fatalf("known kid in the outage: got %s, want ok", got)
			}
			time.Sleep(time.Millisecond)
		}
		if n := i.fetches() - before; n < 3 || n > 5 {
			t.Errorf("attempts in 15 s: got %d, want 3 to 5", n)
		}
		_, err := c.Key(t.Context(), "b", "ES256")
		want(t, "unknown kid in the outage", verdict(err), "unavailable")
		s := c.Status()
		if !s.Ready || s.Stale || s.LastError == nil || s.Failures < 3 || s.Age < 14*time.Second {
			t.Errorf("status in the outage: got %+v, want keys, the error and the age", s)
		}
		i.set(func(i *issuer) { i.down = false })
		time.Sleep(time.Minute)
		if s := c.Status(); s.LastError != nil || s.Failures != 0 {
			t.Errorf("status after the outage: got %+v, want no error and no failures", s)
		}
	})
}

// After MaxStale, keys are unavailable and no token is refused as unknown. The first
// request after the issuer's return is served.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale = time.Hour; o.Observe = events.add })
		i.set(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour - time.Second)
		want(t, "1 s before MaxStale", keyVerdict(t, c, "a"), "ok")
		time.Sleep(time.Second)
		want(t, "at MaxStale", keyVerdict(t, c, "a"), "unavailable")
		want(t, "at MaxStale, unknown kid", keyVerdict(t, c, "x"), "unavailable")
		if s := c.Status(); s.Ready || !s.Stale {
			t.Errorf("status: got %+v, want Stale and not Ready", s)
		}
		time.Sleep(time.Hour)
		want(t, "WentStale events", events.count(jwks.WentStale), 1)
		i.set(func(i *issuer) { i.down = false })
		want(t, "first request after the return", keyVerdict(t, c, "a"), "ok")
	})
}

// LookupAt compares both clocks of the given time with MaxStale.
func TestLookupAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, newIssuer(ecKey("a")), func(o *jwks.Options) { o.MaxStale = time.Hour })
		now := time.Now()
		for _, tt := range []struct {
			name, kid string
			at        time.Time
			want      string
		}{
			{"now", "a", now, "ok"},
			{"now, unknown kid", "b", now, "unknown"},
			{"before MaxStale", "a", now.Add(time.Hour - 1), "ok"},
			{"at MaxStale", "a", now.Add(time.Hour), "unavailable"},
			{"at MaxStale, wall clock only", "a", now.Add(time.Hour).Round(0), "unavailable"},
		} {
			_, err := c.LookupAt(tt.kid, "ES256", tt.at)
			want(t, tt.name, verdict(err), tt.want)
		}
	})
}

// The issuer publishes new material under an old kid. A signature that does not verify
// causes a fetch, within the limit on fetches.
func TestSameIDNewMaterial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		old, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		i.publish(ecKey("a"))
		keys, err := c.Key(t.Context(), "a", "ES256", old...)
		if err != nil || len(keys) != 1 || keys[0] == old[0] {
			t.Fatalf("after the change: got %v, %v, want the new key", keys, err)
		}
		// Another caller that still holds the old key needs no fetch.
		before := i.fetches()
		again, err := c.Key(t.Context(), "a", "ES256", old...)
		if err != nil || again[0] != keys[0] || i.fetches() != before {
			t.Errorf("second caller: got %v, %v and %d fetches, want the new key without a fetch", again, err, i.fetches()-before)
		}
		// Forged signatures do not cause more fetches than the limit allows.
		for range 1000 {
			_, err := c.Key(t.Context(), "a", "ES256", keys...)
			want(t, "forged signature", verdict(err), "unknown")
		}
		if n := i.fetches() - before; n > 2 {
			t.Errorf("fetches for forged signatures: got %d, want at most 2", n)
		}
	})
}

func TestWithdrawal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := ecKey("a"), ecKey("b")
		i := newIssuer(a, b)
		c := newCache(t, i)
		first, _ := c.Lookup("a", "ES256")
		i.publish(a)
		time.Sleep(5 * time.Minute)
		_, err := c.Lookup("b", "ES256")
		want(t, "withdrawn key", verdict(err), "unknown")
		second, err := c.Lookup("a", "ES256")
		if err != nil || second[0] != first[0] {
			t.Errorf("remaining key: got %v, %v, want the same pointer", second, err)
		}
		// With another alg or issuer, the key is a different key.
		i.publish(a.with("alg", "ES256", "issuer", "https://other.test"))
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		third, err := c.Lookup("a", "ES256")
		if err != nil || third[0] == first[0] || third[0].Issuer() != "https://other.test" {
			t.Errorf("key with another issuer: got %v, %v, want another pointer", third, err)
		}
	})
}
