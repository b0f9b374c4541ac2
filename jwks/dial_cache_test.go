package jwks_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// servers are HTTP servers that publish the same key set.
type servers struct {
	document atomic.Pointer[[]byte]
	requests atomic.Int32
}

func newServers(keys ...jwk) *servers {
	s := &servers{}
	s.publish(keys...)
	return s
}

func (s *servers) publish(keys ...jwk) {
	doc := document(keys...)
	s.document.Store(&doc)
}

// serve answers one request.
func (s *servers) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	s.requests.Add(1)
	resp := response(r, http.StatusOK, http.Header{"Cache-Control": {"max-age=900"}}, *s.document.Load())
	defer func() { _ = resp.Body.Close() }()
	resp.Close = true
	_ = resp.Write(conn)
}

// networkCache returns a cache that fetches http://issuer.test/keys through the network. The
// default Transport with all its rules is between the cache and the network.
func networkCache(t *testing.T, n *network, change ...func(*jwks.Options)) *jwks.Cache {
	t.Helper()
	o := options(nil)
	o.InsecureHTTP, o.Transport = true, jwks.NewTransport(false, n.lookup, n.connect)
	for _, c := range change {
		c(o)
	}
	c, err := jwks.New("http://issuer.test/keys", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// The first lookup after a start gets the key within 2 s, if one address of the first eight works.
func TestStartWithDeadAddresses(t *testing.T) {
	addresses := numbered("192.0.2.1", 7)
	for dead := range addresses {
		for name, kind := range map[string]host{"dead": {drops: true}, "refuses": {refuse: true}, "refuses late": {refuse: true, after: 900 * ms}} {
			synctest.Test(t, func(t *testing.T) {
				good := newServers(ecKey("a"))
				hosts := map[string]host{addresses[dead]: {serve: good.serve}}
				for _, address := range addresses[:dead] {
					hosts[address] = kind
				}
				n := newNetwork(hosts, addresses[:dead+1]...)
				start := time.Now()
				c := networkCache(t, n)
				want(t, fmt.Sprintf("%d addresses: %s; first lookup", dead, name), keyOutcome(t, c, "a"), "ok")
				if took := time.Since(start); took > jwks.AllAttempts {
					t.Errorf("%d addresses: %s; got the key after %v, want at most %v", dead, name, took, jwks.AllAttempts)
				}
				_ = c.Close()
				synctest.Wait()
				want(t, "open connections", n.openConnections(), 0)
			})
		}
	}
}

// If addresses die while keys are available, each miss gets its key: the first after the time for
// the dead addresses, and the next at once.
func TestMissWithDeadAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newServers(ecKey("a"))
		hosts := map[string]host{a4: {serve: all.serve}, b4: {serve: all.serve}, c4: {serve: all.serve}}
		n := newNetwork(hosts, a4, b4, c4)
		c := networkCache(t, n)
		want(t, "first lookup", keyOutcome(t, c, "a"), "ok")
		n.change(a4, host{drops: true})
		n.change(b4, host{drops: true})
		for i, took := range []time.Duration{500 * ms, 0, 0} {
			time.Sleep(20 * time.Second)
			kid := fmt.Sprint("new", i)
			all.publish(ecKey(kid))
			start := time.Now()
			want(t, "lookup of "+kid, keyOutcome(t, c, kid), "ok")
			want(t, "time of the lookup of "+kid, time.Since(start), took)
		}
		want(t, "failed fetches", c.Status().Failed, 0)
	})
}

// If the server at the first address accepts connections and does not answer, the next request
// goes to another address.
func TestStartWithSilentAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := newServers(ecKey("a"))
		n := newNetwork(map[string]host{a4: {serve: silent}, b4: {serve: good.serve}}, a4, b4)
		start := time.Now()
		c := networkCache(t, n)
		want(t, "first lookup", keyOutcome(t, c, "a"), "ok")
		want(t, "time", time.Since(start), time.Second) // the time of the second request
		time.Sleep(50 * time.Minute)
		if failed := c.Status().Failed; failed != 0 {
			t.Errorf("failed refreshes in 50 minutes: got %d, want 0", failed)
		}
	})
}

// With RefusePrivateAddresses, the private addresses of a name are never used, and the public
// addresses are.
func TestPrivateAmongPublicAddresses(t *testing.T) {
	for _, tt := range []struct {
		addresses, tried []string
		outcome          string
	}{
		{[]string{"10.0.0.1", "8.8.8.8"}, []string{"8.8.8.8"}, "ok"},
		{[]string{"fd00::1", "169.254.169.254", "::ffff:127.0.0.1", "2606:4700::1"}, []string{"2606:4700::1"}, "ok"},
		{append(numbered("192.168.0.1", 30), "8.8.8.8"), []string{"8.8.8.8"}, "ok"},
		{[]string{"10.0.0.1", "10.0.0.2"}, nil, "unavailable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			all, hosts := newServers(ecKey("a")), map[string]host{}
			for _, address := range tt.addresses {
				hosts[address] = host{serve: all.serve}
			}
			n := newNetwork(hosts, tt.addresses...)
			c := networkCache(t, n, func(o *jwks.Options) { o.Transport = jwks.NewTransport(true, n.lookup, n.connect) })
			want(t, fmt.Sprintf("lookup with the addresses %q", tt.addresses), keyOutcome(t, c, "a"), tt.outcome)
			if tried := n.tried(); !slices.Equal(tried, tt.tried) {
				t.Errorf("got attempts at %q, want %q", tried, tt.tried)
			}
			if tt.tried == nil {
				wantText(t, c.Status().LastError, "10.0.0.1 is not a public address")
			}
		})
	}
}

// With an HTTP proxy, the addresses of the proxy are tried.
func TestProxyWithDeadAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proxy := newServers(ecKey("a")) // answers requests for all hosts
		n := newNetwork(map[string]host{c4: {serve: proxy.serve}}, a4, b4, c4)
		c := networkCache(t, n, func(o *jwks.Options) {
			transport := jwks.NewTransport(false, n.lookup, n.connect)
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.test:3128"})
			o.Transport = transport
		})
		want(t, "first lookup", keyOutcome(t, c, "a"), "ok")
		want(t, "name that was looked up", n.lookedUp, "proxy.test")
		if tried := n.tried(); !slices.Equal(tried, []string{a4, b4, c4}) {
			t.Errorf("got attempts at %q, want the addresses of the proxy", tried)
		}
	})
}

// Caches that are closed at any time leave no connection and no goroutine.
func TestCloseDuringDial(t *testing.T) {
	for after := time.Duration(0); after < 1200*ms; after += 50 * ms {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(map[string]host{b4: {after: 300 * ms, serve: silent}, c4: {after: 400 * ms, serve: silent}}, a4, b4, c4)
			c := networkCache(t, n)
			time.Sleep(after)
			_ = c.Close()
			synctest.Wait()
			want(t, fmt.Sprintf("open connections after Close at %v", after), n.openConnections(), 0)
		})
	}
}

// While other issuers hang and use all requests of the Limits, a request to a new issuer ends after
// 625 ms. The dead addresses that it found are tried last by the next request.
func TestDeadAddressesWithLimits(t *testing.T) {
	addresses := numbered("192.0.2.1", 8)
	for dead := range addresses {
		synctest.Test(t, func(t *testing.T) {
			limits := &jwks.Limits{MaxFetches: 2}
			for range 20 {
				networkCache(t, newNetwork(map[string]host{}, a4), func(o *jwks.Options) { o.Limits = limits })
			}
			good := newServers(ecKey("a"))
			n := newNetwork(map[string]host{addresses[dead]: {serve: good.serve}}, addresses[:dead+1]...)
			c := networkCache(t, n, func(o *jwks.Options) { o.Limits = limits })
			start := time.Now()
			for c.Ready(t.Context()) != nil && time.Since(start) < 10*time.Minute {
				time.Sleep(time.Second)
			}
			s := c.Status()
			t.Logf("%d dead addresses: ready after %v, %d fetches", dead, time.Since(start), s.Fetches)
			if s.Fetches > 2 {
				t.Errorf("%d dead addresses: got %d fetches until the keys are available, want at most 2", dead, s.Fetches)
			}
		})
	}
}
