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
					i.update(func(i *issuer) {
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
					want(t, "outcome of a lookup during the outage", outcome(err), "unavailable")
					if d := time.Since(lookup); d > 2*time.Second {
						t.Errorf("wait of a lookup: got %v, want at most 2 s", d)
					}
					time.Sleep(30 * time.Millisecond)
				}
				if n := i.fetches(); n > 22 {
					t.Errorf("fetches in 20 s: got %d, want at most 22", n)
				}
				set(false)
				want(t, "first lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
			})
		})
	}
}

// An issuer hangs when the cache starts. Even after its return, it never answers the requests
// that it received while it hung. The test varies the time of the issuer's return, and runs
// with and without earlier lookups. The first lookup after the return always gets the key.
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
				i.update(func(i *issuer) { i.hang, i.delay = false, 50*time.Millisecond })
				start := time.Now()
				want(t, fmt.Sprintf("first lookup after %v (with earlier lookups: %v)", after, busy), keyOutcome(t, c, "a"), "ok")
				if d := time.Since(start); d > 1100*time.Millisecond {
					t.Errorf("wait of the first lookup after the return: got %v, want at most 1.1 s", d)
				}
				if n := i.fetches(); n > 3+int(after/time.Second) {
					t.Errorf("requests to the issuer in %v: got %d, want at most %d", after, n, 3+int(after/time.Second))
				}
				cancel()
				wg.Wait()
			})
		}
	}
}

// While Ready waits for an issuer that hangs, the cache sends a request every second. Ready
// checks the state at the times of these requests, but no request is left out.
func TestReadyRetriesEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.hang = true
		c := newCache(t, i, func(o *jwks.Options) { o.Timeout = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { want(t, "outcome of Ready", outcome(c.Ready(ctx)), "unavailable") })
		time.Sleep(30*time.Minute + 500*time.Millisecond)
		want(t, "requests to the issuer in 30 min", i.fetches(), 1+30*60)
		cancel()
		wg.Wait()
	})
}

// Close ends all requests of a poll that has sent several requests.
func TestCloseDuringRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // synctest fails if a goroutine does not end
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

// The first request to a slow issuer stays open, even if poll sends further requests.
func TestStartWithSlowIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 4500 * time.Millisecond
		c := newCache(t, i)
		start := time.Now()
		for keyOutcome(t, c, "a") != "ok" {
			time.Sleep(10 * time.Millisecond)
		}
		want(t, "time until keys are available", time.Since(start), i.delay)
		if n := i.maxConcurrent(); n > 3 { // 2 open requests, and a canceled request that ends a moment later
			t.Errorf("concurrent requests: got %d, want at most 3", n)
		}
		s := c.Status()
		want(t, "Fetches, Refreshed, Failed", fmt.Sprint(s.Fetches, s.Refreshed, s.Failed), "1 1 0")
	})
}

// A lookup after the issuer's return waits for a fetch in flight. This fetch fails, because it
// began before the issuer's return. The lookup gets the key from a second fetch.
func TestIssuerReturnsDuringFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.status = http.StatusBadGateway
		c := newCache(t, i)
		i.update(func(i *issuer) { i.delay = 300 * time.Millisecond })
		time.Sleep(5 * time.Second)
		go keyOutcome(t, c, "a") // causes the fetch that fails
		time.Sleep(200 * time.Millisecond)
		i.update(func(i *issuer) {
			i.answer = func(req *http.Request) *http.Response { // answers the request in flight
				i.answer, i.status = nil, 0
				return response(req, http.StatusBadGateway, nil, nil)
			}
		})
		start := time.Now()
		want(t, "first lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
		// The lookup waits 100 ms for the first fetch, 700 ms for the start of the second fetch,
		// and 300 ms for the second fetch. The second fetch begins up to 50 ms later, at random.
		if d := time.Since(start); d < 1100*time.Millisecond || d > 1150*time.Millisecond {
			t.Errorf("wait of the lookup: got %v, want 1.1 s to 1.15 s", d)
		}
	})
}

// The age of a key set counts from the time of the request to the issuer. The time of the
// response does not matter.
func TestStaleCountsFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 4 * time.Second
		c := newCache(t, i, func(o *jwks.Options) { o.MaxStale, o.MinInterval, o.MaxInterval = time.Hour, time.Hour, time.Hour })
		time.Sleep(5 * time.Second)
		i.update(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour - 5*time.Second - 1)
		_, err := c.Lookup("a", "ES256")
		want(t, "lookup 1 ns before MaxStale", outcome(err), "ok")
		time.Sleep(time.Nanosecond)
		_, err = c.Lookup("a", "ES256")
		want(t, "lookup at MaxStale", outcome(err), "unavailable")
	})
}

// A lookup finds no key, then the first key set arrives, and then the lookup requests a fetch.
// The lookup gets the key without a second fetch.
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
				wg.Go(func() { want(t, "concurrent lookup", keyOutcome(t, c, "a"), "ok") })
			}
			wg.Wait()
			want(t, "wait of all lookups", time.Since(start), 0)
			want(t, "fetches", i.fetches(), 1)
		})
	}
}

// Keys become too old while the machine is suspended, although the monotonic clock does not
// advance.
func TestSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.update(func(i *issuer) { i.down = true })
		jwks.Suspend(c, 12*time.Hour-time.Second)
		want(t, "lookup 1 s before MaxStale", keyOutcome(t, c, "a"), "ok")
		jwks.Suspend(c, time.Second)
		want(t, "lookup at MaxStale", keyOutcome(t, c, "a"), "unavailable")
		want(t, "Stale", c.Status().Stale, true)
		i.update(func(i *issuer) { i.down = false })
		want(t, "first lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
	})
}

// Without lookups, the pauses between failed attempts grow to about 5 s.
func TestStartBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.down = true
		c := newCache(t, i)
		time.Sleep(10 * time.Minute)
		if n := i.fetches(); n < 120 || n > 162 {
			t.Errorf("attempts in 10 min: got %d, want 120 to 162", n)
		}
		times := i.requestTimes()
		for n := 2; n < len(times); n++ {
			d := times[n].Sub(times[n-1])
			if d < times[n-1].Sub(times[n-2])/2 || d > 5*time.Second || n > 3 && d < 3750*time.Millisecond {
				t.Errorf("pause %d: got %v, want at least half of the previous pause, at most 5 s, and at least 3.75 s later", n, d)
			}
		}
		i.update(func(i *issuer) { i.down = false })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.Ready(ctx); err != nil {
			t.Errorf("Ready after the issuer's return: got error %v, want none", err)
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
		want(t, "outcome of Ready during the outage", outcome(err), "unavailable")
		wantText(t, err, "connection refused", "deadline")
		i.update(func(i *issuer) { i.down = false })
		if err := c.Ready(t.Context()); err != nil {
			t.Errorf("Ready after the issuer's return: got error %v, want none", err)
		}
		start := time.Now()
		if err := c.Ready(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("Ready while keys are available: got error %v after %v, want no error and no wait", err, time.Since(start))
		}
	})
}
