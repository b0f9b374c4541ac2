package middleware_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// switching is a service that switches to every protocol that a request asks for. It records
// what it reads after the switch.
type switching struct {
	answer string // the protocol of the 101 response; "" is the protocol of the request
	mu     sync.Mutex
	read   []string // guarded by mu
}

func (s *switching) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upgrade := r.Header.Get("Upgrade")
	if upgrade == "" {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%s %s connection=%s settings=%v", r.Method, r.RequestURI, r.Header.Get("Connection"), r.Header["Http2-Settings"] != nil) //nolint:gosec // no browser renders it
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n", cmp.Or(s.answer, upgrade))
	_ = rw.Flush()
	line, _ := rw.ReadString('\n')
	s.mu.Lock()
	s.read = append(s.read, line)
	s.mu.Unlock()
	_, _ = fmt.Fprintf(rw, "%s %s switched to %s and read %s", r.Method, r.RequestURI, upgrade, line)
	_ = rw.Flush()
}

// after returns the lines that the service has read after it switched protocols.
func (s *switching) after() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.read)
}

// address returns the address of a new server for h.
func address(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// proxyOf returns the guard's proxy to a new server for service.
func proxyOf(t *testing.T, guard *middleware.Guard, service http.Handler) http.Handler {
	t.Helper()
	return guard.Proxy(&url.URL{Scheme: "http", Host: address(t, service)})
}

// TestProxyUpgradeH2C checks that a client cannot send a second request behind an upgrade to
// HTTP/2 (h2c). No rule applies to this second request.
func TestProxyUpgradeH2C(t *testing.T) {
	for _, webSocket := range [][]string{nil, {"/ws"}, {"/public/"}} {
		b := newFixture(t, &middleware.Options{WebSocket: webSocket})
		service := new(switching)
		mux := http.NewServeMux()
		b.guard.Handle(mux, "/public/", scopes.Public(), proxyOf(t, b.guard, service))
		conn, reader := dial(t, address(t, mux))
		_, _ = io.WriteString(conn, "GET /public/ HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		got := reply{response.StatusCode, response.Header, string(body)}
		_, _ = io.WriteString(conn, "DELETE /items/7 HTTP/1.1\r\nHost: h\r\nX-Subject: admin\r\n\r\n")
		if want := "GET /public/ connection= settings=false"; got.status != http.StatusOK || got.body != want {
			t.Errorf("WebSocket %q: got status %d and %q, want status 200 and %q", webSocket, got.status, got.body, want)
		}
		if read := service.after(); read != nil {
			t.Errorf("WebSocket %q: got %q behind the upgrade, want no request that no rule has checked", webSocket, read)
		}
		if got := readReply(t, reader, http.MethodDelete); got.status != http.StatusNotFound {
			t.Errorf("WebSocket %q: got status %d for the second request, want status 404 from the mux in front", webSocket, got.status)
		}
	}
}

// TestProxyUpgrade checks which requests the proxy upgrades.
func TestProxyUpgrade(t *testing.T) {
	b := newFixture(t, &middleware.Options{WebSocket: []string{"/ws", "GET /get", "/closed"}})
	service := new(switching)
	proxy := proxyOf(t, b.guard, service)
	mux := http.NewServeMux()
	for pattern, rule := range map[string]scopes.Rule{"/ws": scopes.Public(), "GET /get": scopes.All("x"), "/get": scopes.Public(), "/closed": {}, "/other": scopes.Public()} {
		b.guard.Handle(mux, pattern, rule, proxy)
	}
	mux.Handle("/unguarded", proxy)
	front := address(t, mux)
	const socket = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	for _, row := range []struct {
		line, fields string
		want         int // 0: status 200 of the service without an upgrade
	}{
		{"GET /ws HTTP/1.1", socket, 101},
		{"GET /ws?room=1 HTTP/1.1", socket, 101},
		{"GET /ws HTTP/1.1", "Upgrade: WebSocket\r\nConnection: keep-alive, UPGRADE\r\n", 101},
		{"GET /ws HTTP/1.1", "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n", 101},
		{"GET /ws HTTP/1.1", socket + "Content-Length: 0\r\n", 101},
		{"GET /get HTTP/1.1", socket + "Authorization: Bearer {x}\r\n", 101},
		{"GET /get HTTP/1.1", socket, 401},
		{"GET /get HTTP/1.1", socket + "Authorization: Bearer {y}\r\n", 403},
		{"GET /closed HTTP/1.1", socket + "Authorization: Bearer {x}\r\n", 403},

		{"GET /other HTTP/1.1", socket, 0},
		{"POST /get HTTP/1.1", socket + "Content-Length: 0\r\n", 0},
		{"GET /unguarded HTTP/1.1", socket, 0},
		{"POST /ws HTTP/1.1", socket + "Content-Length: 0\r\n", 0},
		{"HEAD /ws HTTP/1.1", socket, 0},
		{"OPTIONS /ws HTTP/1.1", socket, 0},
		{"get /ws HTTP/1.1", socket, 401},
		{"GET /ws HTTP/1.0", socket, 0},
		{"GET /ws HTTP/1.1", "Upgrade: websocket\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: websocket\r\nConnection: keep-alive, Upgrades\r\n", 0},
		{"GET /ws HTTP/1.1", "Connection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: h2c\r\nConnection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", 0},
		{"GET /ws HTTP/1.1", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: websocket/13\r\nConnection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", socket + "Upgrade: websocket\r\n", 0},
		{"GET /ws HTTP/1.1", socket + "Upgrade: h2c\r\n", 0},
		{"GET /ws HTTP/1.1", socket + "upgrade: h2c\r\n", 0},
		{"GET /ws HTTP/1.1", socket + "Upgrade: \r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: TLS/1.3\r\nConnection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", "Upgrade: connect-udp\r\nConnection: Upgrade\r\n", 0},
		{"GET /ws HTTP/1.1", socket + "Content-Length: 1\r\n\r\nx", 0},
		{"GET /ws HTTP/1.1", socket + "Transfer-Encoding: chunked\r\n\r\n0\r\n", 0},
	} {
		fields := strings.NewReplacer("{x}", b.token("x"), "{y}", b.token("y")).Replace(row.fields)
		checkUpgrade(t, front, row.line+"\r\nHost: h\r\n"+fields+"\r\n", row.want, row.line+" "+strings.ReplaceAll(row.fields, "\r\n", " | "))
	}
	for _, line := range service.after() {
		if line != "hello\n" {
			t.Errorf("got %q behind an upgrade, want hello", line)
		}
	}
}

// dial connects to addr. The connection ends at the end of the test.
func dial(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn, bufio.NewReader(conn)
}

// checkUpgrade sends a request, and checks that the answer has the status want. If want is
// 0, the service must answer 200 to a request without fields for an upgrade.
func checkUpgrade(t *testing.T, addr, request string, want int, name string) {
	t.Helper()
	conn, reader := dial(t, addr)
	_, _ = io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	switch want {
	case http.StatusSwitchingProtocols:
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		_, _ = io.WriteString(conn, "hello\n")
		line, err := reader.ReadString('\n')
		if response.StatusCode != want || err != nil || !strings.HasSuffix(line, "and read hello\n") {
			t.Errorf("%s: got status %d and %q (error: %v), want status 101 and an answer to the line hello", name, response.StatusCode, line, err)
		}
	case 0:
		got := readReply(t, reader, method)
		if got.status != http.StatusOK || method != http.MethodHead && !strings.HasSuffix(got.body, " connection= settings=false") {
			t.Errorf("%s: got status %d and %q, want status 200 and no fields for an upgrade at the service", name, got.status, got.body)
		}
	default:
		if got := readReply(t, reader, method); got.status != want {
			t.Errorf("%s: got status %d, want status %d", name, got.status, want)
		}
	}
}

// TestProxyUpgradeWays checks that the proxy finds the pattern of the route for every way to
// declare a rule.
func TestProxyUpgradeWays(t *testing.T) {
	for _, rule := range []scopes.Rule{scopes.Public(), scopes.All("x"), scopes.ReportOnly(scopes.All("z"))} {
		for _, webSocket := range []string{"/{$}", "/"} {
			b := newFixture(t, &middleware.Options{WebSocket: []string{webSocket}})
			proxy := proxyOf(t, b.guard, new(switching))
			for way, h := range guarded(b.guard, rule, proxy) {
				want := 0
				if webSocket == "/{$}" && way != "Require" { // Require has no pattern
					want = http.StatusSwitchingProtocols
				}
				request := "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer " + b.token("x") + "\r\n\r\n"
				checkUpgrade(t, address(t, h), request, want, fmt.Sprintf("WebSocket %q, %s, %s", webSocket, rule, way))
			}
		}
	}
}

// TestProxyUpgradeNested checks that the innermost guard decides, and that the pattern of a
// different guard does not count.
func TestProxyUpgradeNested(t *testing.T) {
	b := newFixture(t, &middleware.Options{WebSocket: []string{"/named"}})
	other := newFixture(t, &middleware.Options{WebSocket: []string{"/named"}})
	proxy := proxyOf(t, b.guard, new(switching))
	named, plain := b.guard.RequireAt("/named", scopes.Public()), b.guard.RequireAt("/plain", scopes.Public())
	for name, row := range map[string]struct {
		h    http.Handler
		want int
	}{
		"named inside":  {plain(named(proxy)), 101},
		"named outside": {named(plain(proxy)), 0},
		"other guard":   {other.guard.RequireAt("/named", scopes.Public())(proxy), 0},
		"prefix":        {http.StripPrefix("/a", named(http.StripPrefix("/b", proxy))), 101},
	} {
		checkUpgrade(t, address(t, row.h), "GET /a/b/ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", row.want, name)
	}
}

// TestProxyOtherProtocol checks that the proxy passes a 101 response only if the service
// switches to the protocol that the proxy has asked for.
func TestProxyOtherProtocol(t *testing.T) {
	raw := func(head string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\n"+head+"\r\nbehind")
			_ = rw.Flush()
		})
	}
	for _, row := range []struct {
		name, path string
		service    http.Handler
	}{
		{"h2c for websocket", "/ws", &switching{answer: "h2c"}},
		{"two protocols", "/ws", &switching{answer: "websocket, h2c"}},
		{"no protocol for websocket", "/ws", raw("")},
		{"no Connection field", "/ws", raw("Upgrade: websocket\r\n")},
		{"not asked", "/other", raw("Upgrade: websocket\r\nConnection: Upgrade\r\n")},
		{"not asked, h2c", "/other", raw("Upgrade: h2c\r\nConnection: Upgrade\r\n")},
		{"not asked, no protocol", "/other", raw("")},
	} {
		b := newFixture(t, &middleware.Options{WebSocket: []string{"/ws"}})
		mux := http.NewServeMux()
		proxy := proxyOf(t, b.guard, row.service)
		b.guard.Handle(mux, "/ws", scopes.Public(), proxy)
		b.guard.Handle(mux, "/other", scopes.Public(), proxy)
		reader := sendRaw(t, address(t, mux), "GET "+row.path+" HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		if got := readReply(t, reader, http.MethodGet); got.status != http.StatusBadGateway {
			t.Errorf("%s: got status %d and %q, want status 502", row.name, got.status, got.body)
		}
	}
}

// TestNewWebSocket checks that New reports all mistakes in Options.WebSocket at once, and
// copies the list.
func TestNewWebSocket(t *testing.T) {
	_, err := middleware.New(testkit.Refuse(bearer.Malformed), &middleware.Options{WebSocket: []string{"/a", "", "/b", "/a", "", "/a"}})
	const want = `middleware: Options.WebSocket: the pattern at index 1 is empty; want the pattern of a route
Options.WebSocket: the pattern "/a" occurs twice
Options.WebSocket: the pattern at index 4 is empty; want the pattern of a route
Options.WebSocket: the pattern "/a" occurs twice`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	patterns := []string{"/named"}
	guard, err := middleware.New(testkit.Refuse(bearer.Malformed), &middleware.Options{WebSocket: patterns})
	if err != nil {
		t.Fatal(err)
	}
	patterns[0] = "/other"
	h := guard.RequireAt("/other", scopes.Public())(proxyOf(t, guard, new(switching)))
	checkUpgrade(t, address(t, h), "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 0, "changed list")
}
