package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// askOften looks up a key for the duration d, while a readiness check waits. It pauses for the
// duration pause between two lookups.
func askOften(t *testing.T, c *jwks.Cache, kid string, d, pause time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		for ctx.Err() == nil {
			_ = c.Ready(ctx)
			time.Sleep(pause)
		}
	}()
	for ctx.Err() == nil {
		start := time.Now()
		want(t, "lookup", keyOutcome(t, c, kid), "unavailable")
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("wait of a lookup: got %v, want at most 2 s", d)
		}
		time.Sleep(pause)
	}
	<-ready
}

// Scheduled refreshes, lookups and Ready keep the pause in Retry-After: at most 1 min without keys,
// and at most MaxInterval with keys. The pause is never shorter, and up to a tenth longer.
func TestRetryAfterIsKept(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		status      int
		value       string
		keys        bool
		maxInterval time.Duration
		pause       time.Duration
	}{
		{429, "60", false, 0, minute},
		{429, "600", false, 0, minute},
		{429, "99999999999999999999", false, 0, minute},
		{429, "20", false, 0, 20 * time.Second},
		{503, "30", false, 0, 30 * time.Second},
		{404, "60", false, 0, minute},
		{500, "Sat, 01 Jan 2000 03:00:00 GMT", false, 0, minute},
		{429, "60", true, 0, minute},
		{429, "600", true, 0, 10 * minute},
		{503, "600", true, 0, 10 * minute},
		{404, "7200", true, 0, 15 * minute},
		{429, "600", true, 5 * minute, 5 * minute},
		{429, "600", true, time.Second, minute},
		{429, "Sat, 01 Jan 2000 03:00:00 GMT", true, 0, 15 * minute},
	} {
		for _, discovery := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, %s, keys %v, %v, discovery %v", tt.status, tt.value, tt.keys, tt.maxInterval, discovery), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					deny := func(r *http.Request) (*http.Response, error) {
						return response(r, tt.status, http.Header{"Retry-After": {tt.value}}, nil), nil
					}
					atStart := 24 * time.Hour
					if tt.keys {
						atStart = 0
					}
					o, c := newOutage(t, discovery, deny, atStart, func(o *jwks.Options) { o.MaxInterval = tt.maxInterval })
					synctest.Wait()
					kid, before, start := "a", 0, time.Now()
					if tt.keys {
						kid = "b"
						time.Sleep(time.Second)
						// The metadata stays in use, and a new kid causes the first fetch.
						want(t, "lookup before", keyOutcome(t, c, "a"), "ok")
						before = o.fetches()
						o.begin(24 * time.Hour)
					}
					askOften(t, c, kid, 40*minute, 400*time.Millisecond/time.Duration(repeats(4)))
					// The requests for the metadata and for the keys have their own pauses.
					times := o.requestTimes()[before:]
					for n, at := range times[1:] {
						if gap := at.Sub(times[n]); gap < tt.pause && (!tt.keys || !discovery) || gap > tt.pause*11/10+time.Second {
							t.Errorf("pause %d: got %v, want %v to %v", n+1, gap, tt.pause, tt.pause*11/10)
						}
					}
					most := 1 + int(time.Since(start)/tt.pause)
					if tt.keys && discovery {
						most *= 2
					}
					if n := len(times); n > most {
						t.Errorf("requests in 40 min: got %d, want at most %d", n, most)
					}
				})
			})
		}
	}
}

// While the issuer wants no request, lookups return at once, and the error names the time at which
// a lookup can succeed. An operator can refresh at any time.
func TestRetryAfterIsNamed(t *testing.T) {
	for _, keys := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			deny := func(i *issuer) { i.status, i.header = 429, http.Header{"Retry-After": {"50"}} }
			if !keys {
				deny(i)
			}
			c := newCache(t, i)
			if keys {
				i.update(deny)
				want(t, "first lookup", keyOutcome(t, c, "b"), "unavailable")
			}
			held := time.Now()
			for range 48 {
				start := time.Now()
				_, err := c.Key(t.Context(), "b", "ES256")
				want(t, "wait of a lookup", time.Since(start), 0)
				left := 50*time.Second - time.Since(held)
				if d := asUnavailable(t, err).RetryAfter; d < left || d > left+6*time.Second {
					t.Errorf("RetryAfter with %v left: got %v, want at most 6 s more", left, d)
				}
				_, err = c.Lookup("b", "ES256")
				if d := asUnavailable(t, err).RetryAfter; d < left || d > left+6*time.Second {
					t.Errorf("RetryAfter of Lookup with %v left: got %v, want at most 6 s more", left, d)
				}
				time.Sleep(time.Second)
			}
			i.publish(ecKey("b"))
			i.update(func(i *issuer) { i.status = 0 })
			before := i.fetches()
			if err := c.Refresh(t.Context()); err != nil {
				t.Errorf("Refresh: got error %v, want none", err)
			}
			want(t, "requests of Refresh", i.fetches()-before, 1)
			want(t, "lookup after Refresh", keyOutcome(t, c, "b"), "ok")
		})
	}
}

// When the keys become too old, the bound without keys counts from the same answer.
func TestRetryAfterUntilStale(t *testing.T) {
	for seconds, expected := range map[int]string{2: "unavailable", 58: "unavailable", 67: "ok", 300: "ok"} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i, func(o *jwks.Options) { o.MaxStale = time.Hour })
			i.update(func(i *issuer) { i.status, i.header = 429, map[string][]string{"Retry-After": {"600"}} })
			time.Sleep(time.Until(c.Status().LastSuccess.Add(time.Hour - time.Duration(seconds)*time.Second)))
			if err := c.Refresh(t.Context()); err == nil {
				t.Error("Refresh: got no error, want an error")
			}
			i.update(func(i *issuer) { i.status = 0 })
			time.Sleep(time.Duration(seconds) * time.Second)
			want(t, fmt.Sprintf("lookup %d s after the answer, when the keys are too old", seconds), keyOutcome(t, c, "a"), expected)
		})
	}
}

// Replicas that got the same answer do not ask at the same moment, with or without Retry-After.
func TestAsksSpread(t *testing.T) {
	for _, value := range []string{"", "60"} {
		t.Run(value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.status, i.header = 503, http.Header{"Retry-After": {value}}
				const replicas = 100
				for range replicas {
					c := newCache(t, i)
					go func() { _ = c.Ready(t.Context()) }()
				}
				least := time.Second
				if value != "" {
					least = time.Minute
				}
				start := time.Now()
				time.Sleep(least + least/10 + time.Millisecond)
				times := i.requestTimes()[replicas:]
				if len(times) < replicas {
					t.Fatalf("second requests: got %d, want %d", len(times), replicas)
				}
				times = times[:replicas]
				slices.SortFunc(times, time.Time.Compare)
				if d := times[0].Sub(start); d < least {
					t.Errorf("first request after %v, want at least %v", d, least)
				}
				if d := times[replicas-1].Sub(times[0]); d < least/25 {
					t.Errorf("the requests of %d replicas come within %v, want a longer time", replicas, d)
				}
				i.update(func(i *issuer) { i.status = 0 })
				time.Sleep(10 * time.Minute)
			})
		})
	}
}

// If the issuer answers that there is nothing at the URL, the next requests come after 1 s, 2 s, 4 s
// and 5 s. If no server answers, or the server is broken, they come after 1 s each time, because the
// next answer may have the keys.
func TestWrongAddress(t *testing.T) {
	status := func(code int) answerer {
		return func(r *http.Request) (*http.Response, error) { return response(r, code, nil, nil), nil }
	}
	for name, row := range map[string]struct {
		answer answerer
		slow   bool
	}{
		"404": {status(404), true}, "401": {status(401), true}, "410": {status(410), true}, "429": {status(429), true},
		"HTML": {serve([]byte("<html>")), true},
		"redirect": {func(r *http.Request) (*http.Response, error) {
			return response(r, 302, http.Header{"Location": {"https://login.test/"}}, nil), nil
		}, true},
		"metadata of another issuer": {serve([]byte(metadata("https://other.test", keysURL))), true},
		"500":                        {status(500), false}, "503": {status(503), false}, "408": {status(408), false}, "425": {status(425), false},
		"down": {outages["down"], false},
		"404, then 502": {func(r *http.Request) (*http.Response, error) {
			if r.URL.String() == issuerURL+oidc {
				return response(r, 404, nil, nil), nil
			}
			return response(r, 502, nil, nil), nil
		}, false},
	} {
		for _, discovery := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", discovery ", discovery), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o, c := newOutage(t, discovery, row.answer, 24*time.Hour, func(*jwks.Options) {})
					askOften(t, c, "a", time.Minute+100*time.Millisecond, 100*time.Millisecond)
					low, high := uint64(53), uint64(62)
					if row.slow {
						low, high = 13, 18 // the scheduled attempts are up to a quarter earlier
					}
					if n := c.Status().Fetches; n < low || n > high {
						t.Errorf("attempts in a minute: got %d, want %d to %d", n, low, high)
					}
					if name == "429" {
						want(t, "requests of an attempt", uint64(o.fetches()), c.Status().Fetches) //nolint:gosec // a number of requests
					}
				})
			})
		}
	}
}

// While a request hangs, the next request of the same attempt is answered with Retry-After. No
// further request follows, and the time counts from this answer, also if the first request fails
// later.
func TestRetryAfterBesideHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		deny := func(r *http.Request) (*http.Response, error) {
			return response(r, 429, http.Header{"Retry-After": {"30"}}, nil), nil
		}
		answer := failFirst(hang, deny)
		c := newCache(t, i, func(o *jwks.Options) {
			o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				i.update(func(i *issuer) { i.requests = append(i.requests, time.Now()) })
				return answer(r)
			})
		})
		askOften(t, c, "a", 28*time.Second, 100*time.Millisecond)
		want(t, "requests in 28 s", i.fetches(), 2)
		time.Sleep(7 * time.Second)
		want(t, "requests in 35 s", i.fetches(), 3)
	})
}

// The metadata answers 429 with Retry-After while its keys are still served. The next request for
// the metadata comes later, and the keys are refreshed.
func TestRetryAfterOfMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := site{issuerURL + oidc: metadata(issuerURL, keysURL), keysURL: string(document(ecKey("a")))}
		i := &issuer{}
		var denied []time.Time
		i.answer = func(r *http.Request) *http.Response {
			if len(i.urls) > 2 && r.URL.String() != keysURL {
				denied = append(denied, time.Now())
				return response(r, 429, http.Header{"Retry-After": {"600"}}, nil)
			}
			return s.answer(r)
		}
		c := discover(t, issuerURL, i)
		time.Sleep(2 * time.Hour)
		want(t, "Failures", c.Status().Failures, 0)
		want(t, "lookup", keyOutcome(t, c, "a"), "ok")
		i.mu.Lock()
		defer i.mu.Unlock()
		if len(denied) < 7 {
			t.Errorf("requests for the metadata in 2 h: got %d, want at least 7", len(denied))
		}
		for n := range denied[1:] {
			if gap := denied[n+1].Sub(denied[n]); gap < 10*time.Minute {
				t.Errorf("pause before request %d for the metadata: got %v, want at least 10 min", n+2, gap)
			}
		}
	})
}
