package realissuers_test

import (
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
)

// nginxConfig and haproxyConfig end TLS in front of an API. FRONT and API stand for addresses.
const nginxConfig = `daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events {}
http {
	access_log off;
	client_body_temp_path tmp;
	proxy_temp_path tmp;
	fastcgi_temp_path tmp;
	uwsgi_temp_path tmp;
	scgi_temp_path tmp;
	server {
		listen FRONT ssl;
		ssl_certificate all.pem;
		ssl_certificate_key all.pem;
		location / {
			proxy_pass http://API; # without a path, nginx forwards the path unchanged
			proxy_set_header Host $host;
		}
	}
}
`

const haproxyConfig = `defaults
	mode http
	timeout connect 5s
	timeout client 1m
	timeout server 1m

frontend front
	bind FRONT ssl crt all.pem alpn h2,http/1.1
	default_backend api

backend api
	server api1 API
`

func startNginx(t *testing.T, cert *certificate, h http.Handler) string {
	t.Helper()
	return startProxy(t, cert, h, nginxConfig, "event method", "nginx", "-e", "stderr", "-p", cert.dir, "-c")
}

func startHAProxy(t *testing.T, cert *certificate, h http.Handler) string {
	t.Helper()
	return startProxy(t, cert, h, haproxyConfig, "Loading success", "haproxy", "-W", "-db", "-C", cert.dir, "-f")
}

// startProxy starts a proxy in front of a handler and returns the origin of the proxy. The
// path of the configuration is the last argument of the command. The proxy listens when it
// has printed the marker. startProxy skips the test if the proxy is not installed.
func startProxy(t *testing.T, cert *certificate, h http.Handler, config, marker string, command ...string) string {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + command[0]); err != nil {
			t.Skipf("%s is not installed; on Debian: apt-get install %[1]s", command[0])
		}
	}
	api := httptest.NewServer(h)
	t.Cleanup(api.Close)
	front := freePort(t)
	file, err := os.CreateTemp(cert.dir, "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, err = strings.NewReplacer("FRONT", front, "API", api.Listener.Addr().String()).WriteString(file, config)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, append(command[1:], filepath.Join(cert.dir, filepath.Base(file.Name())))...) //nolint:gosec // path is an installed proxy
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
			t.Logf("output of %s:\n%s", command[0], out)
		}
	})
	select {
	case <-out.found:
	case <-ended:
		t.Fatalf("%s ended with %s, want a proxy that runs", command[0], cmd.ProcessState)
	case <-time.After(time.Minute):
		t.Fatalf("the output of %s did not contain %q within 1 min", command[0], marker)
	}
	return "https://" + front
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
