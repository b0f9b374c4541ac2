package jwks_test

import (
	"fmt"
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
		{"URL is invalid", "http://[", jwks.Options{}, false, []string{"not a URL"}},
		{"URL contains a control character", "https://a.test/\n", jwks.Options{}, false, []string{"not a URL"}},
		{"URL is empty", "", jwks.Options{}, false, []string{"not an https URL"}},
		{"URL without a scheme", "issuer.test/keys", jwks.Options{}, false, []string{"not an https URL"}},
		{"path in place of a URL", "/etc/keys/issuer.pem", jwks.Options{}, false, []string{`"/etc/keys/issuer.pem": a path, not a URL; write file:// before the path`}},
		{"URL of another scheme", "ftp://issuer.example/keys", jwks.Options{}, false, []string{"not an https URL"}},
		{"URL without a host", "https:///keys", jwks.Options{}, false, []string{"no host"}},
		{"URL with a password", "https://me:secret@issuer.test/keys", jwks.Options{}, false, []string{"credentials", "xxxxx@issuer.test"}},
		{"URL with a fragment", "https://issuer.test/keys#1", jwks.Options{}, false, []string{"fragment"}},
		{"http URL", "http://issuer.test/keys", jwks.Options{}, false, []string{"InsecureHTTP"}},
		{"http URL, name begins like a loopback address", "http://127.0.0.1.test/keys", jwks.Options{}, false, []string{"InsecureHTTP"}},
		{"all errors of New together", "http://issuer.test", jwks.Options{
			Timeout: -1, MinInterval: time.Hour, MaxInterval: time.Minute, MaxStale: time.Second, CoolDown: -time.Second,
			Transport: http.DefaultTransport, RefusePrivateAddresses: true, StoreKey: []byte("short"), MetadataURL: "https://x.test",
		}, false, []string{
			`"http://issuer.test"`, "Timeout: -1ns", "MinInterval: 1h0m0s", "CoolDown: -1s", "MaxStale: 1s",
			"RefusePrivateAddresses", "StoreKey: has 5 bytes", "StoreKey: works with a Store only", "MetadataURL",
		}},
		{"negative intervals", "https://issuer.test", jwks.Options{MinInterval: -1, MaxInterval: -2, MaxStale: -3}, false, []string{
			"MinInterval: -1ns is negative", "MaxInterval: -2ns is negative", "MaxStale: -3ns is negative",
		}},
		{"MinInterval longer than MaxInterval", "https://issuer.test", jwks.Options{MinInterval: 2 * time.Second, MaxInterval: time.Second}, false, []string{"MinInterval: 2s is longer than MaxInterval, 1s"}},
		{"durations without a unit", "https://issuer.test", jwks.Options{Timeout: 5, MinInterval: 30, MaxInterval: 300, MaxStale: 12, CoolDown: 8}, false, []string{
			"Options.Timeout: 5 is 5ns, which is too short; did you mean 5*time.Second?",
			"Options.MinInterval: 30 is 30ns, which is too short; did you mean 30*time.Second?",
			"Options.MaxInterval: 300 is 300ns, which is too short; did you mean 300*time.Second?",
			"Options.MaxStale: 12 is 12ns, which is too short; did you mean 12*time.Hour?",
			"Options.CoolDown: 8 is 8ns, which is too short; did you mean 8*time.Second?",
		}},
		{"one duration without a unit", "https://issuer.test", jwks.Options{MaxInterval: 300}, true, []string{"did you mean 300*time.Second?"}},
		{"durations in milliseconds", "https://issuer.test", jwks.Options{Timeout: 5000, MaxInterval: 900_000, MaxStale: 43_200_000}, true, []string{
			"5000*time.Millisecond", "900000*time.Millisecond", "43200000*time.Millisecond",
		}},
		{"negative limits", "https://issuer.test", jwks.Options{MaxKeysPerID: -1, MaxRSACost: -2}, false, []string{"MaxKeysPerID: -1 is negative", "MaxRSACost: -2 is negative"}},
		{"New with MetadataIssuer", "https://issuer.test", jwks.Options{MetadataIssuer: "x"}, false, []string{"MetadataIssuer"}},
		{"invalid URL with a password", "https://me:secret@issuer.test/\x7f", jwks.Options{}, false, []string{"not a URL"}},
		{"issuer is empty", "", jwks.Options{}, true, []string{"issuer is empty"}},
		{"all errors of Discover together", "", jwks.Options{MetadataURL: "http://as.test", Timeout: -1, Issuer: "x"}, true, []string{
			"issuer is empty", "MetadataURL", "InsecureHTTP", "Timeout: -1ns", `Issuer: "x"`,
		}},
		{"issuer is not a URL", "stytch.test/project", jwks.Options{}, true, []string{"MetadataURL"}},
		{"issuer with a query", "https://as.test/?a", jwks.Options{}, true, []string{"query"}},
		{"issuer is an http URL", "http://as.test", jwks.Options{}, true, []string{"InsecureHTTP"}},
		{"MetadataURL is an http URL", "x", jwks.Options{MetadataURL: "http://as.test"}, true, []string{"MetadataURL", "InsecureHTTP"}},
		{"Options.Issuer differs from the issuer", "https://as.test", jwks.Options{Issuer: "https://other.test"}, true, []string{"Issuer", "other.test"}},
	}
	atStart := runtime.NumGoroutine()
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
				t.Errorf("got error %q, want an error without the password", err)
			}
		})
	}
	// Goroutines of earlier tests may still be ending. So after this test, there may be fewer
	// goroutines than at its start.
	if n := waitForGoroutines(atStart); n > atStart {
		t.Errorf("goroutines after failed calls of New and Discover: got %d, want at most %d", n, atStart)
	}
}

// An error about a duration does not name fields that the caller did not set, or that fit.
func TestOneBadDuration(t *testing.T) {
	for name, opts := range map[string]jwks.Options{
		"Timeout":     {Timeout: 5, MaxInterval: time.Hour},
		"MinInterval": {MinInterval: 30, MaxStale: time.Hour},
		"MaxInterval": {MaxInterval: 300},
		"MaxStale":    {MaxStale: 12},
		"CoolDown":    {CoolDown: -8},
	} {
		_, err := jwks.New("https://issuer.test", &opts)
		wantText(t, err, "Options."+name+": ")
		if n := strings.Count(err.Error(), "Options."); n != 1 {
			t.Errorf("%s alone is invalid: got %d named fields in error %q, want 1", name, n, err)
		}
	}
}

// A duration without a unit is not compared with other durations.
func TestNoComparisonWithoutUnit(t *testing.T) {
	for _, opts := range []jwks.Options{
		{MaxInterval: 300, MaxStale: 12},
		{MinInterval: 30, MaxInterval: 15},
		{MinInterval: time.Hour, MaxInterval: 15},
		{MaxInterval: time.Hour, MaxStale: 12},
	} {
		_, err := jwks.New("https://issuer.test", &opts)
		wantText(t, err, "which is too short")
		if strings.Contains(err.Error(), "than M") {
			t.Errorf("got error %q, want no comparison of two options", err)
		}
	}
}

func TestGoodConfiguration(t *testing.T) {
	for name, opts := range map[string]*jwks.Options{
		"nil Options":            nil,
		"zero Options":           {},
		"short MaxInterval":      {MaxInterval: time.Second},
		"long MinInterval":       {MinInterval: time.Hour},
		"long MaxInterval":       {MaxInterval: 48 * time.Hour},
		"short MaxStale":         {MaxStale: time.Minute},
		"durations of a test":    {Timeout: 20 * time.Millisecond, MinInterval: time.Millisecond, MaxInterval: 5 * time.Millisecond, MaxStale: 50 * time.Millisecond, CoolDown: 2 * time.Millisecond},
		"shortest durations":     {Timeout: time.Millisecond, MinInterval: 10 * time.Millisecond, MaxInterval: 10 * time.Millisecond, MaxStale: 100 * time.Millisecond, CoolDown: 10 * time.Millisecond},
		"InsecureHTTP":           {InsecureHTTP: true},
		"RefusePrivateAddresses": {RefusePrivateAddresses: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, url := range []string{"http://127.0.0.1:1/", "http://localhost:1/keys?appid=1", "http://[::1]:1", "https://127.0.0.1:1"} {
				c, err := jwks.New(url, opts)
				if err != nil {
					t.Errorf("New(%q): got error %v, want none", url, err)
					continue
				}
				_ = c.Close()
			}
		})
	}
}

// Each option accepts the largest time.Duration. Computations with this duration do not
// overflow.
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
			want(t, name+": lookup of a known key", keyOutcome(t, c, "a"), "ok")
			for n := range 10 {
				keyOutcome(t, c, fmt.Sprint("x", n)) // the same kid is answered from memory
			}
			want(t, name+": fetches", i.fetches(), 3)
		})
	}
}

// RefusePrivateAddresses checks the resolved address, not the host name.
func TestRefusePrivateAddresses(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("got a request to a private address, want none")
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
