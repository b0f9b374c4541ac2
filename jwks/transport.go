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

// newTransport returns a transport that leaves nothing behind: a refresh every
// few minutes gains nothing by keeping a connection, which may be dead by then
// and needs goroutines to hold it.
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
		t.Proxy = nil // it would be the one that connects
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: 3 * time.Second}
		if checks := checksOf(address, refusePrivate); len(checks) > 0 {
			// Names were resolved by then, so that none can mislead the checks.
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

// checksOf returns what an address must be, when it is about to be dialled, to
// which this host and port were resolved.
func checksOf(address string, refusePrivate bool) (checks []func(string) error) {
	if refusePrivate {
		checks = append(checks, publicAddress)
	}
	if host, _, err := net.SplitHostPort(address); err == nil && isLoopback(host) {
		checks = append(checks, loopbackAddress)
	}
	return checks
}

// exceptLoopback is proxy, and none for loopback hosts: nobody is to be between us
// and them.
func exceptLoopback(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if isLoopback(req.URL.Hostname()) {
			return nil, nil //nolint:nilnil // as http.Transport wants it
		}
		return proxy(req)
	}
}

// loopbackAddress refuses an address, as it is about to be dialled, that is not
// on this machine. A resolver may know a name below "localhost", which it should
// not be asked for (RFC 6761, section 6.3).
func loopbackAddress(address string) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("not an address")
	}
	if ip := host.Addr().Unmap(); !ip.IsLoopback() {
		return fmt.Errorf("%v is not a loopback address, as a name below localhost must have", ip)
	}
	return nil
}

// notPublic are the blocks of the IANA special-purpose registries that netip has
// no word for.
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

// publicAddress refuses an address, as it is about to be dialled, that is not on
// the public internet.
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

// newClient returns a client that follows redirects within one origin only: the
// configured origin is whom we trust to name keys.
func newClient(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: rt,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: more than %d", errRedirect, maxRedirects)
			}
			if origin(req.URL) != origin(via[0].URL) {
				return fmt.Errorf("%w to another origin, %s", errRedirect, origin(req.URL))
			}
			return nil
		},
	}
}
