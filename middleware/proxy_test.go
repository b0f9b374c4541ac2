package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// proxyTo starts a guarded proxy to the service. It returns the fixture of the guard, and
// the address of the proxy.
func proxyTo(t *testing.T, service http.Handler) (*fixture, string) {
	t.Helper()
	b := newFixture(t, &middleware.Options{Headers: callerHeaders()})
	backend := httptest.NewServer(service)
	t.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(b.guard.Require(scopes.All("x"))(b.guard.Proxy(target)))
	t.Cleanup(front.Close)
	return b, front.Listener.Addr().String()
}

// TestProxyTrailers checks that the proxy drops trailers that have a name in
// Options.Headers, because the target may merge trailers into the header (RFC 9110, section
// 6.5.1).
func TestProxyTrailers(t *testing.T) {
	b, front := proxyTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %d %v", body, len(r.Trailer), r.Trailer["X-Sum"] != nil) //nolint:gosec // no browser renders it
	}))
	reader := sendRaw(t, front, "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "+b.token("x")+"\r\nTransfer-Encoding: chunked\r\nTrailer: X-Subject, X_Subject, Authorization, X-Sum\r\n\r\n"+
		"5\r\nhello\r\n0\r\nX-Subject: admin\r\nX_Subject: admin\r\nAuthorization: Bearer x\r\nX-Sum: 7\r\n\r\n")
	got := readReply(t, reader, http.MethodPost)
	// ReverseProxy announces the trailer X-Sum to the target, but does not send the value
	// 7.
	if got.status != http.StatusOK || got.body != "hello 1 false" {
		t.Errorf("got status %d and body %q, want status 200 and body %q; the target must get the body hello and one trailer, X-Sum without a value", got.status, got.body, "hello 1 false")
	}
}

// TestProxyConnect checks that no CONNECT request reaches the target. The transport sends the
// body of such a request without framing, so the target can read the body as a request.
func TestProxyConnect(t *testing.T) {
	b := newFixture(t, nil)
	var reached atomic.Int32
	h := b.guard.Require(scopes.Public())(proxyOf(t, b.guard, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) })))
	const smuggled = "DELETE /items/7 HTTP/1.1\r\nHost: h\r\nX-Subject: admin\r\n\r\n"
	// The server of net/http passes a path and a body of unknown length if GODEBUG contains
	// http2xconnect=1 (RFC 8441).
	r := httptest.NewRequest(http.MethodConnect, "/", io.NopCloser(strings.NewReader(smuggled)))
	r.ContentLength = -1
	if w := serve(h, r); w.Code != http.StatusBadGateway {
		t.Errorf("got status %d, want status 502", w.Code)
	}
	for _, head := range []string{"CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "CONNECT /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"} {
		if got := readReply(t, sendRaw(t, address(t, h), head), http.MethodConnect); got.status != http.StatusBadGateway {
			t.Errorf("%q: got status %d, want status 502", head, got.status)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("got %d requests at the target, want none", n)
	}
}
