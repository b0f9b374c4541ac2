package middleware_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// differentialRequests is the number of random requests of TestProxyDifferential.
const differentialRequests = 3000

// loose is a service that serves another request than the proxy has sent, if it can: it obeys
// fields that name another method, target or host, in every spelling, in header and trailer,
// and switches to every protocol. It answers with the request that it serves.
func loose(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	served := map[string]string{"method": r.Method, "path": r.URL.Path, "host": r.Header.Get("X-Forwarded-Host")}
	trailers := 0
	for _, fields := range []http.Header{r.Header, r.Trailer} {
		for name, values := range fields {
			if kind := overridden(name); kind != "" && len(values) > 0 {
				served[kind] = values[0]
			}
		}
	}
	for name := range r.Trailer {
		if overridden(name) != "" {
			trailers++
		}
	}
	result := fmt.Sprintf("%s %s %s %d", served["method"], served["path"], served["host"], trailers)
	if r.Header.Get("Upgrade") == "" || !strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") {
		w.Header().Set("X-Served", result)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\nX-Served: %s\r\n\r\n", r.Header.Get("Upgrade"), result)
	_ = rw.Flush()
}

// overridden returns what the field changes: method, path or host.
func overridden(name string) string {
	if name == "X-Forwarded-Host" { // the proxy sets this field
		return ""
	}
	for _, known := range append(overrideNames(), "X-Forwarded-Host", "Forwarded", "X-Forwarded-Prefix") {
		if fold(known) != fold(name) {
			continue
		}
		switch {
		case strings.Contains(fold(known), "method"):
			return "method"
		case strings.Contains(fold(known), "host"):
			return "host"
		}
		return "path"
	}
	return ""
}

// differential is the state of TestProxyDifferential.
type differential struct {
	random *rand.Rand
	tokens map[string]string
}

func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// request returns a random request. The request is public if token is "".
func (d *differential) request() (method, token, text string) {
	random := d.random
	method = pick(random, "GET", "GET", "GET", "POST", "DELETE", "OPTIONS", "HEAD", "CONNECT", "PATCH", "get")
	path := pick(random, "/public/a", "/ws", "/ws", "/items/7", "/he%61lthz", "/", "/public/../items/7", "http://admin.example/public/a")
	token = pick(random, "", "x", "y")
	var head, trailer strings.Builder
	_, _ = fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, pick(random, "h", "admin.example", "h:80"))
	if token != "" {
		_, _ = fmt.Fprintf(&head, "Authorization: Bearer %s\r\n", d.tokens[token])
	}
	for range random.IntN(3) {
		name := respell(random, pick(random, append(overrideNames(), forwardingNames()...)...))
		_, _ = fmt.Fprintf(pick(random, &head, &head, &trailer), "%s: %s\r\n", name, pick(random, "DELETE", "/admin", "admin.example"))
	}
	for range random.IntN(3) {
		_, _ = fmt.Fprintf(&head, "%s: %s\r\n", pick(random, "Upgrade", "upgrade", "UPGRADE"), pick(random, "websocket", "websocket", "websocket", "WebSocket", "h2c", "websocket, h2c", "TLS/1.3", ""))
	}
	for range random.IntN(3) {
		_, _ = fmt.Fprintf(&head, "Connection: %s\r\n", pick(random, "Upgrade", "upgrade, HTTP2-Settings", "keep-alive", "X-Forwarded-Host", "X-Original-URL, Upgrade"))
	}
	switch random.IntN(4) {
	case 0:
		_, _ = fmt.Fprintf(&head, "Transfer-Encoding: chunked\r\nTrailer: X-Sum, X-Original-URL\r\n\r\n0\r\n%s\r\n", trailer.String())
	case 1:
		head.WriteString("Content-Length: 5\r\n\r\nhello")
	default:
		head.WriteString("\r\n")
	}
	return method, token, head.String()
}

// TestProxyDifferential sends random requests through a guard and its proxy to a loose
// service. The service must serve exactly the request that the guard has allowed, and may
// switch protocols only for WebSockets of the named route.
func TestProxyDifferential(t *testing.T) {
	b := newFixture(t, &middleware.Options{WebSocket: []string{"/ws"}})
	var table scopes.Table
	for pattern, rule := range map[string]scopes.Rule{"/public/": scopes.Public(), "/ws": scopes.Public(), "/items/": scopes.All("x"), "DELETE /items/": scopes.All("z"), "/healthz": scopes.Public(), "/": scopes.All("x", "y")} {
		table.Handle(pattern, rule)
	}
	backend := httptest.NewServer(http.HandlerFunc(loose))
	t.Cleanup(backend.Close)
	target := &url.URL{Scheme: "http", Host: backend.Listener.Addr().String()}
	proxy := b.guard.Proxy(target)
	front := address(t, b.guard.Enforce(&table)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The guard has allowed the request that arrives here. The rule is applied again, so a
		// mistake of the test's table is visible.
		rule, pattern := table.Rule(r)
		w.Header().Set("X-Allowed", fmt.Sprintf("%s %s %s 0", r.Method, r.URL.Path, r.Host))
		w.Header().Set("X-Rule", fmt.Sprintf("%s: %s", pattern, rule))
		proxy.ServeHTTP(w, r)
	})))
	d := &differential{rand.New(rand.NewPCG(5, 6)), map[string]string{"x": b.token("x"), "y": b.token("y")}} //nolint:gosec // requests of a test
	served, switched := 0, 0
	for range differentialRequests {
		method, token, text := d.request()
		header, status := exchange(t, front, method, text)
		if header.Get("X-Allowed") == "" || status == http.StatusBadGateway && header.Get("X-Served") == "" {
			if header.Get("X-Served") != "" {
				t.Fatalf("%q: got the answer %q of the service, want no answer, because the guard refuses the request", text, header.Get("X-Served"))
			}
			continue
		}
		served++
		if header.Get("X-Served") != header.Get("X-Allowed") {
			t.Errorf("%q: the guard allowed %q, and the service serves %q", text, header.Get("X-Allowed"), header.Get("X-Served"))
		}
		if rule := header.Get("X-Rule"); !strings.HasSuffix(rule, "public") && (token != "x" || !strings.HasPrefix(rule, "/items/: ")) {
			t.Errorf("%q: the guard allowed the request with the token %q under the rule %q", text, token, rule)
		}
		if status != http.StatusSwitchingProtocols {
			continue
		}
		switched++
		if lower := strings.ToLower(text); !strings.HasPrefix(header.Get("X-Rule"), "/ws: ") || method != http.MethodGet ||
			strings.Count(lower, "\nupgrade:") != 1 || !strings.Contains(lower, "\nupgrade: websocket\r") {
			t.Errorf("%q: got status 101, want an upgrade only for a WebSocket of /ws", text)
		}
	}
	t.Logf("the service served %d requests and switched protocols for %d", served, switched)
	if served < differentialRequests/5 || switched == 0 {
		t.Errorf("got %d served requests and %d WebSockets of %d requests, want more: the test must reach the service", served, switched, differentialRequests)
	}
}

// exchange sends text, and returns the header and the status of the answer.
func exchange(t *testing.T, addr, method, text string) (http.Header, int) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	response.Body.Close()
	return response.Header, response.StatusCode
}
