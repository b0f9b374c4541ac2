package jwks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/bearerkit/bearer/internal/quote"
)

// newDefaultTransport adds the options of TLS and the credentials to base, which is a new result of
// newTransport. The argument first is the first URL that is fetched.
func newDefaultTransport(o *Options, base *http.Transport, first string) http.RoundTripper {
	if get := o.ClientCertificate; get != nil {
		base.TLSClientConfig.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := get(info)
			if err == nil && cert == nil {
				err = errors.New("the function returned no certificate; to send none, return an empty tls.Certificate")
			}
			if err != nil {
				return nil, fmt.Errorf("jwks.Options.ClientCertificate: %w", err)
			}
			return cert, nil
		}
		if proxy := base.Proxy; proxy != nil {
			base.Proxy = withoutTLS(proxy)
		}
	}
	t := &tlsTransport{base: base, given: o.RootCAs, file: o.RootCAFile, reading: newReading(), certificate: o.ClientCertificate != nil, log: o.Logger}
	t.current = base
	if o.RootCAs != nil {
		base.TLSClientConfig.RootCAs = o.RootCAs
	}
	return newAuthorizer(o, t, first)
}

// withoutTLS returns a function that does what proxy does, but returns an error for a proxy with
// an https URL, because net/http sends the client certificate to such a proxy too.
func withoutTLS(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		u, err := proxy(req)
		if err == nil && u != nil && u.Scheme == "https" {
			return nil, errors.New("jwks.Options.ClientCertificate does not work with a proxy that has an https URL, because the proxy can request the certificate; use an http URL for the proxy, or name the host in NO_PROXY")
		}
		return u, err
	}
}

// tlsTransport is the default Transport. Before each request, it reads Options.RootCAFile. It is
// safe for concurrent use.
type tlsTransport struct {
	base        *http.Transport // it is not changed after the first request
	given       *x509.CertPool  // Options.RootCAs
	file        string          // Options.RootCAFile
	reading     reading         // of the file
	certificate bool            // whether Options.ClientCertificate is set
	log         *slog.Logger

	mu      sync.Mutex // guards the fields below
	current *http.Transport
	digest  [sha256.Size]byte // the hash of the last good version of the file
	failure string            // the text of the last error, which is logged once
}

// RoundTrip sends a request. The errors about certificates name the option that helps.
func (t *tlsTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	next, err := t.transport(req.Context())
	if err != nil {
		return nil, err
	}
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, t.explain(err)
	}
	return resp, nil
}

// transport returns a transport that accepts the certificates in the current version of the file.
// A transport keeps no connections open, so nothing of the old transport remains in use.
func (t *tlsTransport) transport(ctx context.Context) (*http.Transport, error) {
	if t.file == "" {
		return t.base, nil
	}
	data, err := t.reading.file(ctx, t.file, maxRootCAFile)
	digest := sha256.Sum256(data)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && digest == t.digest {
		t.failure = ""
		return t.current, nil
	}
	var roots *x509.CertPool
	if err == nil {
		roots, err = parseRoots(t.file, data, t.given)
	}
	if err != nil {
		err = fmt.Errorf("jwks.Options.RootCAFile: %w", err)
		if t.digest == ([sha256.Size]byte{}) {
			return nil, err // no version was good
		}
		if t.failure != err.Error() {
			t.failure = err.Error()
			t.log.WarnContext(ctx, "jwks: Options.RootCAFile is not usable; the certificates of its last version stay in use", "error", quote.Line(t.failure))
		}
		return t.current, nil
	}
	next := t.base.Clone()
	next.TLSClientConfig.RootCAs = roots
	t.current, t.digest, t.failure = next, digest, ""
	return next, nil
}

// certificateAlerts are the texts of the alerts of a server that does not accept the certificate
// of the client. The alerts have no exported type.
var certificateAlerts = []string{"certificate required", "bad certificate", "handshake failure", "unknown certificate"}

// explain adds the option that helps to an error of a TLS handshake.
func (t *tlsTransport) explain(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		switch {
		case t.file != "":
			return fmt.Errorf("%w; the authority is not in jwks.Options.RootCAFile, %s", err, t.file)
		case t.given != nil:
			return fmt.Errorf("%w; the authority is not in jwks.Options.RootCAs", err)
		}
		return fmt.Errorf("%w; if you trust the authority, set jwks.Options.RootCAFile to a file with its certificate", err)
	}
	if slices.ContainsFunc(certificateAlerts, func(alert string) bool { return strings.Contains(err.Error(), "remote error: tls: "+alert) }) {
		if t.certificate {
			return fmt.Errorf("%w; the server may not accept the certificate of jwks.Options.ClientCertificate", err)
		}
		return fmt.Errorf("%w; if the server requires a client certificate, set jwks.Options.ClientCertificate", err)
	}
	return err
}

// readRoots returns the certificates in a file.
func readRoots(ctx context.Context, path string) (*x509.CertPool, error) {
	data, err := newReading().file(ctx, path, maxRootCAFile)
	if err != nil {
		return nil, err
	}
	return parseRoots(path, data, nil)
}

// parseRoots returns the certificates in the PEM document data together with the certificates in
// given. It leaves out certificates that package x509 does not support, unless it supports none.
func parseRoots(path string, data []byte, given *x509.CertPool) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	if given != nil {
		roots = given.Clone()
	}
	n, blocks, rest := 0, 0, data
	var unsupported error
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks++
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s contains a PEM block of the type %q; want only CERTIFICATE", path, quote.Cut(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			unsupported = err
			continue
		}
		roots.AddCert(cert)
		n++
	}
	switch {
	case bytes.Count(data, []byte("-----BEGIN ")) != blocks: // Decode skips blocks that are not valid
		return nil, fmt.Errorf("%s is cut off, or contains a block that is not valid PEM", path)
	case n == 0 && unsupported != nil:
		return nil, fmt.Errorf("%s contains no usable certificate: %w", path, unsupported)
	case n == 0:
		return nil, fmt.Errorf("%s contains no certificate in PEM form", path)
	}
	return roots, nil
}
