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
	var ways []answerer
	panics := func(doc []byte) answerer {
		return func(r *http.Request) (*http.Response, error) {
			resp := response(r, 200, nil, nil)
			resp.ContentLength, resp.Body = -1, panicking{strings.NewReader(string(doc))}
			return resp, nil
		}
	}
	with := func(code int, header http.Header) answerer {
		return func(r *http.Request) (*http.Response, error) { return response(r, code, header, nil), nil }
	}
	for n, size := range []int{1 << 10, 20 << 10, 50 << 10, 400 << 10} {
		doc := paddedDocument(fmt.Sprint(n), size)
		ways = append(ways, serve(doc), sending{}.answer(doc), sending{zip: true}.answer(doc), panics(doc),
			serve(doc[:size/2]), sending{first: 10 << 10, pause: 200 * time.Millisecond}.answer(doc))
	}
	half := sending{first: 20 << 10}.answer(paddedDocument("a", 100<<10))
	ways = append(ways, half, hang, hang, unavailable, unavailable, with(304, nil),
		with(302, http.Header{"Location": {"/again"}}), with(200, http.Header{"Content-Encoding": {"gzip"}}),
		func(*http.Request) (*http.Response, error) { panic("transport") },
		func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
	return func(r *http.Request) (*http.Response, error) {
		way := ways[random.n(len(ways))]
		if strings.Contains(r.URL.Path, "well-known") && random.n(2) == 0 {
			issuer := "https://" + r.URL.Host + "/t"
			way = serve([]byte(metadata(issuer, issuer+"/keys")))
		}
		return after(time.Duration(1+random.n(1200))*time.Millisecond, way)(r)
	}
}

// However requests end, and whenever caches are closed, no request and no byte of the Limits
// stays in use, and no cache stops refreshing.
func TestLimitsDoNotLeak(t *testing.T) {
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			random := &anything{source: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // for a test
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
			_, caches := startCrowd(t, 10, limits, counted)
			_, discovering := discoverCrowd(t, 10, limits, counted)
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
						time.Sleep(time.Duration(random.n(60_000)) * time.Millisecond)
						start := time.Now()
						_ = c.Close()
						want(t, "time of Close", time.Since(start), 0)
					})
				}
			}
			time.Sleep(60 * time.Second)
			before := make([]uint64, len(caches))
			for i, c := range caches {
				before[i] = c.Status().Fetches
			}
			time.Sleep(300 * time.Second)
			for i, c := range caches {
				if i%3 != 0 && c.Status().Fetches == before[i] {
					t.Errorf("seed %d, %d fetches, %d bytes/s: refreshes of cache %d in 300 s: got none, want at least 1; %+v", seed, limits.MaxFetches, limits.MaxBytesPerSecond, i, c.Status())
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
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
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
