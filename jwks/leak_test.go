package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// panicking is a body whose Read panics after a part of its bytes.
type panicking struct{ io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil {
		panic("body")
	}
	return n, nil
}

func (panicking) Close() error { return nil }

// chaos answers in all ways in which a request can end.
func chaos(random *anything) answerer {
	return func(r *http.Request) (*http.Response, error) {
		doc := document(edKey(fmt.Sprint(random.n(1000))))
		if strings.Contains(r.URL.Path, "well-known") {
			doc = []byte(metadata("https://"+r.URL.Host+"/t", "https://"+r.URL.Host+"/t/keys"))
		}
		doc = append(doc, strings.Repeat(" ", []int{0, random.n(60 << 10), random.n(1 << 20)}[random.n(3)])...)
		ways := []answerer{
			hang,
			unavailable,
			serve(doc),
			serve(doc[:len(doc)/2]),
			sending{}.answer(doc),
			sending{zip: true}.answer(doc),
			sending{first: 10 << 10, pause: 200 * time.Millisecond}.answer(doc),
			sending{first: 20 << 10}.answer(doc),
			func(*http.Request) (*http.Response, error) { panic("transport") },
			func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
			func(r *http.Request) (*http.Response, error) {
				resp := response(r, 200, nil, nil)
				resp.ContentLength, resp.Body = -1, panicking{strings.NewReader(string(doc))}
				return resp, nil
			},
			func(r *http.Request) (*http.Response, error) { return response(r, 304, nil, nil), nil },
			func(r *http.Request) (*http.Response, error) {
				return response(r, 302, http.Header{"Location": {"/again"}}, nil), nil
			},
			func(r *http.Request) (*http.Response, error) {
				return response(r, 200, http.Header{"Content-Encoding": {"gzip"}}, doc), nil
			},
		}
		return after(time.Duration(1+random.n(1200))*time.Millisecond, ways[random.n(len(ways))])(r)
	}
}

// However requests end, and whenever caches are closed, no request and no byte of the Limits
// stays in use, and no cache stops refreshing.
func TestLimitsDoNotLeak(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			random := &anything{source: rand.New(rand.NewPCG(seed, 1))}
			limits := &jwks.Limits{MaxFetches: 1 + random.n(6), MaxBytesPerSecond: 1 << (18 + random.n(5))}
			answer := chaos(random)
			inFlight, most := 0, 0
			var mu sync.Mutex
			counted := func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				inFlight++
				most = max(most, inFlight)
				mu.Unlock()
				defer func() {
					mu.Lock()
					defer mu.Unlock()
					inFlight--
				}()
				return answer(r)
			}
			_, caches := startCrowd(t, 15, limits, counted)
			_, discovering := discoverCrowd(t, 15, limits, counted)
			caches = append(caches, discovering...)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for i, c := range caches {
				wg.Go(func() {
					for ctx.Err() == nil {
						short, stop := context.WithTimeout(ctx, time.Duration(1+random.n(2000))*time.Millisecond)
						_, _ = c.Key(short, fmt.Sprint(random.n(3000)), "EdDSA")
						stop()
						time.Sleep(time.Duration(1+random.n(1500)) * time.Millisecond)
					}
				})
				if i%3 == 0 { // closes at any time
					wg.Go(func() {
						time.Sleep(time.Duration(random.n(100_000)) * time.Millisecond)
						start := time.Now()
						_ = c.Close()
						want(t, "time of Close", time.Since(start), 0)
					})
				}
			}
			time.Sleep(100 * time.Second)
			before := make([]uint64, len(caches))
			for i, c := range caches {
				before[i] = c.Status().Fetches
			}
			time.Sleep(400 * time.Second)
			for i, c := range caches {
				if i%3 != 0 && c.Status().Fetches == before[i] {
					t.Errorf("seed %d, %d fetches, %d bytes/s: refreshes of cache %d in 400 s: got none, want at least 1; %+v", seed, limits.MaxFetches, limits.MaxBytesPerSecond, i, c.Status())
				}
			}
			cancel()
			wg.Wait()
			for _, c := range caches {
				_ = c.Close()
			}
			if most > limits.MaxFetches {
				t.Errorf("seed %d: requests in flight: got %d, want at most %d", seed, most, limits.MaxFetches)
			}
			time.Sleep(time.Hour) // a debt of bytes ends
			requests, bytes, open := jwks.InUse(limits)
			want(t, "requests in use", requests, 0)
			want(t, "bytes in use", bytes, 0)
			want(t, "open caches", open, 0)
		})
	}
}

// A request that ends before its connection is ready closes the connection. So there are not more
// connections than MaxFetches.
func TestConnectionsOfEndedRequests(t *testing.T) {
	const maxFetches = 4
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var open, most, total atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			total.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
			go func() { // never answers the TLS handshake
				_, _ = io.Copy(io.Discard, c)
				open.Add(-1)
				_ = c.Close()
			}()
		}
	}()
	limits := &jwks.Limits{MaxFetches: maxFetches}
	for n := range 40 {
		o := options(nil)
		o.Transport, o.Limits = nil, limits
		c, err := jwks.New(fmt.Sprintf("https://%s/%d", l.Addr(), n), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	time.Sleep(2500 * time.Millisecond)
	// A connection that was closed may still count for a moment.
	if n := most.Load(); n > 2*maxFetches {
		t.Errorf("open connections: got %d, want at most %d", n, 2*maxFetches)
	}
	if n := total.Load(); n < 2*maxFetches {
		t.Errorf("connections in 2.5 s: got %d, want at least %d", n, 2*maxFetches)
	}
}
