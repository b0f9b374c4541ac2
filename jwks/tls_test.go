package jwks_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// The default Transport accepts the certificates of the configured authorities, and no others.
func TestRootCAs(t *testing.T) {
	own, other := newAuthority(t, "own"), newAuthority(t, "other")
	e := newEndpoint(t, own.issue(t))
	comments := "# CN=other\n" + other.pem() + "\n# CN=own\n" + own.pem()
	for name, row := range map[string]struct {
		opts jwks.Options
		want []string
	}{
		"no authority":                      {jwks.Options{}, []string{"unknown authority", "jwks.Options.RootCAFile"}},
		"RootCAs":                           {jwks.Options{RootCAs: own.pool()}, nil},
		"RootCAFile":                        {jwks.Options{RootCAFile: newFile(t, own.pem())}, nil},
		"several, with comments":            {jwks.Options{RootCAFile: newFile(t, comments)}, nil},
		"both, the server's in RootCAs":     {jwks.Options{RootCAs: own.pool(), RootCAFile: newFile(t, other.pem())}, nil},
		"both, the server's in RootCAFile":  {jwks.Options{RootCAs: other.pool(), RootCAFile: newFile(t, own.pem())}, nil},
		"another authority in RootCAs":      {jwks.Options{RootCAs: other.pool()}, []string{"unknown authority", "not in jwks.Options.RootCAs"}},
		"another authority in RootCAFile":   {jwks.Options{RootCAFile: newFile(t, other.pem())}, []string{"unknown authority", "not in jwks.Options.RootCAFile"}},
		"empty pool":                        {jwks.Options{RootCAs: x509.NewCertPool()}, []string{"unknown authority"}},
		"guards remain: a private address":  {jwks.Options{RootCAs: own.pool(), RefusePrivateAddresses: true}, []string{"not a public address"}},
		"guards remain: the same, by file":  {jwks.Options{RootCAFile: newFile(t, own.pem()), RefusePrivateAddresses: true}, []string{"not a public address"}},
		"guards remain: with a token too":   {jwks.Options{RootCAs: own.pool(), RefusePrivateAddresses: true, AuthorizationFile: newFile(t, "t")}, []string{"not a public address"}},
		"guards remain: a certificate, too": {jwks.Options{RefusePrivateAddresses: true, ClientCertificate: noCertificate}, []string{"not a public address"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(e.seen())
			wantRefresh(t, name, defaultCache(t, e.URL+"/keys", &row.opts), row.want...)
			if row.want != nil {
				want(t, "requests", len(e.seen())-before, 0)
			}
		})
	}
}

func noCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return new(tls.Certificate), nil
}

// The name of the server and the version of TLS are checked with an authority of one's own, too.
func TestOwnAuthorityIsStrict(t *testing.T) {
	own := newAuthority(t, "own")
	old := newEndpoint(t, own.issue(t), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	wantRefresh(t, "TLS 1.1", defaultCache(t, old.URL+"/keys", &jwks.Options{RootCAs: own.pool()}), "protocol version")
	wantRefresh(t, "TLS 1.1, by file", defaultCache(t, old.URL+"/keys", &jwks.Options{RootCAFile: newFile(t, own.pem())}), "protocol version")
	good := newEndpoint(t, own.issue(t))
	wantRefresh(t, "another name", defaultCache(t, strings.Replace(good.URL, "127.0.0.1", "foo.localhost", 1)+"/keys", &jwks.Options{RootCAs: own.pool()}), "foo.localhost")
}

// RootCAFile is read again when it changes. A version that is not usable changes nothing.
func TestRootCAFileChanges(t *testing.T) {
	before := waitForGoroutines(0)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	e := newEndpoint(t, first.issue(t))
	path := newFile(t, first.pem())
	var logged lockedBuffer
	c := defaultCache(t, e.URL+"/keys", &jwks.Options{RootCAFile: path, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	wantRefresh(t, "first version", c)
	key, err := x509.MarshalPKCS8PrivateKey(first.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":                 "",
		"cut off":               first.pem()[:200],
		"cut off in the second": first.pem() + second.pem()[:200],
		"bad, then good":        strings.Replace(first.pem(), "MI", "M!", 1) + second.pem(),
		"a private key":         first.pem() + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"not a certificate":     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
		"too long":              strings.Repeat("#\n", 1<<19) + first.pem(),
	} {
		writeFile(t, path, first.pem())
		wantRefresh(t, "before "+name, c)
		writeFile(t, path, content)
		wantRefresh(t, name, c)
		wantRefresh(t, name+", again", c)
		text := logged.take()
		if n := strings.Count(text, "RootCAFile is not usable"); n != 1 {
			t.Errorf("%s: warnings: got %d, want 1: %s", name, n, text)
		}
		if strings.Contains(text, "PRIVATE KEY-----") {
			t.Errorf("%s: the log contains a part of the file: %s", name, text)
		}
		_, err := jwks.New(e.URL+"/keys", &jwks.Options{RootCAFile: path})
		wantText(t, err, "Options.RootCAFile: ", path)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantRefresh(t, "no file", c)
	e.update(func(e *endpoint) { e.certificate = second.issue(t) })
	wantRefresh(t, "the server has a certificate of the second authority", c, "not in jwks.Options.RootCAFile")
	writeFile(t, path, first.pem()+second.pem())
	wantRefresh(t, "both authorities", c)
	writeFile(t, path, second.pem())
	wantRefresh(t, "second authority", c)
	e.update(func(e *endpoint) { e.certificate = first.issue(t) })
	wantRefresh(t, "the first authority was withdrawn", c, "unknown authority")
	_ = c.Close()
	e.Close()
	if n := waitForGoroutines(before); n > before {
		t.Errorf("goroutines after Close: got %d, want at most %d", n, before)
	}
}

// RootCAs is copied.
func TestRootCAsAreCopied(t *testing.T) {
	own := newAuthority(t, "own")
	e := newEndpoint(t, own.issue(t))
	pool := x509.NewCertPool()
	c := defaultCache(t, e.URL+"/keys", &jwks.Options{RootCAs: pool})
	wantRefresh(t, "empty pool", c, "unknown authority")
	pool.AddCert(own.cert)
	wantRefresh(t, "changed pool of the caller", c, "unknown authority")
}

// ClientCertificate is called for each connection to an origin that may get the certificate.
func TestClientCertificate(t *testing.T) {
	own := newAuthority(t, "own")
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, own.pool() }
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			e := newEndpoint(t, own.issue(t), mutual, func(c *tls.Config) { c.MaxVersion = version })
			wantRefresh(t, "no certificate", defaultCache(t, e.URL+"/keys", &jwks.Options{RootCAs: own.pool()}), "jwks.Options.ClientCertificate")
			stranger := newAuthority(t, "stranger").issue(t)
			wantRefresh(t, "certificate of a stranger", defaultCache(t, e.URL+"/keys", &jwks.Options{RootCAs: own.pool(), ClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return stranger, nil
			}}), "jwks.Options.ClientCertificate")
			var current atomic.Pointer[tls.Certificate]
			var calls atomic.Int64
			c := defaultCache(t, e.URL+"/keys", &jwks.Options{RootCAFile: newFile(t, own.pem()), ClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				calls.Add(1)
				if cert := current.Load(); cert != nil {
					return cert, nil
				}
				return nil, errors.New("no certificate yet")
			}})
			wantRefresh(t, "the function returns an error", c, "jwks.Options.ClientCertificate: no certificate yet")
			for range 2 { // the certificate rotates
				cert := own.issue(t)
				current.Store(cert)
				wantRefresh(t, "certificate", c)
				parsed, err := x509.ParseCertificate(cert.Certificate[0])
				if err != nil {
					t.Fatal(err)
				}
				e.update(func(e *endpoint) {
					want(t, "serial number at the server", e.serials[len(e.serials)-1], parsed.SerialNumber.String())
				})
			}
			wantRefresh(t, "nil", defaultCache(t, e.URL+"/keys", &jwks.Options{RootCAs: own.pool(), ClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return nil, nil //nolint:nilnil // a mistake of the caller
			}}), "jwks.Options.ClientCertificate: the function returned no certificate")

			// The metadata names a different server.
			elsewhere := newEndpoint(t, own.issue(t), mutual)
			e.update(func(e *endpoint) { e.jwksURI = elsewhere.URL + "/keys" })
			n := calls.Load()
			get := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { calls.Add(1); return current.Load(), nil }
			wantRefresh(t, "other origin", defaultCache(t, e.URL, &jwks.Options{RootCAs: own.pool(), ClientCertificate: get}), elsewhere.URL, "jwks.Options.AuthorizationOrigins")
			want(t, "requests at the other origin", len(elsewhere.seen()), 0)
			if calls.Load() == n {
				t.Error("calls of the function for the metadata: got none")
			}
			wantRefresh(t, "other origin, listed", defaultCache(t, e.URL, &jwks.Options{RootCAs: own.pool(), ClientCertificate: get, AuthorizationOrigins: []string{elsewhere.URL}}))
		})
	}
}

// The options of TLS work only with the default Transport.
func TestTLSOptionsWithOwnTransport(t *testing.T) {
	_, err := jwks.New("https://issuer.test/keys", &jwks.Options{
		Transport: http.DefaultTransport, RootCAs: x509.NewCertPool(), RootCAFile: "x", ClientCertificate: noCertificate, AuthorizationFile: "x",
	})
	for _, field := range []string{"RootCAs", "RootCAFile", "ClientCertificate", "AuthorizationFile"} {
		wantText(t, err, fmt.Sprintf("Options.%s: works with the default Transport only", field))
	}
}

// All options of TLS and the token work together with RefusePrivateAddresses. The name of the
// issuer resolves to a public address here, and the network of the test connects to a server on
// loopback instead.
func TestCredentialsWithRefusePrivateAddresses(t *testing.T) {
	own := newAuthority(t, "own")
	e := newEndpoint(t, own.issue(t, "issuer.example"), func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, own.pool() })
	e.require = "Bearer " + secretToken
	certificate := own.issue(t)
	for _, row := range []struct {
		resolved string
		want     []string
	}{
		{"8.8.8.8", nil},
		{"10.0.0.1", []string{"not a public address"}},
		{"169.254.169.254", []string{"not a public address"}},
	} {
		lookup := func(context.Context, string, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr(row.resolved)}, nil
		}
		connect := func(ctx context.Context, network, address string, check func(string) error) (net.Conn, error) {
			if err := check(address); err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, e.Listener.Addr().String())
		}
		o := &jwks.Options{
			RootCAFile: newFile(t, own.pem()), AuthorizationFile: newFile(t, secretToken), RefusePrivateAddresses: true,
			ClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil },
		}
		const url = "https://issuer.example/keys"
		wantRefresh(t, "accepted options", defaultCache(t, "https://192.0.2.1/keys", o), "not a public address")
		rt := jwks.NewDefaultTransport(o, jwks.NewTransport(true, lookup, connect), url)
		wantRefresh(t, row.resolved, defaultCache(t, url, &jwks.Options{Transport: rt}), row.want...)
	}
}
