package dpop_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/dpop"
)

// breaking is a server that answers the first request, and breaks the connection after it has read
// the second one. It answers all other requests. It accepts a proof once.
type breaking struct {
	net.Listener

	mu     sync.Mutex // guards proofs
	proofs []string
}

func newBreaking(t *testing.T, serve func(*breaking, net.Conn)) *breaking {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &breaking{Listener: listener}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				serve(b, conn)
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); group.Wait() })
	return b
}

// add adds the proof of a request. It returns the number of requests, and whether the proof was used.
func (b *breaking) add(field string) (n int, used bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	used = slices.Contains(b.proofs, field)
	b.proofs = append(b.proofs, field)
	return len(b.proofs), used
}

func serveHTTP1(b *breaking, conn net.Conn) {
	for r := bufio.NewReader(conn); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		n, used := b.add(req.Header.Get("DPoP"))
		answer := "HTTP/1.1 204 No Content\r\n\r\n"
		if used {
			answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: DPoP error=\"invalid_dpop_proof\"\r\nContent-Length: 0\r\n\r\n"
		}
		if n == 2 {
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

// TestTransportBrokenConnection tests that the requests that http.Transport sends again on its own have
// new proofs.
func TestTransportBrokenConnection(t *testing.T) {
	for name, row := range map[string]struct {
		method, key, body string
		wrapped           bool // Base is not an *http.Transport
		requests, proofs  int
	}{
		"GET":                          {method: http.MethodGet, requests: 3, proofs: 3},
		"POST":                         {method: http.MethodPost, requests: 2, proofs: 2},
		"POST with an idempotency key": {method: http.MethodPost, key: "k", body: "body", requests: 3, proofs: 3},
		// The API refuses the second attempt of http.Transport. The Transport repeats the request.
		"GET, other Base":                          {method: http.MethodGet, wrapped: true, requests: 4, proofs: 3},
		"POST with an idempotency key, other Base": {method: http.MethodPost, key: "k", wrapped: true, requests: 3, proofs: 2},
	} {
		b := newBreaking(t, serveHTTP1)
		pool := new(http.Transport)
		t.Cleanup(pool.CloseIdleConnections) // before the server waits for its connections
		url, base := "http://"+b.Addr().String(), http.RoundTripper(pool)
		if row.wrapped {
			base = roundTripper(base.RoundTrip)
		}
		transport := newTransport(t, dpop.TransportOptions{Base: base}, url)
		do(t, transport, http.MethodGet, url+"/", nil)
		req := httptest.NewRequest(row.method, url+"/", strings.NewReader(row.body))
		req.Body, req.GetBody = http.NoBody, nil
		if row.body != "" {
			req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(row.body)), nil }
			req.Body, _ = req.GetBody()
		}
		if row.key != "" {
			req.Header.Set("Idempotency-Key", row.key)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		b.mu.Lock()
		proofs := slices.Clone(b.proofs)
		b.mu.Unlock()
		requests := len(proofs)
		slices.Sort(proofs)
		if got := len(slices.Compact(proofs)); requests != row.requests || got != row.proofs || (err != nil) != (row.requests == 2) {
			t.Errorf("%s: got error %v, %d requests and %d proofs, want %d and %d", name, err, requests, got, row.requests, row.proofs)
		}
	}
}

// TestTransportSlowConnection tests that a request that waits for its connection has a new proof, and
// that the hooks of the caller are called too.
func TestTransportSlowConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct{ wait, maxAge time.Duration }{{4 * time.Second, 4 * time.Second}, {time.Minute, 0}} {
			wait, maxAge := row.wait, row.maxAge
			ages := make(chan time.Duration, 1)
			base := &http.Transport{DisableKeepAlives: true}
			base.DialContext = func(_ context.Context, _, _ string) (net.Conn, error) {
				time.Sleep(wait)
				client, server := net.Pipe()
				go func() {
					defer server.Close()
					req, err := http.ReadRequest(bufio.NewReader(server))
					if err != nil {
						return
					}
					_, c := verified(t, req.Header.Get("DPoP"))
					ages <- time.Since(c.IssuedAt)
					_, _ = io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n")
				}()
				return client, nil
			}
			called := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { called++ }})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := newTransport(t, dpop.TransportOptions{Base: base}, "http://127.0.0.1").RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := <-ages; got > maxAge || called != 1 {
				t.Errorf("after %v: got a proof of age %v and %d calls of the hook, want %v and 1", wait, got, called, maxAge)
			}
			synctest.Wait()
		}
	})
}
