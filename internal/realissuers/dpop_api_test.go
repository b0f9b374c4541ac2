package realissuers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// certificate is a certificate for 127.0.0.1, which the clients of the tests trust.
type certificate struct {
	pair tls.Certificate
	dir  string // with cert.pem, and all.pem with the certificate and its key
}

func newCertificate(t *testing.T) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &certificate{dir: t.TempDir()}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if c.pair, err = tls.X509KeyPair(public, secret); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cert.pem": public, "all.pem": slices.Concat(public, secret)} {
		if err := os.WriteFile(filepath.Join(c.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, MinVersion: tls.VersionTLS12}
}

// client returns an HTTP client that trusts the certificate and follows no redirects.
func (c *certificate) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(c.pair.Leaf)
	return &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// seenRequest is a request that reached the API, and its response.
type seenRequest struct {
	Line      string   `json:"line"`
	Host      string   `json:"host"`
	Proofs    []string `json:"proofs"`
	Status    int      `json:"status"`
	Challenge []string `json:"challenge,omitempty"`
	Nonce     string   `json:"nonce,omitempty"`

	method, uri   string
	authorization string
}

// boundAPI is an API that accepts only bound tokens.
type boundAPI struct {
	origin string // as clients write it
	seen   chan seenRequest
	mu     sync.Mutex  // guards the fields below
	bound  string      // the thumbprint of the last accepted request
	last   string      // the request line of the last accepted request
	stolen seenRequest // a request of the client, with its token and its proof
}

// newBoundAPI starts an API. The function front starts the TLS server in front of a handler,
// and returns its origin. If the options have no Origins, the API has this origin.
func newBoundAPI(t *testing.T, i *issuer, opts dpop.Options, front func(http.Handler) string) *boundAPI {
	t.Helper()
	api := &boundAPI{seen: make(chan seenRequest, 100)}
	mux := http.NewServeMux()
	api.origin = front(api.record(mux))
	if !opts.InsecureAnyOrigin {
		opts.Origins = []string{api.origin}
	}
	opts.Logger = slog.New(slog.DiscardHandler)
	binding, err := dpop.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	_, keys := i.verifier(t)
	cfg := i.config(keys)
	cfg.Bindings, cfg.RequireBound, cfg.Logger = []bearer.Binding{binding}, true, slog.New(slog.DiscardHandler)
	verifier, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	guard, err := middleware.New(verifier, &middleware.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		claims, _ := bearer.FromContext(r.Context())
		api.mu.Lock()
		defer api.mu.Unlock()
		api.bound, api.last = claims.BoundTo("jkt"), r.Method+" "+r.RequestURI
	})
	guard.Handle(mux, "GET /orders/{id}", scopes.All(read), handler)
	guard.Handle(mux, "POST /orders", scopes.All(read), handler)
	return api
}

// record records the requests and the responses of a handler.
func (a *boundAPI) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response := httptest.NewRecorder()
		next.ServeHTTP(response, r)
		a.seen <- seenRequest{
			Line: fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, r.Proto), Host: r.Host, Proofs: r.Header.Values("DPoP"),
			Status: response.Code, Challenge: response.Header().Values("WWW-Authenticate"), Nonce: response.Header().Get("DPoP-Nonce"),
			method: r.Method, uri: r.RequestURI, authorization: r.Header.Get("Authorization"),
		}
		for name, values := range response.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(response.Code)
		_, _ = w.Write(response.Body.Bytes())
	})
}

// take returns the requests since the last call of take.
func (a *boundAPI) take() (list []seenRequest) {
	for {
		select {
		case r := <-a.seen:
			list = append(list, r)
		default:
			return list
		}
	}
}

// accepted returns the request line and the thumbprint of the last accepted request.
func (a *boundAPI) accepted() (line, thumbprint string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last, a.bound
}
