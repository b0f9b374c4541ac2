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

// Two forged tokens for each of 2,000 issuers cause at most MaxFetches requests at the same
// time.
func TestFetchesInFlight(t *testing.T) {
	for name, row := range map[string]struct {
		limits  *jwks.Limits
		issuers int
		want    int
	}{
		"default":       {scaledLimits(), 2000, scaled(128)},
		"MaxFetches 10": {&jwks.Limits{MaxFetches: 10}, 300, 10},
		"MaxFetches 1":  {&jwks.Limits{MaxFetches: 1}, 300, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := after(10*time.Millisecond, serve(document(edKey("a"))))
				c, caches := startCrowd(t, scaled(row.issuers), row.limits, good)
				time.Sleep(time.Minute)
				for i, cache := range caches {
					if s := cache.Status(); !s.Ready {
						t.Fatalf("issuer %d after 1 min: got not ready, want ready", i)
					}
				}
				c.set(hang)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				forge(ctx, caches)
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.maxInFlight > row.want {
					t.Errorf("requests in flight: got %d, want at most %d", c.maxInFlight, row.want)
				}
			})
		})
	}
}

// While all other issuers misbehave, an issuer that answers is not delayed: the cache notices
// a rotation within 5 s.
func TestFairLimits(t *testing.T) {
	var mu sync.Mutex
	requests := 0
	documents := make([][]byte, 10)
	for seed := range documents {
		documents[seed] = hugeDocument(seed)
	}
	huge := func(r *http.Request) (*http.Response, error) { // a different key set for each request
		mu.Lock()
		defer mu.Unlock()
		requests++
		return response(r, 200, nil, documents[requests%len(documents)]), nil
	}
	slow := func(r *http.Request) (*http.Response, error) {
		resp := response(r, 200, nil, nil)
		resp.ContentLength, resp.Body = -1, drip{r.Context()}
		return resp, nil
	}
	good := after(50*time.Millisecond, serve(document(edKey("old"))))
	for name, row := range map[string]struct {
		others     int // number of other issuers
		start, bad answerer
	}{
		"issuers hang from the start":                 {1999, hang, hang},
		"issuers hang at the same time":               {1999, good, hang},
		"issuers send large documents":                {500, good, huge},
		"issuers send bodies slowly":                  {1999, good, slow},
		"issuers answer slowly, with large documents": {500, good, after(150*time.Millisecond, huge)},
		"issuers answer after 1 s, from the start":    {1999, after(time.Second, serve(document(edKey("a")))), hang},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				others := scaled(row.others)
				answers := func(bad, last answerer) answerer { return lastDiffers(others, bad, last) }
				c, caches := startCrowd(t, others+1, scaledLimits(), answers(row.start, good))
				last := caches[others]
				if err := last.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Second)
				c.set(answers(row.bad, after(50*time.Millisecond, serve(document(edKey("new"))))))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go forge(ctx, caches[:others])
				time.Sleep(10 * time.Millisecond) // the forged tokens come first
				start := time.Now()
				for {
					_, err := last.Key(t.Context(), "new", "EdDSA")
					if took := time.Since(start); err == nil || took > 5*time.Second {
						t.Logf("the new key was found after %v", took)
						want(t, "outcome of the lookup of the new key", outcome(err), "ok")
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
				cancel()
			})
		})
	}
}

// An issuer that publishes a different key set of 1 MiB each time is fetched at most 20 times a
// minute, and an issuer with small key sets as often as before.
func TestForcedDocuments(t *testing.T) {
	for name, row := range map[string]struct {
		doc         func(seed int) []byte
		least, most int
	}{
		"1 MiB": {hugeDocument, 10, 20},
		"small": {func(seed int) []byte { return document(edKey(fmt.Sprint(seed))) }, 50, 75},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				served := 0
				i.answer = func(r *http.Request) *http.Response {
					served++
					return response(r, 200, nil, row.doc(served))
				}
				c := newCache(t, i)
				for n := range 600 { // 10 tokens per second, each with another kid
					go func() { _, _ = c.Key(t.Context(), fmt.Sprint("forged", n), "EdDSA") }()
					time.Sleep(100 * time.Millisecond)
				}
				if n := i.fetches(); n < row.least || n > row.most {
					t.Errorf("fetches in 1 min: got %d, want %d to %d", n, row.least, row.most)
				}
			})
		})
	}
}

// The caches process at most MaxBytesPerSecond on average, after they saved bytes for 4 s.
func TestBytesPerSecond(t *testing.T) {
	for name, row := range map[string]struct {
		issuers    int
		rate       int
		seconds    int
		compressed bool
		most       int // number of documents of 1 MiB
	}{
		"1 MiB per second":               {30, 1 << 20, 10, false, 4 + 10 + 1},
		"default":                        {80, 0, 5, false, 16 + 20 + 1},
		"slow":                           {30, 64 << 10, 100, false, 8},
		"compressed bytes count 4 times": {30, 1 << 20, 10, true, 4 + 10 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doc, header := hugeDocument(1), http.Header{}
				if row.compressed { // 256 KiB of compressed text
					doc = zipped([]byte(`{"keys":[` + goodKey + `}],"o":"` + number(256<<10, 1) + `"}`))
					header.Set("Content-Encoding", "gzip")
				}
				answer := func(r *http.Request) (*http.Response, error) { return response(r, 200, header, doc), nil }
				_, caches := startCrowd(t, row.issuers, &jwks.Limits{MaxBytesPerSecond: row.rate}, answer)
				time.Sleep(time.Duration(row.seconds) * time.Second)
				ready := 0
				for _, cache := range caches {
					if cache.Status().Ready {
						ready++
					}
				}
				if ready > row.most || ready < row.most/2 {
					t.Errorf("caches that processed their document after %d s: got %d, want %d to %d", row.seconds, ready, row.most/2, row.most)
				}
			})
		})
	}
}

// A closed cache gives its request back, whether it is in flight or waits.
func TestCloseReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := &jwks.Limits{MaxFetches: 1}
		c, hanging := startCrowd(t, 3, limits, hang)
		synctest.Wait()
		want(t, "requests in flight", c.inFlight, 1)
		o := options(newIssuer(edKey("a")))
		o.Limits = limits
		cache, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cache.Close() }()
		start := time.Now()
		for _, h := range hanging {
			_ = h.Close()
		}
		if err := cache.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		want(t, "time until the keys are available", time.Since(start), 0)
	})
}

// The keys become unavailable in time, even if the cache waits for a request.
func TestStaleWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := &jwks.Limits{MaxFetches: 1}
		var events recorder
		newCache(t, newIssuer(edKey("a")), func(o *jwks.Options) {
			o.Limits, o.Observe, o.MaxInterval, o.MaxStale = limits, events.add, time.Minute, time.Minute
		})
		end := make(chan struct{})
		stubborn := func(r *http.Request) (*http.Response, error) { // ignores the context
			<-end
			return nil, r.Context().Err()
		}
		startCrowd(t, 1, limits, stubborn)
		defer close(end)
		time.Sleep(59 * time.Second)
		want(t, "WentStale events after 59 s", events.count(jwks.WentStale), 0)
		time.Sleep(2 * time.Second)
		want(t, "WentStale events after 61 s", events.count(jwks.WentStale), 1)
	})
}

// Limits that are invalid are reported together with the other errors.
func TestBadLimits(t *testing.T) {
	_, err := jwks.New(keySetURL, &jwks.Options{Timeout: -1, Limits: &jwks.Limits{MaxFetches: -1, MaxBytesPerSecond: -2}})
	wantText(t, err, "Timeout", "Limits.MaxFetches: -1 is negative", "Limits.MaxBytesPerSecond: -2 is negative")
	_, err = jwks.New(keySetURL, &jwks.Options{Limits: &jwks.Limits{MaxBytesPerSecond: 4}})
	wantText(t, err, "jwks: Limits.MaxBytesPerSecond: 4 is 4 bytes per second", "did you mean 4<<20?")
}

// The Status shows how long a cache has waited for requests and for bytes.
func TestLimitWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := &jwks.Limits{MaxFetches: 1, MaxBytesPerSecond: 64 << 10}
		end := make(chan struct{})
		startCrowd(t, 1, limits, func(r *http.Request) (*http.Response, error) { // ignores the context
			<-end
			return nil, r.Context().Err()
		})
		synctest.Wait()
		waiting := newCache(t, newIssuer(edKey("a")), func(o *jwks.Options) { o.Limits = limits })
		time.Sleep(7 * time.Second)
		want(t, "LimitWait of a cache that waits for a request", waiting.Status().LimitWait, 7*time.Second)
		close(end)
		time.Sleep(time.Second)
		want(t, "LimitWait after the request", waiting.Status().LimitWait, 7*time.Second)
		i := newIssuer()
		i.doc = paddedDocument("a", 200<<10)
		large := newCache(t, i, func(o *jwks.Options) { o.Limits = &jwks.Limits{MaxBytesPerSecond: 64 << 10} })
		_ = large.Refresh(t.Context())
		want(t, "LimitWait of documents within the saved bytes", large.Status().LimitWait, 0)
		_ = large.Refresh(t.Context()) // the two documents used 144 KiB more than the saved 256 KiB
		if wait := large.Status().LimitWait; wait < 2*time.Second || wait > 3*time.Second {
			t.Errorf("LimitWait of a refresh that waited for 144 KiB: got %v, want 2 s to 3 s", wait)
		}
		want(t, "failed refreshes, because a wait does not count in Options.Timeout", large.Status().Failed, 0)
	})
}
