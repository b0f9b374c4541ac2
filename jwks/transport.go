package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
)

// newTransport returns a transport that closes each connection after one request. A
// connection that stays open until the next refresh, some minutes later, does not help: it
// needs goroutines and may be dead by then.
func newTransport(refusePrivate bool) *http.Transport {
	t := &http.Transport{
		Proxy:                  exceptLoopback(http.ProxyFromEnvironment),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    3 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
	if refusePrivate {
		t.Proxy = nil // a proxy connects by itself, so the address cannot be checked
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: 3 * time.Second}
		if checks := dialChecks(address, refusePrivate); len(checks) > 0 {
			// ControlContext gets the resolved address, so that a host name cannot evade
			// the checks.
			dialer.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
				for _, check := range checks {
					if err := check(resolved); err != nil {
						return err
					}
				}
				return nil
			}
		}
		return dialer.DialContext(ctx, network, address)
	}
	return t
}

// dialChecks returns the checks for the resolved address of a connection to address, a
// host and port.
func dialChecks(address string, refusePrivate bool) (checks []func(string) error) {
	if refusePrivate {
		checks = append(checks, publicAddress)
	}
	if host, _, err := net.SplitHostPort(address); err == nil && isLoopback(host) {
		checks = append(checks, loopbackAddress)
	}
	return checks
}

// exceptLoopback wraps proxy: requests to loopback hosts use no proxy, because they may be
// http requests, which a proxy can read and change.
func exceptLoopback(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if isLoopback(req.URL.Hostname()) {
			return nil, nil //nolint:nilnil // in http.Transport, this means no proxy
		}
		return proxy(req)
	}
}

// loopbackAddress returns an error if the resolved address is not on this machine. A
// resolver may return other addresses for a name below "localhost", although it must not
// (RFC 6761, section 6.3).
func loopbackAddress(address string) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("not an address")
	}
	if ip := host.Addr().Unmap(); !ip.IsLoopback() {
		return fmt.Errorf("%v is not a loopback address; localhost and names below it must resolve to a loopback address", ip)
	}
	return nil
}

// notPublic are the blocks of the IANA special-purpose registries that netip has no
// method for.
var notPublic = func() (blocks []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		blocks = append(blocks, netip.MustParsePrefix(s))
	}
	return blocks
}()

// publicAddress returns an error if the resolved address is not on the public internet.
func publicAddress(address string) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("not an address")
	}
	ip := host.Addr().WithZone("").Unmap()
	bad := !ip.IsGlobalUnicast() || ip.IsPrivate()
	for _, block := range notPublic {
		bad = bad || block.Contains(ip)
	}
	if bad {
		return fmt.Errorf("%v is not a public address (Options.RefusePrivateAddresses)", ip)
	}
	return nil
}

var errRedirect = errors.New("redirect refused")

// newClient returns a client that follows redirects within one origin only: the origin of
// the first URL is trusted to provide keys, and no other.
func newClient(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: rt,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: more than %d redirects", errRedirect, maxRedirects)
			}
			if origin(req.URL) != origin(via[0].URL) {
				return fmt.Errorf("%w: it leads to another origin, %s", errRedirect, origin(req.URL))
			}
			return nil
		},
	}
}
