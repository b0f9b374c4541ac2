package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
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
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// audience is the audience of the tokens.
const audience = "https://reports.example"

// setting holds a service, the guard that protects it, and the issuer of the tokens.
type setting struct {
	issuer  *bearertest.Issuer
	auth    string // address of the guard
	service string // address of the service

	log  output          // the records of the verifier and of the guard
	mu   sync.Mutex      // guards the field "seen"
	seen []*http.Request // requests that reached the service
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	return newSettingWith(t, options(""), rules())
}

// newSettingWith returns a setting whose guard has these options and these rules.
func newSettingWith(t *testing.T, opts *middleware.Options, table *scopes.Table) *setting {
	t.Helper()
	s := &setting{issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}
	t.Cleanup(s.issuer.Close)
	verifier, err := bearer.New(bearer.Config{Issuer: s.issuer.URL(), Audience: []string{audience}, Logger: slog.New(slog.NewTextHandler(&s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	opts.Logger = slog.New(slog.NewTextHandler(&s.log, nil))
	guard, err := middleware.New(bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		switch token {
		case "unavailable":
			return nil, &bearer.Error{Reason: bearer.KeysUnavailable, RetryAfter: 7 * time.Second}
		case "broken":
			return nil, bearer.Internal
		}
		return verifier.Verify(ctx, token)
	}), opts)
	if err != nil {
		t.Fatal(err)
	}
	auth := httptest.NewServer(guard.ForwardAuth(table))
	t.Cleanup(auth.Close)
	service := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(service.Close)
	s.auth, s.service = auth.Listener.Addr().String(), service.Listener.Addr().String()
	return s
}

// The method serve is the service. It switches to every protocol that a client asks for.
func (s *setting) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	if protocol := r.Header.Get("Upgrade"); protocol != "" {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", protocol)
		w.Header().Set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") // for the key of RFC 6455, section 1.3
		w.WriteHeader(http.StatusSwitchingProtocols)
		return
	}
	_, _ = fmt.Fprintf(w, "served %s", body)
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

// writeConfig copies the configuration of a proxy to dir, with the files that it includes. The
// copy contains the ports of the test. writeConfig returns the path of the copy.
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
	for _, included := range []string{"overrides.conf", "forwardauth.lua"} {
		data, err := os.ReadFile(included) //nolint:gosec // a file of this folder
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, included), data, 0o600); err != nil { //nolint:gosec // in a temporary folder
			t.Fatal(err)
		}
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

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startProxy starts a proxy, which runs until the end of the test. startProxy returns after
// the proxy has printed the marker.
func startProxy(t *testing.T, cmd *exec.Cmd, marker string) {
	t.Helper()
	_ = startProxyWith(t, cmd, marker)
}

// startProxyWith is like startProxy, and returns the output of the proxy.
func startProxyWith(t *testing.T, cmd *exec.Cmd, marker string) *output {
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
			t.Logf("output of the proxy:\n%s", out)
		}
	})
	select {
	case <-out.found:
	case <-ended:
		t.Fatalf("the proxy ended with %s, want a proxy that runs", cmd.ProcessState)
	case <-time.After(time.Minute):
		t.Fatalf("the output of the proxy did not contain %q within 1 min", marker)
	}
	return out
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
