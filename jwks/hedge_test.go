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

// hangFirst returns an issuer with a cache that has the key "a". The requests for which hangs
// returns true hang; its argument is the number of the request, without the first fetch. The
// other requests are answered after the delay d.
func hangFirst(t *testing.T, d time.Duration, hangs func(n int) bool, change ...func(*jwks.Options)) (*issuer, *jwks.Cache) {
	t.Helper()
	i := newIssuer(ecKey("a"))
	var n atomic.Int64
	n.Store(-1)
	c := newCache(t, i, append(change, func(o *jwks.Options) {
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if request := int(n.Add(1)); request > 0 && hangs(request) {
				i.update(func(i *issuer) {
					i.requests = append(i.requests, time.Now())
					i.inFlight++
					i.maxInFlight = max(i.maxInFlight, i.inFlight)
				})
				defer i.update(func(i *issuer) { i.inFlight-- })
				return hang(r)
			}
			return i.RoundTrip(r)
		})
	})...)
	i.update(func(i *issuer) { i.delay = d })
	return i, c
}

func first(n int) bool { return n == 1 }

// One connection hangs at a rotation, while others work. A second request gets the new key for all
// callers, whenever they come.
func TestOneConnectionHangs(t *testing.T) {
	for came := time.Duration(0); came < 4*time.Second; came += 190 * time.Millisecond {
		for _, delay := range []time.Duration{0, 50 * time.Millisecond, 700 * time.Millisecond} {
			t.Run(fmt.Sprintf("callers after %v, answer after %v", came, delay), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i, c := hangFirst(t, delay, first)
					i.publish(ecKey("b"))
					before := i.fetches()
					var wg sync.WaitGroup
					wg.Go(func() { keyOutcome(t, c, "b") }) // causes the fetch whose connection hangs
					time.Sleep(came)
					for range 20 {
						wg.Go(func() {
							start := time.Now()
							want(t, "lookup of the new key", keyOutcome(t, c, "b"), "ok")
							if d := time.Since(start); d > 1800*time.Millisecond {
								t.Errorf("wait: got %v, want at most 1.8 s", d)
							}
						})
					}
					wg.Wait()
					want(t, "requests", i.fetches()-before, 2)
					want(t, "requests at the same time", i.maxConcurrent(), 2)
					want(t, "Failures", c.Status().Failures, 0)
				})
			})
		}
	}
}

// The connection of a scheduled refresh hangs. Callers that need a new key come later, at any time.
func TestScheduledRefreshHangs(t *testing.T) {
	for came := 10 * time.Millisecond; came < 5*time.Second; came += 45 * time.Millisecond {
		t.Run(came.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, c := hangFirst(t, 50*time.Millisecond, first)
				before := i.fetches()
				time.Sleep(time.Until(c.Status().NextRefresh))
				i.publish(ecKey("b"))
				time.Sleep(came)
				want(t, "requests before the callers", i.fetches()-before, 1)
				failed := failedLookups(t, c, "b")
				want(t, "failed lookups", failed, 0)
				want(t, "requests", i.fetches()-before, 2)
			})
		})
	}
}

// No lookup waits for a scheduled refresh, so there is no second request.
func TestNoHedgeWithoutCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, c := hangFirst(t, 0, first)
		before := i.fetches()
		time.Sleep(time.Until(c.Status().NextRefresh) + 4900*time.Millisecond)
		want(t, "requests", i.fetches()-before, 1)
		want(t, "lookup of a known kid", keyOutcome(t, c, "a"), "ok")
	})
}

// Thousands of invented kids cause at most three fetches in the first cool-down, of at most two
// requests each, and one fetch of two requests in each cool-down after, for any delay of the
// issuer. Some or all of the requests hang.
func TestHedgesInFlood(t *testing.T) {
	for _, delay := range []time.Duration{0, 900 * time.Millisecond, 1100 * time.Millisecond, 2600 * time.Millisecond, 4900 * time.Millisecond, time.Minute} {
		for name, hangs := range map[string]func(int) bool{
			"none hangs":  func(int) bool { return false },
			"first hangs": first,
			"each second": func(n int) bool { return n%2 == 1 },
			"all hang":    func(int) bool { return true },
		} {
			t.Run(fmt.Sprint(delay, " ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i, c := hangFirst(t, delay, hangs, func(o *jwks.Options) { o.MinInterval, o.MaxInterval = time.Hour, time.Hour })
					before, asks := i.fetches(), c.Status().Fetches
					ctx, cancel := context.WithCancel(t.Context())
					var wg sync.WaitGroup
					for g := range repeats(100) {
						wg.Go(func() {
							for n := 0; n < 100 || ctx.Err() == nil; n++ {
								start := time.Now()
								if got := keyOutcome(t, c, fmt.Sprintf("forged-%d-%d", g, n)); got == "ok" { //nolint:contextcheck // ctx limits the loop and not the lookup
									t.Errorf("lookup of an invented kid: got %s", got)
								}
								if d := time.Since(start); d > 1800*time.Millisecond {
									t.Errorf("wait: got %v, want at most 1.8 s", d)
								}
								time.Sleep(40 * time.Millisecond)
							}
						})
					}
					time.Sleep(7900 * time.Millisecond)
					if n := c.Status().Fetches - asks; n > 3 {
						t.Errorf("asks in the first cool-down: got %d, want at most 3", n)
					}
					if n, asked := i.fetches()-before, int(c.Status().Fetches-asks); n > asked+1 { //nolint:gosec // a small number
						t.Errorf("requests of %d asks in the first cool-down: got %d, want at most one more", asked, n)
					}
					time.Sleep(32 * time.Second)
					if n, asked := i.fetches()-before, int(c.Status().Fetches-asks); n > asked+5 || asked > 8 { //nolint:gosec // a small number
						t.Errorf("asks in 40 s: got %d with %d requests, want at most 8, with one more request in each cool-down", asked, n)
					}
					if n := i.maxConcurrent(); n > 2 {
						t.Errorf("requests at the same time: got %d, want at most 2", n)
					}
					cancel()
					wg.Wait()
				})
			})
		}
	}
}

// If no request is free in the Limits, there is no second request, and none of the others waits
// longer.
func TestNoHedgeWithoutSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, c := hangFirst(t, 0, first, func(o *jwks.Options) { o.Limits = &jwks.Limits{MaxFetches: 1} })
		i.publish(ecKey("b"))
		before := i.fetches()
		want(t, "lookup of the new key", keyOutcome(t, c, "b"), "unavailable")
		want(t, "requests", i.fetches()-before, 1)
		time.Sleep(8 * time.Second)
		want(t, "lookup of the new key later", keyOutcome(t, c, "b"), "ok")
	})
}

// Both requests fail in different ways, and the issuer wants a pause. The refresh fails, and the
// pause is kept.
func TestHedgeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, c := hangFirst(t, 0, first)
		i.update(func(i *issuer) { i.status, i.header = 429, http.Header{"Retry-After": {"60"}} })
		want(t, "lookup of a new key", keyOutcome(t, c, "b"), "unavailable")
		time.Sleep(5 * time.Second)
		want(t, "Failed", c.Status().Failed, 1)
		before := i.fetches()
		for range 53 {
			want(t, "lookup of a new key", keyOutcome(t, c, "b"), "unavailable")
			time.Sleep(time.Second)
		}
		want(t, "requests during the pause", i.fetches()-before, 0)
	})
}
