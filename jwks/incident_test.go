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

// 200 goroutines ask for 10,000 invented keys in 2 s; valid lookups go on.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 50 * time.Millisecond
		c := newCache(t, i)
		want(t, "before", ask(t, c, "a"), "ok")
		var refused atomic.Int64
		var wg sync.WaitGroup
		for g := range 200 {
			wg.Go(func() {
				for n := range 50 {
					start := time.Now()
					if got := ask(t, c, fmt.Sprintf("forged-%d-%d", g, n)); got != "unknown" {
						t.Errorf("forged kid: got %s, want unknown", got)
					}
					if d := time.Since(start); d > 2*time.Second {
						t.Errorf("forged kid: answered after %v, want 2 s at most", d)
					}
					time.Sleep(40 * time.Millisecond)
				}
			})
		}
		wg.Go(func() {
			for range 2000 {
				start := time.Now()
				if ask(t, c, "a") != "ok" {
					refused.Add(1)
				}
				// In a bubble time goes on only for who waits. How long it takes on a
				// real clock is for examples/drill.
				want(t, "valid request, waited", time.Since(start), 0)
				time.Sleep(time.Millisecond)
			}
		})
		wg.Wait()
		want(t, "valid requests refused", refused.Load(), 0)
		if n := i.fetches(); n > 3 {
			t.Errorf("fetches: got %d, want 3 at most", n)
		}
		want(t, "fetches at once", i.atOnce(), 1)
	})
}

// rotationCallers lets 20 callers present tokens under kid for a while, and
// returns how many were refused.
func rotationCallers(t *testing.T, c *jwks.Cache, kid string) (refused int64) {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 10 {
				if ask(t, c, kid) != "ok" {
					n.Add(1)
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	return n.Load()
}

func TestTwoRotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 50 * time.Millisecond
		c := newCache(t, i)
		want(t, "before", ask(t, c, "a"), "ok")
		for n, kid := range []string{"b", "c", "d", "e"} { // two are asked for
			before := i.fetches()
			i.publish(ecKey(kid))
			want(t, "refused at rotation", rotationCallers(t, c, kid), 0)
			want(t, fmt.Sprintf("fetches at rotation %d", n+1), i.fetches()-before, 1)
			time.Sleep(3 * time.Second)
		}
		if _, err := c.Lookup("a", "ES256"); verdict(err) != "unknown" {
			t.Errorf("key of before: got %v, want unknown", err)
		}
	})
}

// A rotation is noticed under a flood that never ends, and the flood gets no more
// than its share.
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
					ask(t, c, fmt.Sprintf("forged-%d-%d", g, n)) //nolint:contextcheck // ctx ends the loop, not a lookup
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
		time.Sleep(20 * time.Second)
		if n := i.fetches(); n > 1+2+3 {
			t.Errorf("fetches in 20 s: got %d, want 6 at most", n)
		}
		for round := range 5 {
			kid := fmt.Sprintf("new-%d", round)
			i.publish(ecKey(kid))
			start := time.Now()
			for ask(t, c, kid) != "ok" {
				time.Sleep(10 * time.Millisecond)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("rotation in a flood: accepted after %v, want 10 s at most", d)
			}
			time.Sleep(time.Duration(round) * 3 * time.Second)
		}
		cancel()
		wg.Wait()
	})
}

// Two nodes of an issuer publish different keys, and each fetch is answered by the
// other one: it brings a new key each time.
func TestNodesDisagree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := [][]byte{document(ecKey("a")), document(ecKey("b"))}
		i := &issuer{delay: 20 * time.Millisecond}
		i.answer = func(req *http.Request) *http.Response {
			return response(req, http.StatusOK, nil, docs[len(i.asked)%2])
		}
		c := newCache(t, i)
		time.Sleep(time.Second)
		accepted := map[string]int{}
		for n := range 4000 {
			kid := []string{"a", "b"}[n%2]
			if ask(t, c, kid) == "ok" {
				accepted[kid]++
			}
			time.Sleep(5 * time.Millisecond)
		}
		if n := i.fetches(); n > 1+10+2+20 {
			t.Errorf("fetches in 20 s: got %d, want one per second after the first", n)
		}
		if accepted["a"] < 500 || accepted["b"] < 500 {
			t.Errorf("accepted of 2000 each: got %v, want each in turn", accepted)
		}
	})
}

func TestIssuerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		want(t, "before", ask(t, c, "a"), "ok")
		i.set(func(i *issuer) { i.hang = true })
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 100 * time.Millisecond)
				start := time.Now()
				want(t, "unknown kid", ask(t, c, "b"), "unavailable")
				if d := time.Since(start); d > 2*time.Second {
					t.Errorf("unknown kid: answered after %v, want 2 s at most", d)
				}
				start = time.Now()
				want(t, "known kid", ask(t, c, "a"), "ok")
				want(t, "known kid, time", time.Since(start), 0)
			})
		}
		wg.Wait()
		want(t, "fetches at once", i.atOnce(), 1)
		// Bad signatures are bad signatures, whatever the issuer does.
		keys, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Key(t.Context(), "a", "ES256", keys...)
		want(t, "wrong signature", verdict(err), "unknown")
		i.set(func(i *issuer) { i.hang = false })
		i.publish(ecKey("b"))
		time.Sleep(13 * time.Second) // the rest of a hanging fetch, and the cool-down
		want(t, "after the issuer's return", ask(t, c, "b"), "ok")
	})
}

// A caller that goes away ends its own wait and nobody else's.
func TestCallerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.publish(ecKey("b"))
		i.set(func(i *issuer) { i.delay = time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "second caller", ask(t, c, "b"), "ok") })
		start := time.Now()
		_, err := c.Key(ctx, "b", "ES256")
		want(t, "first caller", verdict(err), "gone")
		want(t, "first caller's wait", time.Since(start), 100*time.Millisecond)
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
			if got := ask(t, c, "a"); got != "ok" {
				t.Fatalf("in the outage: got %s, want ok", got)
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
			t.Errorf("status in the outage: %+v", s)
		}
		i.set(func(i *issuer) { i.down = false })
		time.Sleep(time.Minute)
		if s := c.Status(); s.LastError != nil || s.Failures != 0 {
			t.Errorf("status after the outage: %+v", s)
		}
	})
}

// After MaxStale the answer is "unavailable", never "unknown"; the first request
// after the issuer's return works.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale = time.Hour; o.Observe = events.add })
		i.set(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour - time.Second)
		want(t, "a second before MaxStale", ask(t, c, "a"), "ok")
		time.Sleep(time.Second)
		want(t, "at MaxStale", ask(t, c, "a"), "unavailable")
		want(t, "at MaxStale, garbage", ask(t, c, "x"), "unavailable")
		if s := c.Status(); s.Ready || !s.Stale {
			t.Errorf("status: %+v", s)
		}
		time.Sleep(time.Hour)
		want(t, "told that it is stale", events.count(jwks.WentStale), 1)
		i.set(func(i *issuer) { i.down = false })
		want(t, "first request after the return", ask(t, c, "a"), "ok")
	})
}

// A caller who has read the clock gets the answer of that time, by both clocks.
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
			{"now, a key that is not there", "b", now, "unknown"},
			{"before MaxStale", "a", now.Add(time.Hour - 1), "ok"},
			{"at MaxStale", "a", now.Add(time.Hour), "unavailable"},
			{"at MaxStale, by the wall clock alone", "a", now.Add(time.Hour).Round(0), "unavailable"},
		} {
			_, err := c.LookupAt(tt.kid, "ES256", tt.at)
			want(t, tt.name, verdict(err), tt.want)
		}
	})
}

// The issuer has new material under the old id: noticed by a signature that does
// not fit, within the limits of unknown ids.
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
			t.Fatalf("after the exchange: got %v, %v", keys, err)
		}
		// Another caller that still holds the old key needs no fetch.
		before := i.fetches()
		again, err := c.Key(t.Context(), "a", "ES256", old...)
		if err != nil || again[0] != keys[0] || i.fetches() != before {
			t.Errorf("second caller: got %v, %v, %d fetches", again, err, i.fetches()-before)
		}
		// Forged signatures are limited.
		for range 1000 {
			_, err := c.Key(t.Context(), "a", "ES256", keys...)
			want(t, "forged signature", verdict(err), "unknown")
		}
		if n := i.fetches() - before; n > 2 {
			t.Errorf("fetches for forged signatures: got %d, want 2 at most", n)
		}
	})
}

func TestRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := ecKey("a"), ecKey("b")
		i := newIssuer(a, b)
		c := newCache(t, i)
		first, _ := c.Lookup("a", "ES256")
		i.publish(a)
		time.Sleep(5 * time.Minute)
		_, err := c.Lookup("b", "ES256")
		want(t, "removed key", verdict(err), "unknown")
		second, err := c.Lookup("a", "ES256")
		if err != nil || second[0] != first[0] {
			t.Errorf("a key that stays: got %v, %v, want the same pointer", second, err)
		}
		// Fewer permissions make it another key.
		i.publish(a.with("alg", "ES256", "issuer", "https://other.test"))
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		third, err := c.Lookup("a", "ES256")
		if err != nil || third[0] == first[0] || third[0].Issuer() != "https://other.test" {
			t.Errorf("a key with another issuer: got %v, %v, want another pointer", third, err)
		}
	})
}
