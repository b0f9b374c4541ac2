package jwks_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

func TestPublicAddress(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
		"169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "240.0.0.1", "255.255.255.255",
		"[::]", "[::1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[fe80::1%eth0]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]",
		"[ff02::1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2002:a00:1::1]", "[3fff::1]",
	} {
		if jwks.PublicAddress(address+":443") == nil {
			t.Errorf("%s: got public, want not public", address)
		}
	}
	wantText(t, jwks.PublicAddress("nonsense"), "not an address")
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[2a00:1450::1]", "[::ffff:8.8.8.8]"} {
		if err := jwks.PublicAddress(address + ":443"); err != nil {
			t.Errorf("%s: got %v, want public", address, err)
		}
	}
}

// Connections to localhost, and to names below it, are refused if the resolved address is
// not a loopback address.
func TestLoopbackNames(t *testing.T) {
	for _, tt := range []struct {
		address, resolved string
		ok                bool
	}{
		{"localhost:80", "127.0.0.1:80", true},
		{"localhost:80", "[::1]:80", true},
		{"LOCALHOST.:80", "10.0.0.1:80", false},
		{"foo.localhost:80", "127.0.0.53:80", true},
		{"foo.localhost:80", "203.0.113.7:80", false},
		{"foo.localhost:80", "[2606:4700::1111]:80", false},
		{"foo.localhost:80", "nonsense", false},
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true},
		{"issuer.test:443", "10.0.0.1:443", true},
		{"notlocalhost:443", "10.0.0.1:443", true},
	} {
		if err := jwks.CheckDial(tt.address, tt.resolved, false); (err == nil) != tt.ok {
			t.Errorf("%s resolved to %s: got %v, want allowed: %v", tt.address, tt.resolved, err, tt.ok)
		} else if tt.resolved == "nonsense" {
			wantText(t, err, "not an address")
		}
	}
	if jwks.CheckDial("localhost:80", "127.0.0.1:80", true) == nil || jwks.CheckDial("localhost:80", "8.8.8.8:80", true) == nil {
		t.Error("localhost with RefusePrivateAddresses: got allowed, want refused")
	}
}

// Requests to loopback hosts use no proxy.
func TestProxy(t *testing.T) {
	proxy := jwks.ExceptLoopback(func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy.test:3128") })
	for target, want := range map[string]bool{
		"https://issuer.test/": true, "http://localhost.test/": true, "http://10.0.0.1/": true,
		"http://foo.localhost/": false, "http://localhost./": false, "http://127.0.0.1/": false, "https://[::1]/": false,
	} {
		req, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := proxy(req); err != nil || (got != nil) != want {
			t.Errorf("%s: got proxy %v, %v, want a proxy: %v", target, got, err, want)
		}
	}
}

// With the default Transport, a cache has one goroutine, and none after Close.
func TestGoroutines(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(document(ecKey("a")))
	}))
	defer srv.Close()
	before := settled(0)
	const n = 20
	var caches []*jwks.Cache
	for range n {
		o := options(nil)
		o.Transport = nil
		c, err := jwks.New(srv.URL, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		caches = append(caches, c)
	}
	want(t, "goroutines for 20 caches", settled(before+n)-before, n)
	for _, c := range caches {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	want(t, "goroutines after Close", settled(before)-before, 0)
}

// settled waits until there are want goroutines, for 500 ms at most, and returns their
// number. Goroutines of closed connections end a moment later.
func settled(want int) int {
	n := runtime.NumGoroutine()
	for range 100 {
		time.Sleep(5 * time.Millisecond)
		if n = runtime.NumGoroutine(); n == want {
			break
		}
	}
	return n
}

// The server's certificate is verified.
func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(document(ecKey("a")))
	}))
	defer srv.Close()
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) //nolint:forbidigo // net/http requires this type
	srv.StartTLS()
	o := options(nil)
	o.Transport = nil
	c, err := jwks.New(srv.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	wantText(t, c.Refresh(t.Context()), "certificate")
	o.Transport = srv.Client().Transport
	trusted, err := jwks.New(srv.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = trusted.Close() }()
	if err := trusted.Refresh(t.Context()); err != nil {
		t.Errorf("Refresh with a trusted certificate: %v", err)
	}
}
