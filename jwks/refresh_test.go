package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

func TestRefreshInterval(t *testing.T) {
	date := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // the start time of a synctest bubble
	for _, tt := range []struct {
		name      string
		header    http.Header
		low, high time.Duration
	}{
		{"no Cache-Control and no Expires", nil, 225 * time.Second, 285 * time.Second},
		{"max-age", http.Header{"Cache-Control": {"public, max-age=600"}}, 450 * time.Second, 570 * time.Second},
		{"max-age in quotation marks", http.Header{"Cache-Control": {`max-age="600"`}}, 450 * time.Second, 570 * time.Second},
		{"two Cache-Control fields", http.Header{"Cache-Control": {"public", "Max-Age=600"}}, 450 * time.Second, 570 * time.Second},
		{"max-age and Age", http.Header{"Cache-Control": {"max-age=900"}, "Age": {"300"}}, 450 * time.Second, 570 * time.Second},
		{"max-age longer than MaxInterval", http.Header{"Cache-Control": {"max-age=86400"}}, 675 * time.Second, 855 * time.Second},
		{"max-age shorter than MinInterval", http.Header{"Cache-Control": {"max-age=1"}}, 45 * time.Second, 57 * time.Second},
		{"no-store and max-age", http.Header{"Cache-Control": {"no-store, max-age=600"}}, 45 * time.Second, 57 * time.Second},
		{"max-age before no-cache", http.Header{"Cache-Control": {"max-age=600, no-cache"}}, 45 * time.Second, 57 * time.Second},
		{"no-store in a second field", http.Header{"Cache-Control": {"max-age=600", "no-store"}}, 45 * time.Second, 57 * time.Second},
		{"max-age=0", http.Header{"Cache-Control": {"max-age=0"}}, 45 * time.Second, 57 * time.Second},
		{"two values of max-age", http.Header{"Cache-Control": {"max-age=600, max-age=300"}}, 450 * time.Second, 570 * time.Second},
		{"s-maxage is ignored", http.Header{"Cache-Control": {"s-maxage=9, max-age=600"}}, 450 * time.Second, 570 * time.Second},
		{"Age greater than max-age", http.Header{"Cache-Control": {"max-age=600"}, "Age": {"900"}}, 45 * time.Second, 57 * time.Second},
		{"Age far greater than max-age", http.Header{"Cache-Control": {"max-age=600"}, "Age": {"40000"}}, 45 * time.Second, 57 * time.Second},
		{"Age is not a number", http.Header{"Cache-Control": {"max-age=600"}, "Age": {"old"}}, 450 * time.Second, 570 * time.Second},
		{"invalid max-age", http.Header{"Cache-Control": {"max-age=soon"}}, 45 * time.Second, 57 * time.Second},
		{"Cache-Control without max-age", http.Header{"Cache-Control": {"public"}}, 225 * time.Second, 285 * time.Second},
		{"max-age and invalid Expires", http.Header{"Cache-Control": {"max-age=600"}, "Expires": {"0"}}, 450 * time.Second, 570 * time.Second},
		{"Expires", http.Header{"Expires": {date.Add(10 * time.Minute).Format(http.TimeFormat)}}, 450 * time.Second, 570 * time.Second},
		{"Expires and Date", http.Header{
			"Date":    {date.Add(time.Hour).Format(http.TimeFormat)},
			"Expires": {date.Add(70 * time.Minute).Format(http.TimeFormat)},
		}, 450 * time.Second, 570 * time.Second},
		{"Expires is 0", http.Header{"Expires": {"0"}}, 45 * time.Second, 57 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.header = tt.header
				c := newCache(t, i)
				next := c.Status().NextRefresh
				if d := time.Until(next); d < tt.low || d > tt.high {
					t.Errorf("time until the next refresh: got %v, want %v to %v", d, tt.low, tt.high)
				}
				time.Sleep(time.Until(next) - time.Millisecond)
				want(t, "fetches before the next refresh", i.fetches(), 1)
				time.Sleep(2 * time.Millisecond)
				want(t, "fetches after the next refresh", i.fetches(), 2)
			})
		})
	}
}

// 50 replicas that start at the same time refresh at different times.
func TestReplicasSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		for range 50 {
			newCache(t, i)
		}
		time.Sleep(5 * time.Minute)
		perSecond := map[int]int{}
		times := i.requestTimes()
		for _, at := range times[50:] {
			perSecond[at.Second()+60*at.Minute()]++
		}
		want(t, "fetches", len(times), 100)
		for second, n := range perSecond {
			if n > 8 {
				t.Errorf("fetches in second %d: got %d, want at most 8", second, n)
			}
		}
	})
}

func TestConditionalRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		doc := i.doc
		i.answer = func(req *http.Request) *http.Response {
			header := http.Header{"Etag": {`"v1"`}, "Last-Modified": {"Sat, 01 Jan 2000 00:00:00 GMT"}}
			if req.Header.Get("If-None-Match") == `"v1"` {
				return response(req, http.StatusNotModified, http.Header{"Cache-Control": {"max-age=600"}}, nil)
			}
			return response(req, http.StatusOK, header, doc)
		}
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		want(t, "If-None-Match of the first request", i.lastHeader().Get("If-None-Match"), "")
		first, _ := c.Lookup("a", "ES256")
		time.Sleep(150 * time.Minute)
		unconditional := 0
		var headers []http.Header
		i.update(func(i *issuer) { headers = slices.Clone(i.headers) })
		for n, header := range headers {
			if header.Get("Cache-Control") == "no-cache" {
				unconditional++
				continue
			}
			want(t, fmt.Sprint("If-None-Match of request ", n), header.Get("If-None-Match"), `"v1"`)
			want(t, fmt.Sprint("If-Modified-Since of request ", n), header.Get("If-Modified-Since"), "Sat, 01 Jan 2000 00:00:00 GMT")
		}
		// The first request is unconditional, and later one request per hour.
		if unconditional < 3 || unconditional > 4 {
			t.Errorf("unconditional requests in 150 min: got %d, want 3 or 4", unconditional)
		}
		// A 304 confirms the key set, so the key set does not become stale.
		time.Sleep(24 * time.Hour)
		keys, err := c.Lookup("a", "ES256")
		if err != nil || keys[0] != first[0] {
			t.Errorf("lookup after a day of 304 responses: got keys %v and error %v, want the same pointer and no error", keys, err)
		}
		synctest.Wait()
		if n := events.count(jwks.Refreshed); n < 27 || n > 36 {
			t.Errorf("Refreshed events in 26.5 h: got %d, want one per 45 to 60 min", n)
		}
		if n := events.count(jwks.NotModified); n < 100 {
			t.Errorf("NotModified events: got %d, want at least 100", n)
		}
		// The request for a missing key bypasses HTTP caches.
		keyOutcome(t, c, "b")
		want(t, "If-None-Match for a missing key", i.lastHeader().Get("If-None-Match"), "")
		want(t, "Cache-Control for a missing key", i.lastHeader().Get("Cache-Control"), "no-cache")
	})
}

// A 304 in response to an unconditional request is an error.
func TestUnexpectedNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.status = http.StatusNotModified
		c := newCache(t, i)
		want(t, "outcome of the lookup", keyOutcome(t, c, "a"), "unavailable")
	})
}

// The refresher obeys Retry-After, and waits up to a tenth longer. Without keys, it waits at most
// 1 min.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		value string
		pause time.Duration
	}{
		{"30", 30 * time.Second},
		{"Sat, 01 Jan 2000 00:00:30 GMT", 30 * time.Second},
		{"86400", time.Minute}, // the limit is 1 min, and 86,400 s are longer
	} {
		t.Run(tt.value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.status, i.header = http.StatusTooManyRequests, http.Header{"Retry-After": {tt.value}}
				newCache(t, i)
				time.Sleep(tt.pause - time.Second)
				want(t, "fetches before the time in Retry-After", i.fetches(), 1)
				time.Sleep(time.Second + tt.pause/10 + time.Millisecond)
				times := i.requestTimes()
				if d := times[1].Sub(times[0]); d < tt.pause || d > tt.pause*11/10 {
					t.Errorf("pause: got %v, want %v to %v", d, tt.pause, tt.pause*11/10)
				}
			})
		})
	}
}

// While keys are unavailable, lookups obey Retry-After too, and return at once. The first lookup
// after this time gets its key.
func TestRetryAfterWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.status, i.header = http.StatusServiceUnavailable, http.Header{"Retry-After": {"60"}}
		c := newCache(t, i)
		for start := time.Now(); time.Since(start) < 58*time.Second; time.Sleep(100 * time.Millisecond) {
			_, err := c.Key(t.Context(), "a", "ES256")
			if d := asUnavailable(t, err).RetryAfter; d < time.Minute-time.Since(start) || d > 67*time.Second-time.Since(start) {
				t.Errorf("RetryAfter after %v: got %v, want the time until 60 s to 66 s", time.Since(start), d)
			}
		}
		want(t, "fetches in 58 s", i.fetches(), 1)
		i.update(func(i *issuer) { i.status = 0 })
		time.Sleep(6500 * time.Millisecond) // at 64.5 s, a lookup waits for a fetch at up to 66 s
		want(t, "first lookup after the time in Retry-After", keyOutcome(t, c, "a"), "ok")
	})
}

// While keys are available, lookups of unknown kids obey Retry-After too. So the cache finds a new
// key after this time.
func TestRetryAfterWithKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.update(func(i *issuer) {
			i.status, i.header = http.StatusTooManyRequests, http.Header{"Retry-After": {"60"}}
		})
		want(t, "first lookup of an unknown kid", keyOutcome(t, c, "b"), "unavailable") // causes a fetch
		for range 599 {
			time.Sleep(100 * time.Millisecond)
			want(t, "later lookup of an unknown kid", keyOutcome(t, c, "b"), "unavailable")
		}
		want(t, "fetches in 60 s", i.fetches(), 2)
		want(t, "lookup of a known kid", keyOutcome(t, c, "a"), "ok")
		i.update(func(i *issuer) { i.status = 0 })
		i.publish(ecKey("b"))
		time.Sleep(6200 * time.Millisecond)
		want(t, "lookup of a new key, 66 s after the 429", keyOutcome(t, c, "b"), "ok")
	})
}

func TestUnavailableError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.down = true
		c := newCache(t, i)
		_, err := c.Lookup("a", "ES256")
		e := asUnavailable(t, err)
		want(t, "RetryAfter without a key set", e.RetryAfter, time.Second)
		wantText(t, e, "connection refused", "issuer.test/keys")
		i.update(func(i *issuer) { i.down = false })
		want(t, "lookup after the issuer's return", keyOutcome(t, c, "a"), "ok")
		i.update(func(i *issuer) { i.down = true })
		time.Sleep(20 * time.Minute)
		_, err = c.Lookup("b", "ES256")
		want(t, "RetryAfter with a key set", asUnavailable(t, err).RetryAfter, 8*time.Second)
	})
}

func asUnavailable(t *testing.T, err error) *jwks.UnavailableError {
	t.Helper()
	e, ok := errorAs(err)
	if !ok {
		t.Fatalf("got %v, want an *UnavailableError", err)
	}
	return e
}

func TestRefreshIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.update(func(i *issuer) { i.delay = 900 * time.Millisecond })
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := c.Refresh(t.Context()); err != nil {
					t.Errorf("Refresh: got error %v, want none", err)
				}
			})
		}
		wg.Wait()
		if n := i.fetches(); n < 2 || n > 3 {
			t.Errorf("fetches for 20 calls of Refresh: got %d, want 2 or 3", n)
		}
		i.update(func(i *issuer) { i.down = true })
		wantText(t, c.Refresh(t.Context()), "connection refused")
		i.update(func(i *issuer) { i.down, i.hang = false, true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want(t, "error of Refresh after its deadline", c.Refresh(ctx), context.DeadlineExceeded)
		want(t, "lookup while the issuer hangs", keyOutcome(t, c, "a"), "ok")
	})
}

// The issuer publishes a key after a fetch has begun. A lookup of the new key waits for the next
// fetch.
func TestKeyPublishedDuringFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		old := i.doc
		i.update(func(i *issuer) {
			i.delay = 500 * time.Millisecond
			i.answer = func(req *http.Request) *http.Response { return response(req, 200, nil, old) }
		})
		go func() { _ = c.Refresh(t.Context()) }()
		time.Sleep(100 * time.Millisecond)
		go func() {
			time.Sleep(450 * time.Millisecond) // until the issuer has sent the first response
			i.update(func(i *issuer) { i.answer = nil })
		}()
		i.publish(ecKey("b"))
		start := time.Now()
		want(t, "lookup of a key that was published during a fetch", keyOutcome(t, c, "b"), "ok")
		want(t, "wait of the lookup", time.Since(start), 900*time.Millisecond)
	})
}

func TestClose(t *testing.T) {
	for _, hang := range []bool{false, true} {
		t.Run(fmt.Sprint("issuer hangs: ", hang), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // synctest fails if a goroutine does not end
				i := newIssuer(ecKey("a"))
				i.hang = hang
				c := newCache(t, i)
				var wg sync.WaitGroup
				if hang {
					wg.Go(func() { want(t, "outcome of Key that waits during Close", keyOutcome(t, c, "a"), "unavailable") })
					wg.Go(func() {
						want(t, "outcome of Ready that waits during Close", outcome(c.Ready(t.Context())), "unavailable")
					})
					wg.Go(func() {
						want(t, "outcome of Refresh that waits during Close", outcome(c.Refresh(t.Context())), "unavailable")
					})
					synctest.Wait()
				}
				start := time.Now()
				for range 2 {
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				}
				wg.Wait()
				want(t, "duration of Close", time.Since(start), 0)
				_, err := c.Lookup("a", "ES256")
				want(t, "outcome of Lookup after Close", outcome(err), "unavailable")
				wantText(t, err, "cache is closed")
				want(t, "RetryAfter after Close", asUnavailable(t, err).RetryAfter, 0)
				want(t, "outcome of Key after Close", keyOutcome(t, c, "a"), "unavailable")
				want(t, "outcome of Ready after Close", outcome(c.Ready(t.Context())), "unavailable")
				want(t, "outcome of Refresh after Close", outcome(c.Refresh(t.Context())), "unavailable")
				if s := c.Status(); s.Ready || len(s.Keys) != 0 {
					t.Errorf("status after Close: got %+v, want Ready false and no Keys", s)
				}
				n := i.fetches()
				time.Sleep(time.Hour)
				want(t, "fetches after Close", i.fetches(), n)
			})
		})
	}
}

// The cache continues to work after panics in a Transport and in Observe.
func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.answer = func(*http.Request) *http.Response { panic("transport") }
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = func(jwks.Event) { panic("observer") } })
		want(t, "lookup while the Transport panics", keyOutcome(t, c, "a"), "unavailable")
		i.update(func(i *issuer) { i.answer = nil })
		want(t, "lookup after the panics", keyOutcome(t, c, "a"), "ok")
	})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a").with("alg", "ES256"), public("r", rsaPrivate().Public()), jwk{"kty": "oct", "k": "AAAA", "kid": "s"})
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		time.Sleep(time.Minute)
		s := c.Status()
		want(t, "Issuer", s.Issuer, "https://issuer.test")
		want(t, "URL", s.URL, keySetURL)
		want(t, "Ready", s.Ready, true)
		want(t, "Age", s.Age, time.Minute)
		want(t, "Fetches", s.Fetches, 1)
		for n, text := range []string{"a EC P-256 [ES256]", "r RSA 2048 [RS256 RS384 RS512 PS256 PS384 PS512]"} {
			k := s.Keys[n]
			want(t, "element of Keys", fmt.Sprint(k.ID(), " ", k.Type(), " ", k.Algorithms()), text)
			want(t, "length of Thumbprint", len(k.Thumbprint()), 43)
		}
		want(t, "Skipped", fmt.Sprint(s.Skipped), "[{2 s true private or symmetric key material}]")
		want(t, "KeySkipped events", events.count(jwks.KeySkipped), 1)
		for n := range 10 {
			keyOutcome(t, c, fmt.Sprint("x", n)) // the same kid is answered from memory
		}
		want(t, "Denied", c.Status().Denied, 8)
		want(t, "MissDenied events", events.count(jwks.MissDenied), 8)
		want(t, "MissFetch events", events.count(jwks.MissFetch), 2)
		want(t, "MissFetches", c.Status().MissFetches, 2)
		i.update(func(i *issuer) { i.down = true })
		_ = c.Refresh(t.Context())
		s = c.Status()
		want(t, "Fetches, Refreshed, NotModified, Failed", fmt.Sprint(s.Fetches, s.Refreshed, s.NotModified, s.Failed), "4 3 0 1")
		want(t, "Rejected while the issuer is down", s.Rejected, 0)
		i.update(func(i *issuer) { i.down, i.doc = false, []byte(`{"keys":[]}`) })
		_ = c.Refresh(t.Context())
		s = c.Status()
		want(t, "Failed, Rejected, number of Keys", fmt.Sprint(s.Failed, s.Rejected, len(s.Keys)), "2 1 2")
		want(t, "LastAttempt is equal to or after LastSuccess", s.LastAttempt.After(s.LastSuccess) || s.LastAttempt.Equal(s.LastSuccess), true)
	})
}
