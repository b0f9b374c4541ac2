package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

func TestProxyUpgrade(t *testing.T) {
	b, front := proxyTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n%s %s\n", r.Header.Get("X-Client-Id"), r.Header.Get("Authorization"))
		_ = rw.Flush()
	}))
	for _, row := range []struct {
		scope string
		want  int
	}{{"x", http.StatusSwitchingProtocols}, {"y", http.StatusForbidden}} {
		reader := sendRaw(t, front, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: echo\r\nConnection: Upgrade, X-Client-Id\r\nX-Client-Id: admin\r\nAuthorization: Bearer "+b.token(row.scope)+"\r\n\r\n")
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != row.want {
			t.Errorf("token with scope %s: got status %s, want status %d", row.scope, response.Status, row.want)
		}
		if row.want != http.StatusSwitchingProtocols {
			continue
		}
		if line, err := reader.ReadString('\n'); err != nil || line != "ci \n" {
			t.Errorf("got the line %q (error: %v) from the target, want the client ID of the caller and no token", line, err)
		}
	}
}
