package main

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A seenRequest is what the guard or the service learns of a request of a client.
type seenRequest struct{ method, target, host string }

// recorder is a guard that allows every request, and a service that accepts every request.
// Both keep what they got.
type recorder struct {
	dialect       string
	service       string     // address of the service
	mu            sync.Mutex // guards the fields below
	asked, served []seenRequest
}

// take returns all requests that the guard was asked about, and the requests that reached the
// service since the last call of take.
func (s *recorder) take() (asked, served []seenRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, served = slices.Clone(s.asked), s.served
	slices.Reverse(asked)
	s.served = nil
	return asked, served
}

// ServeHTTP is the guard.
func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := seenRequest{r.Header.Get("X-Forwarded-Method"), r.Header.Get("X-Forwarded-Uri"), r.Header.Get("X-Forwarded-Host")}
	if s.dialect == "ingress-nginx" {
		_, rest, _ := strings.Cut(r.Header.Get("X-Original-Url"), "://")
		i := max(strings.IndexByte(rest, '/'), 0)
		got = seenRequest{r.Header.Get("X-Original-Method"), rest[i:], rest[:i]}
	}
	s.mu.Lock()
	s.asked = append(s.asked, got)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// serve is the service. It reads requests that net/http refuses, too.
func (s *recorder) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	lines := bufio.NewScanner(conn)
	if !lines.Scan() {
		return
	}
	line := lines.Text()
	method, rest, _ := strings.Cut(line, " ")
	got := seenRequest{method: method, target: strings.TrimSuffix(strings.TrimSuffix(rest, " HTTP/1.1"), " HTTP/1.0")}
	for lines.Scan() && lines.Text() != "" {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.EqualFold(name, "Host") {
			got.host += strings.TrimSpace(value)
		}
	}
	s.mu.Lock()
	s.served = append(s.served, got)
	s.mu.Unlock()
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	for lines.Scan() { // read the body, so that the response is not lost
	}
}

// start starts the guard, the service and the proxy, and returns the address of the proxy.
func (s *recorder) start(t *testing.T, p proxy) string {
	t.Helper()
	auth := httptest.NewServer(s)
	t.Cleanup(auth.Close)
	service, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	go func() {
		for {
			conn, err := service.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	s.service = service.Addr().String()
	return p.start(t, &setting{auth: auth.Listener.Addr().String(), service: s.service})
}

// absoluteTargets are targets with a scheme or an authority, and other targets whose
// authority and path two programs may read differently.
func absoluteTargets() []string {
	var list []string
	for _, prefix := range []string{"http://", "HTTP://", "https://", "ftp://", "file://", "ws://", "http:", "http:/", "http:///", "//", "a", ""} {
		for _, authority := range []string{
			"h", "H", "h:80", "h:443", "h:", "h.", "admin.example", "u@h", "u:p@h", "h@h", "h?@h", "h#@h", `h\@h`, "h/@h", "h;@h", "h%2f@h", "h%3f@h", "admin.example?@h", "admin.example#@h",
			`admin.example\@h`, "admin.example:80@h", `h\reports\7?@h`, "h?x=/public/x", "h#/public/x", "h,admin.example", "[::1]", "",
		} {
			for _, path := range []string{"/public/x", "", "?/public/x", "//admin.example/x"} {
				list = append(list, prefix+authority+path)
			}
		}
	}
	list = append(list, "*", "/*", "/public/{http.request.host}", "/public/{env.HOME}?{http.request.method}", "/public/%{+Q}[path]", "/public/$host", "/public/x?", "/public/x??", "/public//x", "/public/%2e%2e/x", "/public/%2fx", "/?", "//", "///x")
	slices.Sort(list)
	return slices.Compact(list)
}

// TestSameRequest checks that the service gets the method, the target and the host that the
// guard was asked about. The guard allows every request, so that the check covers the
// requests that a table refuses.
func TestSameRequest(t *testing.T) {
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s, reached := &recorder{dialect: p.dialect}, 0
			front := s.start(t, p)
			check := func(f looseFinding) {
				if _, err := f.send(front); err != nil {
					t.Errorf("%q: got error %v, want a response", f.raw(), err)
				}
				asked, served := s.take()
				for _, got := range served {
					reached++
					if !slices.ContainsFunc(asked, func(a seenRequest) bool { return s.same(got, a) }) {
						t.Errorf("%q: got %q at the service, and last %q at the guard, want the same at both", f.raw(), got, asked[:min(1, len(asked))])
					}
				}
			}
			var f looseFinding
			for _, target := range absoluteTargets() {
				for _, host := range []string{"h", "admin.example", ""} {
					f.request.Method, f.request.Target, f.request.Host = http.MethodGet, target, host
					check(f)
				}
			}
			if reached < 50 {
				t.Errorf("%d requests of the table reached the service, want at least 50", reached)
			}
			next := looseGenerator(*looseSeed, 99, nil, p.crashesOnExpect())
			for range *looseRequests {
				check(next())
			}
			t.Logf("%d requests reached the service", reached)
			if reached < *looseRequests/4 {
				t.Errorf("%d requests reached the service, want at least a quarter", reached)
			}
		})
	}
}

// same reports whether the service got the request that the guard was asked about.
func (s *recorder) same(served, asked seenRequest) bool {
	if asked.method == served.method && asked.target == strings.TrimPrefix(served.target, "/") && asked.host == served.host && !strings.HasPrefix(asked.target, "/") {
		return true // a table refuses a target without a slash; see requests
	}
	if served.method != asked.method {
		return false
	}
	if s.dialect == "caddy" {
		if asked.host == "" && served.host == s.service {
			served.host = "" // Caddy fills in the address of the service
		}
		// Caddy escapes characters that a target must not contain.
		a, errA := url.PathUnescape(served.target)
		b, errB := url.PathUnescape(asked.target)
		if errA == nil && errB == nil {
			served.target, asked.target = a, b
		}
	}
	return served == asked
}
