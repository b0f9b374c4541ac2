package jwks_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// scaled returns the number of issuers or requests n. While the race detector is on, it returns an
// eighth of n, because the detector takes much time. If the number of issuers and
// Limits.MaxFetches shrink alike, the issuers wait equally long for their requests.
func scaled(n int) int {
	if testkit.RaceEnabled {
		return max(1, n/8)
	}
	return n
}

// repeats returns n, which is a number of similar runs or callers. While the race detector is on,
// it returns a quarter of n. All of them execute the same code, so the detector finds the same
// races with fewer of them.
func repeats(n int) int {
	if testkit.RaceEnabled {
		return max(1, n/4)
	}
	return n
}

// scaledLimits returns the default Limits for a crowd whose size is scaled.
func scaledLimits() *jwks.Limits {
	const defaultMaxFetches = 128
	return &jwks.Limits{MaxFetches: scaled(defaultMaxFetches)}
}

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

// lastDiffers answers for issuer number n with the function last, and for other issuers with the
// function others.
func lastDiffers(n int, others, last answerer) answerer {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == fmt.Sprintf("%d.test", n) {
			return last(r)
		}
		return others(r)
	}
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
