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

// During a flood, 200 goroutines look up 10,000 invented kids in 2 s. Lookups of the published
// key still succeed, without a wait.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 50 * time.Millisecond
		c := newCache(t, i)
		want(t, "lookup before the flood", keyOutcome(t, c, "a"), "ok")
		var refused, answered, notAsked atomic.Int64
		var wg sync.WaitGroup
		for g := range 200 {
			wg.Go(func() {
				for n := range 50 {
					start := time.Now()
					switch got := kidOutcome(t, c, fmt.Sprintf("forged-%d-%d", g, n)); got {
					case "unknown":
						answered.Add(1)
					case "not asked":
						notAsked.Add(1)
					default:
						t.Errorf("lookup of an invented kid: got %s, want unknown or not asked", got)
					}
					if d := time.Since(start); d > 2*time.Second {
						t.Errorf("wait for an invented kid: got %v, want at most 2 s", d)
					}
					time.Sleep(40 * time.Millisecond)
				}
			})
		}
		wg.Go(func() {
			for range 2000 {
				start := time.Now()
				if keyOutcome(t, c, "a") != "ok" {
					refused.Add(1)
				}
				// In a synctest bubble, time advances only while all goroutines wait, so this
				// check cannot find slow code. internal/bench/incidents measures the latency.
				want(t, "wait for the published key", time.Since(start), 0)
				time.Sleep(time.Millisecond)
			}
		})
		wg.Wait()
		want(t, "failed lookups of the published key", refused.Load(), 0)
		// Two fetches without a pause have answered the lookups that began before them.
		if n := answered.Load(); n == 0 || n > 400 || n+notAsked.Load() != 10_000 {
			t.Errorf("lookups of invented kids: got %d unknown and %d not asked, want 1 to 400 unknown, and 10,000 in total", n, notAsked.Load())
		}
		if n := i.fetches(); n > 3 {
			t.Errorf("fetches: got %d, want at most 3", n)
		}
		want(t, "concurrent fetches", i.maxConcurrent(), 1)
	})
}

// failedLookups runs 20 goroutines for 1 s. Each goroutine looks up kid 10 times. The result is
// the number of lookups that failed.
func failedLookups(t *testing.T, c *jwks.Cache, kid string) int64 {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 10 {
				if keyOutcome(t, c, kid) != "ok" {
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
		want(t, "lookup before the rotations", keyOutcome(t, c, "a"), "ok")
		for n, kid := range []string{"b", "c", "d", "e"} {
			fetchesBefore := i.fetches()
			i.publish(ecKey(kid))
			want(t, fmt.Sprintf("failed lookups after rotation %d", n+1), failedLookups(t, c, kid), 0)
			want(t, fmt.Sprintf("fetches after rotation %d", n+1), i.fetches()-fetchesBefore, 1)
			time.Sleep(3 * time.Second)
		}
		if _, err := c.Lookup("a", "ES256"); outcome(err) != "unknown" {
			t.Errorf("lookup of the first key after all rotations: got %v, want ErrUnknownKey", err)
		}
	})
}

// During a flood of invented kids that does not end, the cache finds a new key within 10 s.
// The flood does not cause more fetches than Options.CoolDown allows.
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
					keyOutcome(t, c, fmt.Sprintf("forged-%d-%d", g, n)) //nolint:contextcheck // ctx limits the loop and not the lookup
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		time.Sleep(20 * time.Second)
		if n := i.fetches(); n > 1+2+3 {
			t.Errorf("fetches in 20 s of the flood: got %d, want at most 6", n)
		}
		for round := range 5 {
			kid := fmt.Sprintf("new-%d", round)
			i.publish(ecKey(kid))
			start := time.Now()
			for keyOutcome(t, c, kid) != "ok" {
				time.Sleep(10 * time.Millisecond)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("time until the new key is found: got %v, want at most 10 s", d)
			}
			time.Sleep(time.Duration(round) * 3 * time.Second)
		}
		cancel()
		wg.Wait()
	})
}

// Two servers of an issuer publish different keys and answer alternately. So each fetch brings
// a new key.
func TestServersDisagree(t *testing.T) {
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
			if keyOutcome(t, c, kid) == "ok" {
				accepted[kid]++
			}
			time.Sleep(5 * time.Millisecond)
		}
		if n := i.fetches(); n > 1+10+2+20 {
			t.Errorf("fetches in 20 s: got %d, want at most 33", n)
		}
		if accepted["a"] < 500 || accepted["b"] < 500 {
			t.Errorf("successful lookups, of 2,000 per key: got %v, want at least 500 per key", accepted)
		}
	})
}

func TestIssuerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		want(t, "lookup before the issuer hangs", keyOutcome(t, c, "a"), "ok")
		i.update(func(i *issuer) { i.hang = true })
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 100 * time.Millisecond)
				start := time.Now()
				want(t, "lookup of an unknown kid", keyOutcome(t, c, "b"), "unavailable")
				if d := time.Since(start); d > 2*time.Second {
					t.Errorf("wait for an unknown kid: got %v, want at most 2 s", d)
				}
				start = time.Now()
				want(t, "lookup of a known kid", keyOutcome(t, c, "a"), "ok")
				want(t, "wait for a known kid", time.Since(start), 0)
			})
		}
		wg.Wait()
		want(t, "concurrent requests", i.maxConcurrent(), 2) // the second request of a fetch
		if n := i.fetches(); n > 1+3+1 {
			t.Errorf("requests in 12 s: got %d, want at most 5", n)
		}
		// If no key verifies the signature, the error is ErrUnknownKey, even while the issuer
		// hangs.
		keys, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Key(t.Context(), "a", "ES256", keys...)
		want(t, "outcome of Key after all keys were tried", outcome(err), "unknown")
		i.update(func(i *issuer) { i.hang = false })
		i.publish(ecKey("b"))
		time.Sleep(13 * time.Second) // until the fetch in flight and the cool-down have ended
		want(t, "lookup of a new key after the issuer's return", keyOutcome(t, c, "b"), "ok")
	})
}

// A caller whose context ends stops waiting. The other callers keep waiting.
func TestCallerCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.publish(ecKey("b"))
		i.update(func(i *issuer) { i.delay = 900 * time.Millisecond })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "outcome for the second caller", keyOutcome(t, c, "b"), "ok") })
		start := time.Now()
		_, err := c.Key(ctx, "b", "ES256")
		want(t, "outcome for the first caller", outcome(err), "canceled")
		want(t, "wait of the first caller", time.Since(start), 100*time.Millisecond)
		wg.Wait()
		want(t, "fetches", i.fetches(), 2)
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, func(o *jwks.Options) { o.MinInterval, o.MaxInterval = time.Second, time.Second })
		i.update(func(i *issuer) { i.down = true })
		fetchesBefore := i.fetches()
		for range 15_000 {
			if got := keyOutcome(t, c, "a"); got != "ok" {
				t.Fatalf("lookup of a known kid during the outage: got %s, want ok", got)
			}
			time.Sleep(time.Millisecond)
		}
		if n := i.fetches() - fetchesBefore; n < 3 || n > 5 {
			t.Errorf("attempts in 15 s: got %d, want 3 to 5", n)
		}
		_, err := c.Key(t.Context(), "b", "ES256")
		want(t, "lookup of an unknown kid during the outage", outcome(err), "unavailable")
		s := c.Status()
		if !s.Ready || s.Stale || s.LastError == nil || s.Failures < 3 || s.Age < 14*time.Second {
			t.Errorf("status during the outage: got %+v, want Ready true, Stale false, a LastError, at least 3 Failures and an Age of at least 14 s", s)
		}
		i.update(func(i *issuer) { i.down = false })
		time.Sleep(time.Minute)
		if s := c.Status(); s.LastError != nil || s.Failures != 0 {
			t.Errorf("status after the outage: got %+v, want no LastError and no Failures", s)
		}
	})
}

// After MaxStale, keys are unavailable, and the error of a lookup is never ErrUnknownKey. The
// first lookup after the issuer's return gets its key.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale = time.Hour; o.Observe = events.add })
		i.update(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour - time.Second)
		want(t, "lookup 1 s before MaxStale", keyOutcome(t, c, "a"), "ok")
		time.Sleep(time.Second)
		want(t, "lookup at MaxStale", keyOutcome(t, c, "a"), "unavailable")
		want(t, "lookup of an unknown kid at MaxStale", keyOutcome(t, c, "x"), "unavailable")
		if s := c.Status(); s.Ready || !s.Stale {
			t.Errorf("status: got %+v, want Stale true and Ready false", s)
		}
		time.Sleep(time.Hour)
		want(t, "WentStale events", events.count(jwks.WentStale), 1)
		i.update(func(i *issuer) { i.down = false })
		want(t, "first lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
	})
}

// LookupAt compares two readings of the argument with MaxStale: the wall clock reading and the
// monotonic clock reading.
func TestLookupAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, newIssuer(ecKey("a")), func(o *jwks.Options) { o.MaxStale = time.Hour })
		now := time.Now()
		for _, tt := range []struct {
			name, kid string
			at        time.Time
			want      string
		}{
			{"current time", "a", now, "ok"},
			{"current time and unknown kid", "b", now, "unknown"},
			{"1 ns before MaxStale", "a", now.Add(time.Hour - 1), "ok"},
			{"at MaxStale", "a", now.Add(time.Hour), "unavailable"},
			{"at MaxStale, and the argument has no monotonic clock reading", "a", now.Add(time.Hour).Round(0), "unavailable"},
		} {
			_, err := c.LookupAt(tt.kid, "ES256", tt.at)
			want(t, tt.name, outcome(err), tt.want)
		}
	})
}

// The issuer publishes new key material under an old kid. If no key verifies a signature, Key
// causes a fetch, within the limit of Options.CoolDown.
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
			t.Fatalf("Key after the change: got keys %v and error %v, want only the new key and no error", keys, err)
		}
		// A second caller has tried the old key too. Its call needs no fetch.
		fetchesBefore := i.fetches()
		again, err := c.Key(t.Context(), "a", "ES256", old...)
		if err != nil || again[0] != keys[0] || i.fetches() != fetchesBefore {
			t.Errorf("Key of the second caller: got keys %v, error %v and %d fetches, want the new key, no error and no fetch", again, err, i.fetches()-fetchesBefore)
		}
		// Forged signatures do not cause more fetches than Options.CoolDown allows.
		for range 1000 {
			_, err := c.Key(t.Context(), "a", "ES256", keys...)
			want(t, "outcome of Key for a forged signature", outcome(err), "unknown")
		}
		if n := i.fetches() - fetchesBefore; n > 2 {
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
		want(t, "lookup of the withdrawn key", outcome(err), "unknown")
		second, err := c.Lookup("a", "ES256")
		if err != nil || second[0] != first[0] {
			t.Errorf("lookup of the remaining key: got keys %v and error %v, want the same pointer and no error", second, err)
		}
		// If the alg and the issuer of a key change, the key gets a new pointer.
		i.publish(a.with("alg", "ES256", "issuer", "https://other.test"))
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		third, err := c.Lookup("a", "ES256")
		if err != nil || third[0] == first[0] || third[0].Issuer() != "https://other.test" {
			t.Errorf("lookup of the key with a different issuer: got keys %v and error %v, want a new pointer and no error", third, err)
		}
	})
}
