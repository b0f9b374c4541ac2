package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
)

// audience is the audience of the tokens.
const audience = "https://reports.example"

// setting holds a service, the guard that protects it, and the issuer of the tokens.
type setting struct {
	issuer  *bearertest.Issuer
	auth    string // address of the guard
	service string // address of the service

	mu   sync.Mutex      // guards the field "seen"
	seen []*http.Request // requests that reached the service
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	s := &setting{issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}
	t.Cleanup(s.issuer.Close)
	verifier, err := bearer.New(bearer.Config{Issuer: s.issuer.URL(), Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	guard, err := newGuard(bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		switch token {
		case "unavailable":
			return nil, &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 7 * time.Second}
		case "broken":
			return nil, bearer.Internal
		}
		return verifier.Verify(ctx, token)
	}))
	if err != nil {
		t.Fatal(err)
	}
	auth := httptest.NewServer(guard.ForwardAuth(rules()))
	t.Cleanup(auth.Close)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, r)
		s.mu.Unlock()
		_, _ = fmt.Fprintf(w, "served %s", body)
	}))
	t.Cleanup(service.Close)
	s.auth, s.service = auth.Listener.Addr().String(), service.Listener.Addr().String()
	return s
}

// takeRequests returns the requests that reached the service since the last call of
// takeRequests.
func (s *setting) takeRequests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// writeConfig copies the configuration of a proxy to dir. The copy contains the ports of the
// test. writeConfig returns the path of the copy.
func (s *setting) writeConfig(t *testing.T, dir, name, front string) string {
	t.Helper()
	text, err := os.ReadFile(name) //nolint:gosec // a file of this folder
	if err != nil {
		t.Fatal(err)
	}
	for _, replaced := range []struct{ from, to string }{{":8080", front}, {":9091", s.auth}, {":9090", s.service}} {
		if !strings.Contains(string(text), replaced.from) {
			t.Fatalf("%s: the file does not contain %s", name, replaced.from)
		}
		text = []byte(strings.ReplaceAll(string(text), replaced.from, replaced.to[strings.LastIndex(replaced.to, ":"):]))
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil { //nolint:gosec // in a temporary folder
		t.Fatal(err)
	}
	return path
}

// programPath returns the path of an installed program. If the program is missing, the test
// is skipped.
func programPath(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed; on Debian: apt-get install %[1]s", name)
	return ""
}

// output collects the output of a proxy.
type output struct {
	mu     sync.Mutex // guards the fields below
	text   strings.Builder
	marker string        // the text to find in the output
	found  chan struct{} // closed when the output contains the marker
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.marker != "" && strings.Contains(o.text.String(), o.marker) {
		o.marker = ""
		close(o.found)
	}
	return len(p), nil
}

// startProxy starts a proxy, which runs until the end of the test. startProxy returns after
// the proxy has printed the marker.
func startProxy(t *testing.T, cmd *exec.Cmd, marker string) {
	t.Helper()
	out := &output{marker: marker, found: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // Wait returns an error, because the cleanup kills the process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("output of the proxy:\n%s", out.text.String())
		}
	})
	select {
	case <-out.found:
	case <-ended:
		t.Fatalf("the proxy ended with %s, want a proxy that runs", cmd.ProcessState)
	case <-time.After(time.Minute):
		t.Fatalf("the output of the proxy did not contain %q within 1 min", marker)
	}
}

// freePort returns an address with a free port. Another program can take this port later.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestNginx(t *testing.T) {
	path, s, dir, front := programPath(t, "nginx"), newSetting(t), t.TempDir(), freePort(t)
	config := s.writeConfig(t, dir, "nginx.conf", front)
	cmd := exec.CommandContext(t.Context(), path, "-p", dir, "-c", config, "-g", "error_log stderr notice;") //nolint:gosec // this is the path of an installed proxy
	startProxy(t, cmd, "event method")                                                                       // nginx logs this text after it listens
	s.sendRequests(t, front, true)
}

func TestCaddy(t *testing.T) {
	path, s, dir, front := programPath(t, "caddy"), newSetting(t), t.TempDir(), freePort(t)
	config := s.writeConfig(t, dir, "Caddyfile", front)
	cmd := exec.CommandContext(t.Context(), path, "run", "--config", config, "--adapter", "caddyfile") //nolint:gosec // this is the path of an installed proxy
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	startProxy(t, cmd, "serving initial configuration")
	s.sendRequests(t, front, false)
}

// sendRequests sends requests to the proxy without any change of their bytes. It checks the
// responses, and the requests that reach the service.
func (s *setting) sendRequests(t *testing.T, front string, nginx bool) {
	t.Helper()
	reader, writer := s.issuer.Token(map[string]any{"sub": "ré,1", "client_id": "ci", "scope": "read:reports"}), s.issuer.Token(map[string]any{"scope": "write:reports"})
	const spoofed = "X-Subject: admin\r\nX_Subject: admin\r\nx-client: admin\r\nX_CLIENT: admin\r\nX-Scope: admin\r\n"
	for _, row := range []struct {
		name    string
		request string // request line without the version
		fields  string // header fields; sendRequests replaces {read} and {write} with credentials
		body    string
		status  int
		field   string // a field that the response must have
		client  string // the client ID that the service must receive
		caddy   int    // the status that Caddy returns, if it differs from status
	}{
		{name: "request with a valid token", request: "GET /reports/7?x=1", fields: "{read}", status: 200, client: "ci"},
		{name: "caller fields sent by the client", request: "GET /reports/7", fields: "{read}" + spoofed, status: 200, client: "ci"},
		{name: "public route", request: "GET /public/x", status: 200},
		{name: "public route, caller fields sent by the client", request: "GET /public/x", fields: "{read}" + spoofed, status: 200},
		{name: "optional rule without a token, caller fields sent by the client", request: "GET /whoami", fields: spoofed, status: 200},
		{name: "optional rule with a token", request: "GET /whoami", fields: "{read}" + spoofed, status: 200, client: "ci"},
		{name: "X-Forwarded fields sent by the client", request: "POST /reports/7", fields: "{read}X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /public/x\r\nX_Forwarded_Uri: /public/x\r\n", status: 403, field: `Www-Authenticate: Bearer realm="api", error="insufficient_scope"`},
		{name: "request with a body", request: "POST /reports/7", fields: "{write}Content-Length: 5\r\n", body: "hello", status: 200, client: "client"},
		{name: "HEAD request", request: "HEAD /reports/7", fields: "{read}", status: 200, client: "ci"},
		{name: "no token", request: "GET /reports/7", status: 401, field: `Www-Authenticate: Bearer realm="api"`},
		{name: "malformed token", request: "GET /reports/7", fields: "Authorization: Bearer x\r\n", status: 401, field: `Www-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token is malformed"`},
		{name: "optional rule with a malformed token", request: "GET /whoami", fields: "Authorization: Bearer x\r\n", status: 401, field: `Www-Authenticate: Bearer realm="api", error="invalid_token", error_description="The access token is malformed"`},
		{name: "two tokens in a list", request: "GET /reports/7", fields: "Authorization: Bearer x, Bearer y\r\n", status: 401, field: `Www-Authenticate: Bearer realm="api", error="invalid_request"`},
		{name: "two Authorization fields", request: "GET /reports/7", fields: "{read}{read}", status: 400, caddy: 401}, // nginx refuses the request itself
		{name: "missing scope", request: "GET /reports/7", fields: "{write}", status: 403, field: `Www-Authenticate: Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this", scope="read:reports"`},
		{name: "missing scope, HEAD request", request: "HEAD /reports/7", fields: "{write}", status: 403},
		{name: "no rule for the method", request: "DELETE /reports/7", fields: "{write}", status: 403},
		{name: "no rule for the route", request: "GET /", fields: "{read}", status: 403},
		{name: "keys unavailable", request: "GET /reports/7", fields: "Authorization: Bearer unavailable\r\n", status: 503, field: "Retry-After: 7"},
		{name: "internal error", request: "GET /reports/7", fields: "Authorization: Bearer broken\r\n", status: 500},
		{name: "path with dot segments", request: "GET /public/../reports/7", status: 401},
		{name: "path with encoded dot segments", request: "GET /public/%2e%2e/reports/7", status: 401},
		{name: "path with encoded dot segments and an encoded slash", request: "GET /public/..%2freports/7", status: 401},
		{name: "path with dot segments that are encoded twice", request: "GET /public/%252e%252e%252freports/7", status: 401},
		{name: "path with an encoded backslash", request: "GET /public/..%5creports/7", status: 401},
		{name: "path with a doubled slash", request: "GET //public/x", status: 401},
		{name: "absolute-form target", request: "GET http://h/reports/7", fields: "{read}", status: 200, client: "ci"},
		{name: "absolute-form target, no token", request: "GET http://h/reports/7", status: 401},
		{name: "query that looks like a path", request: "GET /reports/7?/../public/x", status: 401},
		{name: "target with a fragment", request: "GET /public/x#y", status: 401, caddy: 200}, // Caddy escapes the "#"
		{name: "CORS preflight request", request: "OPTIONS /reports/7", fields: "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n", status: 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			if !nginx && row.caddy != 0 {
				row.status = row.caddy
			}
			fields := strings.NewReplacer("{read}", "Authorization: Bearer "+reader+"\r\n", "{write}", "Authorization: Bearer "+writer+"\r\n").Replace(row.fields)
			status, header := exchange(t, front, row.request+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"+fields+"\r\n"+row.body)
			if status != row.status {
				t.Errorf("got status %d, want status %d", status, row.status)
			}
			name, value, _ := strings.Cut(row.field, ": ")
			if values := header.Values(name); name != "" && (len(values) != 1 || !strings.HasPrefix(values[0], value)) {
				t.Errorf("got %s fields %q, want one field that begins with %q", name, values, value)
			}
			seen := s.takeRequests()
			if want := row.status == http.StatusOK; (len(seen) == 1) != want || len(seen) > 1 {
				t.Fatalf("status %d: got %d requests at the service, want one request for status 200 and no request for other statuses", row.status, len(seen))
			}
			for _, r := range seen {
				for name, values := range r.Header {
					if text := strings.Join(values, ","); strings.Contains(text, "admin") || strings.Contains(text, "Bearer") {
						t.Errorf("got field %s with the value of the client at the service, want no such value", name)
					}
				}
				if got := r.Header.Get("X-Client"); got != row.client {
					t.Errorf("got client %q at the service, want client %q", got, row.client)
				}
				if got := r.Header.Get("X-Subject"); row.client == "ci" && got != "r%C3%A9%2C1" {
					t.Errorf("got subject %q at the service, want subject %q", got, "r%C3%A9%2C1")
				}
			}
		})
	}
}

// exchange sends a request without any change of its bytes, and reads the whole response.
func exchange(t *testing.T, addr, request string) (status int, header http.Header) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header
}
