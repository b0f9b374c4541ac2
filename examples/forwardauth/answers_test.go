package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAnswersOfService checks that a field in an answer of the service does not make a proxy
// serve a resource without a question to the guard.
func TestAnswersOfService(t *testing.T) {
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy} {
		s := newSettingWith(t, options(p.dialect), rules())
		var requests atomic.Int32
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			if r.URL.Path != "/public/x" {
				w.Header().Set("Secret", "yes")
				return
			}
			for name, values := range r.URL.Query() {
				w.Header()[name] = values
			}
			w.WriteHeader(len(r.URL.RawQuery)%2*203 + 200) // 200 or 403
		}))
		t.Cleanup(service.Close)
		s.service = service.Listener.Addr().String()
		front := p.start(t, s)
		for _, name := range []string{
			"X-Accel-Redirect", "x-accel-redirect", "X-Accel-Buffering", "X-Accel-Expires", "X-Accel-Limit-Rate", "X-Accel-Charset", "X-Accel-Location", "X-Sendfile", "X-Sendfile2", "X-LIGHTTPD-send-file", "X-LiteSpeed-Location", "X-Reproxy-URL", "Location", "Refresh", "X-Auth-Error", "X-Rewrite-Url", "Link", "Content-Location",
		} {
			for _, value := range []string{"/reports/7", "@refused", "/_auth", "/", "http%3A%2F%2Fh%2Freports%2F7", "haproxy.cfg", "{http.request.host}", "0"} {
				requests.Store(0)
				_, header := exchange(t, front, "GET /public/x?"+name+"="+value+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				if n := requests.Load(); n != 1 || header.Get("Secret") != "" {
					t.Errorf("%s, %s: %s: got %d requests at the service and the header %v, want one request", p.name, name, value, n, header)
				}
			}
		}
	}
}

// TestCallerValues checks that a proxy does not change a value of a caller that looks like a
// variable or a placeholder.
func TestCallerValues(t *testing.T) {
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy} {
		s := newSettingWith(t, options(p.dialect), rules())
		front := p.start(t, s)
		for _, value := range []string{"{http.request.host}", "{env.HOME}", "$host", "${host}", "%[path]", "%{+Q}o", `\1`, "admin"} {
			token := s.issuer.Token(map[string]any{"client_id": value, "scope": "read:reports"})
			exchange(t, front, "GET /reports/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n")
			seen := s.takeRequests()
			if want := strings.NewReplacer("%", "%25", `\`, "%5C").Replace(value); len(seen) != 1 || seen[0].Header.Get("X-Client") != want {
				t.Errorf("%s, %q: got requests %v at the service, want one request with the client %q", p.name, value, seen, want)
			}
		}
	}
}

// TestGuardHangs checks that a request ends if the guard accepts a connection and does not
// answer. HAProxy asks several times.
func TestGuardHangs(t *testing.T) {
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // the kernel accepts connections
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			s := newSettingWith(t, options(p.dialect), rules())
			s.auth = listener.Addr().String()
			front, start := p.start(t, s), time.Now()
			status, _ := exchange(t, front, "GET /public/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			took := time.Since(start)
			if status < 500 || p.name == "haproxy" && status != http.StatusServiceUnavailable || took > 15*time.Second || len(s.takeRequests()) != 0 {
				t.Errorf("got status %d after %v, want status 500 or more within 15 s, and no request at the service", status, took)
			}
		})
	}
}
