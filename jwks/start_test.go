package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

func TestStartDuringOutage(t *testing.T) {
	for _, mode := range []string{"down", "hang", "500"} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				set := func(on bool) {
					i.set(func(i *issuer) {
						i.down, i.hang, i.status = on && mode == "down", on && mode == "hang", 0
						if on && mode == "500" {
							i.status = 500
						}
					})
				}
				set(true)
				c := newCache(t, i)
				start := time.Now()
				for time.Since(start) < 20*time.Second {
					asked := time.Now()
					_, err := c.Key(t.Context(), "a", "ES256")
					want(t, "during the outage", verdict(err), "unavailable")
					if d := time.Since(asked); d > 2*time.Second {
						t.Errorf("waited %v, want 2 s at most", d)
					}
					time.Sleep(30 * time.Millisecond)
				}
				if n := i.fetches(); n > 22 {
					t.Errorf("attempts in 20 s: got %d, want one per second at most", n)
				}
				set(false)
				want(t, "first request after the return", ask(t, c, "a"), "ok")
			})
		})
	}
}

// An issuer that hung at the start does not answer what it left hanging. Whenever
// it is back, and whether others asked meanwhile or not, the first request works.
func TestStartWithHangingIssuer(t *testing.T) {
	for _, busy := range []bool{false, true} {
		for after := time.Duration(0); after < 7*time.Second; after += 130 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.hang = true
				c := newCache(t, i)
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				if busy {
					wg.Go(func() {
						for ctx.Err() == nil {
							_, _ = c.Key(ctx, "a", "ES256")
							time.Sleep(10 * time.Millisecond)
						}
					})
				}
				time.Sleep(after)
				i.set(func(i *issuer) { i.hang, i.delay = false, 50*time.Millisecond })
				start := time.Now()
				want(t, fmt.Sprintf("first request after %v, others ask: %v", after, busy), ask(t, c, "a"), "ok")
				if d := time.Since(start); d > 1100*time.Millisecond {
					t.Errorf("answered after %v, want a second at most and what the issuer takes", d)
				}
				if n := i.fetches(); n > 3+int(after/time.Second) {
					t.Errorf("requests in %v: got %d, want one per second", after, n)
				}
				cancel()
				wg.Wait()
			})
		}
	}
}

// While Ready waits for an issuer that hangs, the issuer is asked every second.
// Ready looks again at the same instants, and no second is skipped for that.
func TestReadyAsksEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.hang = true
		c := newCache(t, i, func(o *jwks.Options) { o.Timeout = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "Ready", verdict(c.Ready(ctx)), "unavailable") })
		time.Sleep(30*time.Minute + 500*time.Millisecond)
		want(t, "requests in 30 min", i.fetches(), 1+30*60)
		cancel()
		wg.Wait()
	})
}

// Close ends what is asked twice as well.
func TestCloseWhileAskingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		i := newIssuer(ecKey("a"))
		i.hang = true
		c := newCache(t, i)
		var wg sync.WaitGroup
		wg.Go(func() { wantText(t, c.Ready(t.Context()), "cache is closed") })
		time.Sleep(2500 * time.Millisecond)
		want(t, "requests", i.fetches(), 3)
		start := time.Now()
		_ = c.Close()
		want(t, "Close took", time.Since(start), 0)
		wg.Wait()
	})
}

// An issuer that is slow gets its time, however many ask.
func TestStartWithSlowIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 4500 * time.Millisecond
		c := newCache(t, i)
		start := time.Now()
		for ask(t, c, "a") != "ok" {
			time.Sleep(10 * time.Millisecond)
		}
		want(t, "keys after", time.Since(start), i.delay)
		if n := i.atOnce(); n > 3 { // one that is given up takes a moment to end
			t.Errorf("requests at once: got %d, want 2, and 3 for a moment", n)
		}
		s := c.Status()
		want(t, "fetches by result", fmt.Sprint(s.Fetches, s.Refreshed, s.Failed), "1 1 0")
	})
}

// A request that joins a fetch which the issuer answers too early is not refused
// for that: the issuer is asked once more.
func TestIssuerReturnsDuringFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.status = http.StatusBadGateway
		c := newCache(t, i)
		i.set(func(i *issuer) { i.delay = 300 * time.Millisecond })
		time.Sleep(5 * time.Second)
		go ask(t, c, "a") // causes a fetch that fails
		time.Sleep(200 * time.Millisecond)
		i.set(func(i *issuer) {
			i.answer = func(req *http.Request) *http.Response { // the one under way
				i.answer, i.status = nil, 0
				return response(req, http.StatusBadGateway, nil, nil)
			}
		})
		start := time.Now()
		want(t, "first request after the return", ask(t, c, "a"), "ok")
		want(t, "waited", time.Since(start), 1100*time.Millisecond) // 100 ms, the rest of the second, 300 ms
	})
}

// How old a set is counts from when the issuer was asked, not from when it had
// answered.
func TestStaleCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 4 * time.Second
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale, o.MinInterval, o.MaxInterval = time.Hour, time.Hour, time.Hour })
		time.Sleep(5 * time.Second)
		i.set(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour - 5*time.Second - 1)
		_, err := c.Lookup("a", "ES256")
		want(t, "just before MaxStale", verdict(err), "ok")
		time.Sleep(time.Nanosecond)
		_, err = c.Lookup("a", "ES256")
		want(t, "at MaxStale", verdict(err), "unavailable")
	})
}

// What a Retry-After holds back is nothing to who has no keys any more.
func TestStaleDespiteRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale = time.Hour })
		i.set(func(i *issuer) { i.status, i.header = 429, map[string][]string{"Retry-After": {"60"}} })
		time.Sleep(time.Hour - 2*time.Second)
		if err := c.Refresh(t.Context()); err == nil {
			t.Error("Refresh: got no error")
		}
		time.Sleep(2 * time.Second)
		i.set(func(i *issuer) { i.status = 0 })
		want(t, "first request after MaxStale", ask(t, c, "a"), "ok")
	})
}

// Who finds no key just before the first set comes, and then asks for a fetch just
// after, gets the key and no second fetch.
func TestFirstRequestsTogether(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			o := options(i)
			c, err := jwks.New(keySetURL, o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			start := time.Now()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() { want(t, "first request", ask(t, c, "a"), "ok") })
			}
			wg.Wait()
			want(t, "waited", time.Since(start), 0)
			want(t, "fetches", i.fetches(), 1)
		})
	}
}

// The monotonic clock stands while a machine is suspended. Keys age all the same.
func TestSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.set(func(i *issuer) { i.down = true })
		jwks.Suspend(c, 12*time.Hour-time.Second)
		want(t, "a second before MaxStale", ask(t, c, "a"), "ok")
		jwks.Suspend(c, time.Second)
		want(t, "at MaxStale", ask(t, c, "a"), "unavailable")
		want(t, "Stale", c.Status().Stale, true)
		i.set(func(i *issuer) { i.down = false })
		want(t, "first request after the return", ask(t, c, "a"), "ok")
	})
}

// Nobody asks: attempts back off to one a minute.
func TestStartBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.down = true
		c := newCache(t, i)
		time.Sleep(10 * time.Minute)
		if n := i.fetches(); n < 12 || n > 22 {
			t.Errorf("attempts in 10 min: got %d, want about 15", n)
		}
		times := i.times()
		for n := 2; n < len(times); n++ {
			d := times[n].Sub(times[n-1])
			if d < times[n-1].Sub(times[n-2])/2 || d > time.Minute {
				t.Errorf("pause %d: %v", n, d)
			}
		}
		i.set(func(i *issuer) { i.down = false })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.Ready(ctx); err != nil {
			t.Errorf("Ready after the return: %v", err)
		}
	})
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.down = true
		c := newCache(t, i)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := c.Ready(ctx)
		want(t, "Ready in the outage", verdict(err), "unavailable")
		wantText(t, err, "connection refused", "deadline")
		i.set(func(i *issuer) { i.down = false })
		if err := c.Ready(t.Context()); err != nil {
			t.Errorf("Ready after the return: %v", err)
		}
		start := time.Now()
		if err := c.Ready(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("Ready with keys: %v after %v", err, time.Since(start))
		}
	})
}
