package jwks_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// answerer answers a request.
type answerer = func(r *http.Request) (*http.Response, error)

// crowd is many fake issuers. It is the http.RoundTripper of all their caches. The host of a
// request is the name of the issuer.
type crowd struct {
	mu          sync.Mutex // guards the fields below
	answer      answerer
	requests    map[string]int // the number of requests for each issuer
	inFlight    int
	maxInFlight int
}

func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.requests[r.URL.Host]++
	c.inFlight++
	c.maxInFlight = max(c.maxInFlight, c.inFlight)
	answer := c.answer
	c.mu.Unlock()
	resp, err := answer(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.inFlight--
		return nil, err
	}
	// The request is in flight until its body is closed.
	resp.Body = &crowdBody{ReadCloser: resp.Body, end: func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inFlight--
	}}
	return resp, nil
}

type crowdBody struct {
	io.ReadCloser
	end  func()
	once sync.Once
}

func (b *crowdBody) Close() error {
	b.once.Do(b.end)
	return b.ReadCloser.Close()
}

func (c *crowd) set(answer answerer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// after returns the function answer with a delay.
func after(d time.Duration, answer answerer) answerer {
	if d == 0 { // with the race detector, time.After(0) in a select crashes in a synctest bubble (go1.26.8)
		return answer
	}
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return answer(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// hang never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// serve answers with a document.
func serve(doc []byte) answerer {
	return func(r *http.Request) (*http.Response, error) { return response(r, 200, nil, doc), nil }
}

// startCrowd returns n issuers with their caches, which share limits.
func startCrowd(t *testing.T, n int, limits *jwks.Limits, answer answerer) (*crowd, []*jwks.Cache) {
	t.Helper()
	return newCrowd(t, n, answer, func(name string, o *jwks.Options) (*jwks.Cache, error) {
		o.Limits = limits
		return jwks.New(name+"/keys", o)
	})
}

// discoverCrowd does what startCrowd does, but the caches discover the URL of the key set. The
// path of each issuer is /t.
func discoverCrowd(t *testing.T, n int, limits *jwks.Limits, answer answerer) (*crowd, []*jwks.Cache) {
	t.Helper()
	return newCrowd(t, n, answer, func(name string, o *jwks.Options) (*jwks.Cache, error) {
		o.Limits, o.Issuer = limits, ""
		return jwks.Discover(name+"/t", o)
	})
}

func newCrowd(t *testing.T, n int, answer answerer, start func(name string, o *jwks.Options) (*jwks.Cache, error)) (*crowd, []*jwks.Cache) {
	t.Helper()
	c := &crowd{answer: answer, requests: map[string]int{}}
	caches := make([]*jwks.Cache, n)
	for i := range caches {
		o := options(nil)
		o.Transport = c
		var err error
		if caches[i], err = start(fmt.Sprintf("https://%d.test", i), o); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		var wg sync.WaitGroup
		for _, cache := range caches {
			wg.Go(func() { _ = cache.Close() })
		}
		wg.Wait()
	})
	return c, caches
}

// forge looks up unknown keys in all caches: two tokens each, every second, until ctx ends.
func forge(ctx context.Context, caches []*jwks.Cache) {
	for round := 0; ; round++ {
		for _, cache := range caches {
			for n := range 2 {
				go func() { _, _ = cache.Key(ctx, fmt.Sprint("forged", round, n), "EdDSA") }()
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// drip is a body that sends one byte of white space per second, until the context ends.
type drip struct {
	ctx context.Context //nolint:containedctx // the context of the request
}

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func (drip) Close() error { return nil }

// hugeDocument returns a key set of almost 1 MiB. Different seeds have different keys.
func hugeDocument(seed int) []byte {
	return []byte(`{"keys":[` + edElement(fmt.Sprint(seed), seed) + `],"o":"` + strings.Repeat("a", 1<<20-200) + `"}`)
}

// Two forged tokens for each of 2,000 issuers cause at most MaxFetches requests at the same
// time.
func TestFetchesInFlight(t *testing.T) {
	for name, row := range map[string]struct {
		limits  *jwks.Limits
		issuers int
		want    int
	}{
		"default":       {&jwks.Limits{}, 2000, 128},
		"MaxFetches 10": {&jwks.Limits{MaxFetches: 10}, 300, 10},
		"MaxFetches 1":  {&jwks.Limits{MaxFetches: 1}, 300, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := after(10*time.Millisecond, serve(document(edKey("a"))))
				c, caches := startCrowd(t, row.issuers, row.limits, good)
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
				answers := func(others, last answerer) answerer {
					return func(r *http.Request) (*http.Response, error) {
						if r.URL.Host == fmt.Sprintf("%d.test", row.others) {
							return last(r)
						}
						return others(r)
					}
				}
				c, caches := startCrowd(t, row.others+1, &jwks.Limits{}, answers(row.start, good))
				last := caches[row.others]
				if err := last.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Second)
				c.set(answers(row.bad, after(50*time.Millisecond, serve(document(edKey("new"))))))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go forge(ctx, caches[:row.others])
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
				for range 600 { // 10 tokens per second
					go func() { _, _ = c.Key(t.Context(), "forged", "EdDSA") }()
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
		rate       int
		seconds    int
		compressed bool
		most       int // number of documents of 1 MiB
	}{
		"1 MiB per second":               {1 << 20, 20, false, 4 + 20 + 1},
		"default":                        {0, 10, false, 16 + 40 + 1},
		"slow":                           {1 << 10, 100, false, 1},
		"compressed bytes count 4 times": {1 << 20, 20, true, 4 + 20 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				doc, header := hugeDocument(1), http.Header{}
				if row.compressed { // 256 KiB of compressed text
					doc = zipped([]byte(`{"keys":[` + goodKey + `}],"o":"` + number(256<<10, 1) + `"}`))
					header.Set("Content-Encoding", "gzip")
				}
				answer := func(r *http.Request) (*http.Response, error) { return response(r, 200, header, doc), nil }
				_, caches := startCrowd(t, 100, &jwks.Limits{MaxBytesPerSecond: row.rate}, answer)
				time.Sleep(time.Duration(row.seconds) * time.Second)
				ready := 0
				for _, cache := range caches {
					if cache.Status().Ready {
						ready++
					}
				}
				if ready > row.most || ready < min(row.most/2, 100) {
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
}
