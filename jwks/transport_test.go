package jwks_test

import (
	"fmt"
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
		"224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "[::ffff:168.63.129.16]",
		"[::]", "[::1]", "[::ffff:10.0.0.1]", "[::ffff:100.64.0.1]", "[fec0::1%eth0]", "[::127.0.0.1]", "[fe80::1%eth0]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]",
		"[ff02::1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2002:a00:1::1]", "[3fff::1]",
		"[::ffff:0:a00:1]", "[::ffff:0:a9fe:a9fe]", "[::ffff:0:808:808]",
	} {
		if jwks.PublicAddress(address+":443") == nil {
			t.Errorf("error for the private address %s: got no error, want an error", address)
		}
	}
	wantText(t, jwks.PublicAddress("nonsense"), "not an address")
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "168.63.129.15", "168.63.129.17", "[::fffe:0:808:808]", "[2606:4700::1111]", "[2a00:1450::1]", "[::ffff:8.8.8.8]"} {
		if err := jwks.PublicAddress(address + ":443"); err != nil {
			t.Errorf("error for the public address %s: got %v, want none", address, err)
		}
	}
}

// The default Transport refuses a connection to "localhost", or to a name that ends in
// ".localhost", if the resolved address is not a loopback address.
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
		if err := jwks.CheckAddress(tt.address, tt.resolved, false); (err == nil) != tt.ok {
			t.Errorf("connection to %s, resolved to %s: allowed = %v, want %v; error: %v", tt.address, tt.resolved, err == nil, tt.ok, err)
		} else if tt.resolved == "nonsense" {
			wantText(t, err, "not an address")
		}
	}
	if jwks.CheckAddress("localhost:80", "127.0.0.1:80", true) == nil || jwks.CheckAddress("localhost:80", "8.8.8.8:80", true) == nil {
		t.Error("connection to localhost with RefusePrivateAddresses: got no error, want an error")
	}
}

// With RefusePrivateAddresses, requests use no proxy, because a proxy resolves the name of the host.
func TestNoProxyForPublicAddresses(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		want(t, fmt.Sprintf("a proxy is possible if RefusePrivateAddresses is %v", refuse), jwks.NewTransport(refuse, nil, nil).Proxy != nil, !refuse)
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
			t.Errorf("request to %s: used a proxy = %v, want %v; proxy: %v, error: %v", target, got != nil, want, got, err)
		}
	}
}

// With the default Transport, a cache has one goroutine. After Close, it has no goroutine.
func TestGoroutines(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(document(ecKey("a")))
	}))
	defer srv.Close()
	before := waitForGoroutines(0)
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
	want(t, "goroutines of 20 caches", waitForGoroutines(before+n)-before, n)
	for _, c := range caches {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	want(t, "goroutines after Close", waitForGoroutines(before)-before, 0)
}

// waitForGoroutines waits at most 500 ms until the number of goroutines is equal to want. It
// returns the number of goroutines. The wait is necessary because the goroutines of a closed
// connection end a moment later.
func waitForGoroutines(want int) int {
	n := runtime.NumGoroutine()
	for range 100 {
		time.Sleep(5 * time.Millisecond)
		if n = runtime.NumGoroutine(); n == want {
			break
		}
	}
	return n
}

// The default Transport verifies the certificate of the server.
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
		t.Errorf("Refresh with a trusted certificate: got error %v, want none", err)
	}
}
