package jwks_test

import (
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

func TestBadConfiguration(t *testing.T) {
	tests := []struct {
		name     string
		url      string
		opts     jwks.Options
		discover bool
		want     []string // parts of the error text
	}{
		{"not a URL", "http://[", jwks.Options{}, false, []string{"not a URL"}},
		{"control character", "https://a.test/\n", jwks.Options{}, false, []string{"not a URL"}},
		{"empty", "", jwks.Options{}, false, []string{"not an https URL"}},
		{"no scheme", "issuer.test/keys", jwks.Options{}, false, []string{"not an https URL"}},
		{"file", "file:///etc/keys", jwks.Options{}, false, []string{"not an https URL"}},
		{"no host", "https:///keys", jwks.Options{}, false, []string{"no host"}},
		{"password", "https://me:secret@issuer.test/keys", jwks.Options{}, false, []string{"credentials", "xxxxx@issuer.test"}},
		{"fragment", "https://issuer.test/keys#1", jwks.Options{}, false, []string{"fragment"}},
		{"http", "http://issuer.test/keys", jwks.Options{}, false, []string{"InsecureHTTP"}},
		{"http, nearly loopback", "http://127.0.0.1.test/keys", jwks.Options{}, false, []string{"InsecureHTTP"}},
		{"all errors together", "http://issuer.test", jwks.Options{
			Timeout: -1, MinInterval: time.Hour, MaxInterval: time.Minute, MaxStale: time.Second, CoolDown: -time.Second,
			Transport: http.DefaultTransport, RefusePrivateAddresses: true, StoreKey: []byte("short"), MetadataURL: "https://x.test",
		}, false, []string{
			`"http://issuer.test"`, "Timeout: -1ns", "MinInterval: 1h0m0s", "CoolDown: -1s", "MaxStale: 1s",
			"RefusePrivateAddresses", "StoreKey: 5 bytes", "StoreKey: set without a Store", "MetadataURL",
		}},
		{"negative intervals", "https://issuer.test", jwks.Options{MinInterval: -1, MaxInterval: -2, MaxStale: -3}, false, []string{
			"MinInterval: -1ns is negative", "MaxInterval: -2ns is negative", "MaxStale: -3ns is negative",
		}},
		{"MinInterval above MaxInterval", "https://issuer.test", jwks.Options{MinInterval: 2, MaxInterval: 1}, false, []string{"MinInterval: 2ns is longer than MaxInterval, 1ns"}},
		{"New with MetadataIssuer", "https://issuer.test", jwks.Options{MetadataIssuer: "x"}, false, []string{"MetadataIssuer"}},
		{"not a URL, with a password", "https://me:secret@issuer.test/\x7f", jwks.Options{}, false, []string{"not a URL"}},
		{"issuer empty", "", jwks.Options{}, true, []string{"issuer is empty"}},
		{"Discover, all errors together", "", jwks.Options{MetadataURL: "http://as.test", Timeout: -1, Issuer: "x"}, true, []string{
			"issuer is empty", "MetadataURL", "InsecureHTTP", "Timeout: -1ns", `Issuer: "x"`,
		}},
		{"issuer not a URL", "stytch.test/project", jwks.Options{}, true, []string{"MetadataURL"}},
		{"issuer with a query", "https://as.test/?a", jwks.Options{}, true, []string{"query"}},
		{"issuer with http", "http://as.test", jwks.Options{}, true, []string{"InsecureHTTP"}},
		{"MetadataURL with http", "x", jwks.Options{MetadataURL: "http://as.test"}, true, []string{"MetadataURL", "InsecureHTTP"}},
		{"two issuers", "https://as.test", jwks.Options{Issuer: "https://other.test"}, true, []string{"Issuer", "other.test"}},
	}
	before := runtime.NumGoroutine()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			construct := jwks.New
			if tt.discover {
				construct = jwks.Discover
			}
			c, err := construct(tt.url, &tt.opts)
			if c != nil {
				t.Error("got a cache, want none")
				_ = c.Close()
			}
			wantText(t, err, tt.want...)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
	// Goroutines of earlier tests may still be ending, so there may be fewer than before.
	if n := settled(before); n > before {
		t.Errorf("goroutines after failed constructions: got %d, want at most %d", n, before)
	}
}

func TestGoodConfiguration(t *testing.T) {
	for name, opts := range map[string]*jwks.Options{
		"nil":                    nil,
		"zero":                   {},
		"short MaxInterval":      {MaxInterval: time.Second},
		"long MinInterval":       {MinInterval: time.Hour},
		"long MaxInterval":       {MaxInterval: 48 * time.Hour},
		"short MaxStale":         {MaxStale: time.Minute},
		"InsecureHTTP":           {InsecureHTTP: true},
		"RefusePrivateAddresses": {RefusePrivateAddresses: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, url := range []string{"http://127.0.0.1:1/", "http://localhost:1/keys?appid=1", "http://[::1]:1", "https://127.0.0.1:1"} {
				c, err := jwks.New(url, opts)
				if err != nil {
					t.Errorf("New(%q): %v", url, err)
					continue
				}
				_ = c.Close()
			}
		})
	}
}

// The longest duration works as "no limit": it does not overflow.
func TestLongestDurations(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for name, opts := range map[string]jwks.Options{
		"Timeout":     {Timeout: longest},
		"MinInterval": {MinInterval: longest},
		"MaxInterval": {MaxInterval: longest},
		"MaxStale":    {MaxStale: longest},
		"CoolDown":    {CoolDown: longest},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i, func(o *jwks.Options) {
				o.Timeout, o.CoolDown, o.MaxStale = opts.Timeout, opts.CoolDown, opts.MaxStale
				o.MinInterval, o.MaxInterval = opts.MinInterval, opts.MaxInterval
			})
			want(t, name+": known key", keyVerdict(t, c, "a"), "ok")
			for range 10 {
				keyVerdict(t, c, "x")
			}
			want(t, name+": fetches", i.fetches(), 3)
		})
	}
}

// RefusePrivateAddresses checks the resolved address, not the host name.
func TestRefusePrivateAddresses(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("got a request at a private address, want none")
		_, _ = w.Write(document(ecKey("a")))
	}))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		o := options(nil)
		o.Transport, o.RefusePrivateAddresses, o.InsecureHTTP = nil, true, true
		c, err := jwks.New("http://"+net.JoinHostPort(strings.Trim(host, "[]"), port), o)
		if err != nil {
			t.Fatal(err)
		}
		wantText(t, c.Refresh(t.Context()), "not a public address")
		_ = c.Close()
	}
}
