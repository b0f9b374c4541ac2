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
)

const (
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
)

// requestContext is the key under which the context of a request has itself as a value.
type requestContext struct{}

// newTransport returns a transport that closes each connection after one request. An open
// connection needs goroutines, and it may no longer work at the next refresh, which is some
// minutes later.
func newTransport(refusePrivate bool) *http.Transport {
	return newTransportWith(newDialer(), refusePrivate)
}

// newTransportWith returns the transport of newTransport with the given dialer.
func newTransportWith(d *dialer, refusePrivate bool) *http.Transport {
	t := &http.Transport{
		Proxy:                  exceptLoopback(http.ProxyFromEnvironment),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
	if refusePrivate {
		t.Proxy = nil // a proxy resolves the name of the host, so the address cannot be checked
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		checks := addressChecks(address, refusePrivate)
		// The dialer calls check with resolved addresses. So the checks apply even if the URL
		// contains the name of a host.
		check := func(resolved string) error {
			for _, check := range checks {
				if err := check(resolved); err != nil {
					return err
				}
			}
			return nil
		}
		return dialForRequest(ctx, func(ctx context.Context) (net.Conn, error) { return d.dial(ctx, network, address, check) })
	}
	return t
}

// dialForRequest calls dial, and closes the connection when the request ends. Otherwise net/http
// continues to dial, and to wait for the TLS handshake, after the request has ended, so there
// are more connections than Limits.MaxFetches. No other request uses the connection.
func dialForRequest(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	request, ok := ctx.Value(requestContext{}).(context.Context)
	if !ok {
		return dial(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(request, cancel)() //nolint:contextcheck // dial ends with both contexts
	conn, err := dial(ctx)
	if err == nil {
		context.AfterFunc(request, func() { _ = conn.Close() }) //nolint:contextcheck // the connection belongs to the request
	}
	return conn, err
}

// addressChecks returns the checks for the resolved address of a connection. The argument
// address has the form "host:port", and its host is not resolved yet.
func addressChecks(address string, refusePrivate bool) (checks []func(string) error) {
	if refusePrivate {
		checks = append(checks, publicAddress)
	}
	if host, _, err := net.SplitHostPort(address); err == nil && isLoopback(host) {
		checks = append(checks, loopbackAddress)
	}
	return checks
}

// exceptLoopback returns a function that does what proxy does, except for requests to loopback
// hosts. Such a request uses no proxy, because it may be an http request, which a proxy can
// read and change.
func exceptLoopback(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if isLoopback(req.URL.Hostname()) {
			return nil, nil //nolint:nilnil // for http.Transport, a nil URL means no proxy
		}
		return proxy(req)
	}
}

// loopbackAddress returns an error if address is not a loopback address. For a name that ends
// in ".localhost", a resolver must return a loopback address (RFC 6761, section 6.3). Not all
// resolvers do so.
func loopbackAddress(address string) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("not an address")
	}
	if ip := host.Addr().Unmap(); !ip.IsLoopback() {
		return fmt.Errorf(`%v is not a loopback address; "localhost" and names that end in ".localhost" must resolve to a loopback address`, ip)
	}
	return nil
}

// notPublic are address blocks of the IANA special-purpose registries, and two others: the
// IPv4-translated addresses ::ffff:0:0:0/96 (RFC 2765, section 2.1), which name IPv4 addresses of
// any kind, and the address 168.63.129.16. In Azure, it is an endpoint of the platform that only a
// virtual machine can reach (Microsoft, "What is IP address 168.63.129.16?"). Package netip has no
// methods for these blocks.
var notPublic = func() (blocks []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
		"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		blocks = append(blocks, netip.MustParsePrefix(s))
	}
	return blocks
}()

// publicAddress returns an error if address is not an address of the public internet.
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

// newClient returns a client that follows redirects within one origin only, because only the
// origin of the first URL is trusted to provide keys.
func newClient(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: rt,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: more than %d redirects", errRedirect, maxRedirects)
			}
			if origin(req.URL) != origin(via[0].URL) {
				return fmt.Errorf("%w: the target has a different origin, %s", errRedirect, origin(req.URL))
			}
			return nil
		},
	}
}
