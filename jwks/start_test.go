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
					lookup := time.Now()
					_, err := c.Key(t.Context(), "a", "ES256")
					want(t, "verdict during the outage", verdict(err), "unavailable")
					if d := time.Since(lookup); d > 2*time.Second {
						t.Errorf("wait of a request: got %v, want at most 2 s", d)
					}
					time.Sleep(30 * time.Millisecond)
				}
				if n := i.fetches(); n > 22 {
					t.Errorf("fetches in 20 s: got %d, want at most one per second", n)
				}
				set(false)
				want(t, "first request after the return", keyVerdict(t, c, "a"), "ok")
			})
		})
	}
}

// An issuer hangs at the start, and never answers the requests that it left hanging. The
// test varies the time of the issuer's return. The first request afterwards is always
// served, with and without earlier requests.
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
				want(t, fmt.Sprintf("first request after %v, earlier requests: %v", after, busy), keyVerdict(t, c, "a"), "ok")
				if d := time.Since(start); d > 1100*time.Millisecond {
					t.Errorf("wait of the first request: got %v, want at most 1 s and the 50 ms of the issuer", d)
				}
				if n := i.fetches(); n > 3+int(after/time.Second) {
					t.Errorf("requests to the issuer in %v: got %d, want one per second", after, n)
				}
				cancel()
				wg.Wait()
			})
		}
	}
}

// While Ready waits for an issuer that hangs, the issuer gets a request every second. Ready
// checks the state at the same times, but this never suppresses a request.
func TestReadyRetriesEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.hang = true
		c := newCache(t, i, func(o *jwks.Options) { o.Timeout = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "Ready", verdict(c.Ready(ctx)), "unavailable") })
		time.Sleep(30*time.Minute + 500*time.Millisecond)
		want(t, "requests to the issuer in 30 min", i.fetches(), 1+30*60)
		cancel()
		wg.Wait()
	})
}

// Close ends all requests of a poll that retries.
func TestCloseDuringRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		i := newIssuer(ecKey("a"))
		i.hang = true
		c := newCache(t, i)
		var wg sync.WaitGroup
		wg.Go(func() { wantText(t, c.Ready(t.Context()), "cache is closed") })
		time.Sleep(2500 * time.Millisecond)
		want(t, "requests to the issuer", i.fetches(), 3)
		start := time.Now()
		_ = c.Close()
		want(t, "duration of Close", time.Since(start), 0)
		wg.Wait()
	})
}

// The first request to a slow issuer stays open, although there are retries.
func TestStartWithSlowIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 4500 * time.Millisecond
		c := newCache(t, i)
		start := time.Now()
		for keyVerdict(t, c, "a") != "ok" {
			time.Sleep(10 * time.Millisecond)
		}
		want(t, "time until there are keys", time.Since(start), i.delay)
		if n := i.maxConcurrent(); n > 3 { // a request that was canceled ends a moment later
			t.Errorf("concurrent requests: got %d, want at most 3", n)
		}
		s := c.Status()
		want(t, "Fetches, Refreshed, Failed", fmt.Sprint(s.Fetches, s.Refreshed, s.Failed), "1 1 0")
	})
}

// A request joins a fetch that fails, because the fetch began before the issuer's return.
// The request is served by a second fetch.
func TestIssuerReturnsDuringFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.status = http.StatusBadGateway
		c := newCache(t, i)
		i.set(func(i *issuer) { i.delay = 300 * time.Millisecond })
		time.Sleep(5 * time.Second)
		go keyVerdict(t, c, "a") // causes the fetch that fails
		time.Sleep(200 * time.Millisecond)
		i.set(func(i *issuer) {
			i.answer = func(req *http.Request) *http.Response { // to the request in flight
				i.answer, i.status = nil, 0
				return response(req, http.StatusBadGateway, nil, nil)
			}
		})
		start := time.Now()
		want(t, "first request after the return", keyVerdict(t, c, "a"), "ok")
		want(t, "wait", time.Since(start), 1100*time.Millisecond) // 100 ms of the first fetch, a pause of 700 ms, 300 ms of the second fetch
	})
}

// The age of a set counts from the request to the issuer, not from the response.
func TestStaleCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 4 * time.Second
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale, o.MinInterval, o.MaxInterval = time.Hour, time.Hour, time.Hour })
		time.Sleep(5 * time.Second)
		i.set(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour - 5*time.Second - 1)
		_, err := c.Lookup("a", "ES256")
		want(t, "1 ns before MaxStale", verdict(err), "ok")
		time.Sleep(time.Nanosecond)
		_, err = c.Lookup("a", "ES256")
		want(t, "at MaxStale", verdict(err), "unavailable")
	})
}

// When the keys become too old, lookups stop obeying an earlier Retry-After.
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
		want(t, "first request after MaxStale", keyVerdict(t, c, "a"), "ok")
	})
}

// A lookup finds no key just before the first set arrives, and requests a fetch just
// afterwards. The lookup gets the key without a second fetch.
func TestConcurrentFirstRequests(t *testing.T) {
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
				wg.Go(func() { want(t, "first request", keyVerdict(t, c, "a"), "ok") })
			}
			wg.Wait()
			want(t, "wait", time.Since(start), 0)
			want(t, "fetches", i.fetches(), 1)
		})
	}
}

// Keys become too old while the machine is suspended, although the monotonic clock stops.
func TestSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.set(func(i *issuer) { i.down = true })
		jwks.Suspend(c, 12*time.Hour-time.Second)
		want(t, "1 s before MaxStale", keyVerdict(t, c, "a"), "ok")
		jwks.Suspend(c, time.Second)
		want(t, "at MaxStale", keyVerdict(t, c, "a"), "unavailable")
		want(t, "Stale", c.Status().Stale, true)
		i.set(func(i *issuer) { i.down = false })
		want(t, "first request after the return", keyVerdict(t, c, "a"), "ok")
	})
}

// Without requests, the refresher backs off to one attempt per minute.
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
				t.Errorf("pause %d: got %v, want at least half of the last pause, and at most 1 min", n, d)
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
			t.Errorf("Ready with keys: got %v after %v, want no error and no wait", err, time.Since(start))
		}
	})
}
