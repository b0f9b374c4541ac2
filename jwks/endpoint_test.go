package jwks_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// authority is a certificate authority for tests.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial atomic.Int64
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{key: newEC(elliptic.P256())}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// pem returns the certificate of the authority.
func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue returns a certificate for servers on loopback and for clients.
func (a *authority) issue(t *testing.T, names ...string) *tls.Certificate {
	t.Helper()
	key := newEC(elliptic.P256())
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(100 + a.serial.Add(1)), DNSNames: append(names, "localhost"), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// endpoint is a TLS server that serves metadata and keys, and records the requests.
type endpoint struct {
	*httptest.Server

	mu          sync.Mutex
	certificate *tls.Certificate
	jwksURI     string   // "" means the keys of this server
	redirect    string   // the target of /moved
	require     string   // the required value of Authorization; "" means none
	requests    []string // path and value of Authorization
	serials     []string // the serial number of each client certificate
	keys        []byte
}

func newEndpoint(t *testing.T, cert *tls.Certificate, change ...func(*tls.Config)) *endpoint {
	t.Helper()
	e := &endpoint{certificate: cert, keys: document(ecKey("a"))}
	e.Server = httptest.NewUnstartedServer(e)
	e.Config.ErrorLog = log.New(io.Discard, "", 0) //nolint:forbidigo // net/http requires this type
	e.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	for _, c := range change {
		c(e.TLS)
	}
	config := e.TLS.Clone() // StartTLS adds a certificate to e.TLS
	e.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		current := config.Clone()
		current.Certificates = []tls.Certificate{*e.certificate}
		return current, nil
	}
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

// update locks e.mu and calls change.
func (e *endpoint) update(change func(*endpoint)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

// seen returns the requests so far.
func (e *endpoint) seen() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.requests...)
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, r.URL.Path+" "+strings.Join(r.Header.Values("Authorization"), ","))
	for _, cert := range r.TLS.PeerCertificates {
		e.serials = append(e.serials, cert.SerialNumber.String())
	}
	switch {
	case e.require != "" && r.Header.Get("Authorization") != e.require:
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case strings.Contains(r.URL.Path, "well-known"):
		uri := e.jwksURI
		if uri == "" {
			uri = e.URL + "/keys"
		}
		_, _ = w.Write([]byte(metadata(e.URL, uri)))
	case r.URL.Path == "/moved":
		http.Redirect(w, r, e.redirect, http.StatusFound)
	default:
		_, _ = w.Write(e.keys)
	}
}

// lockedBuffer is a buffer that is safe for concurrent use.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns the text and empties the buffer.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// writeFile writes a file the way Kubernetes does: it replaces the file.
func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// newFile returns the path of a new file.
func newFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	writeFile(t, path, content)
	return path
}

// defaultCache returns a cache with the default Transport. If url has no path, it discovers the
// keys.
func defaultCache(t *testing.T, url string, o *jwks.Options) *jwks.Cache {
	t.Helper()
	o.Timeout = 30 * time.Second // machines that run tests can be slow
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	construct := jwks.New
	if strings.Count(url, "/") == 2 {
		construct = jwks.Discover
	}
	c, err := construct(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// wantRefresh refreshes c. Without parts, Refresh must return no error. Otherwise the error must
// contain the parts.
func wantRefresh(t *testing.T, label string, c *jwks.Cache, parts ...string) {
	t.Helper()
	err := c.Refresh(t.Context())
	if len(parts) == 0 {
		if err != nil {
			t.Errorf("%s: got error %v, want none", label, err)
		}
		return
	}
	if err == nil {
		t.Errorf("%s: got no error, want an error", label)
		return
	}
	wantText(t, err, parts...)
}
