package jwks_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// keySetURL is the URL of the fake issuer's key set. No server listens at this URL.
const keySetURL = "https://issuer.test/keys"

// issuer is a fake issuer. It is an http.RoundTripper that answers requests and records the
// requests. Tests change the fields with the method update.
type issuer struct {
	mu          sync.Mutex                         // guards the fields below
	doc         []byte                             // the key set
	delay       time.Duration                      // the time from each request to its response
	hang        bool                               // whether the issuer never answers
	down        bool                               // whether the issuer refuses connections
	status      int                                // the status of responses; 0 means 200
	header      http.Header                        // the header of responses
	answer      func(*http.Request) *http.Response // returns the response; nil if the fields status, header and doc determine the response
	requests    []time.Time                        // the time of each request
	headers     []http.Header                      // the header of each request
	urls        []string                           // the URL of each request
	inFlight    int                                // the number of requests in flight
	maxInFlight int                                // the largest value that inFlight had
}

func newIssuer(keys ...jwk) *issuer { return &issuer{doc: document(keys...)} }

// update locks i.mu and calls the function change with i.
func (i *issuer) update(change func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

// publish replaces the key set.
func (i *issuer) publish(keys ...jwk) { i.update(func(i *issuer) { i.doc = document(keys...) }) }

// fetches returns the number of requests that the issuer has received.
func (i *issuer) fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.requests)
}

// maxConcurrent returns the largest number of requests in flight at the same time.
func (i *issuer) maxConcurrent() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.maxInFlight
}

// requestTimes returns the time of each request.
func (i *issuer) requestTimes() []time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.requests)
}

// lastHeader returns the header of the last request.
func (i *issuer) lastHeader() http.Header {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.headers[len(i.headers)-1]
}

func (i *issuer) RoundTrip(req *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.requests = append(i.requests, time.Now())
	i.headers = append(i.headers, req.Header.Clone())
	i.urls = append(i.urls, req.URL.String())
	i.inFlight++
	i.maxInFlight = max(i.maxInFlight, i.inFlight)
	delay, hang, down := i.delay, i.hang, i.down
	i.mu.Unlock()
	defer i.update(func(i *issuer) { i.inFlight-- })
	if down {
		return nil, errors.New("connection refused")
	}
	if hang {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if delay > 0 { // a select with a timer of 0 s can end a race-enabled Go 1.26 test with SIGSEGV
		select {
		case <-time.After(delay):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.answer != nil {
		return i.answer(req), nil
	}
	status := i.status
	if status == 0 {
		status = http.StatusOK
	}
	return response(req, status, i.header, i.doc), nil
}

func response(req *http.Request, status int, header http.Header, body []byte) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: header.Clone(), Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// jwk has the members of a JWK that the fake issuer publishes.
type jwk map[string]any

// The method with returns a copy of j in which it has changed some members. The arguments are
// pairs: the name of a member and its new value. The value nil removes the member.
func (j jwk) with(pairs ...any) jwk {
	c := jwk{}
	for name, value := range j {
		c[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string) //nolint:errcheck // if name is not a string, the test panics
		if pairs[i+1] == nil {
			delete(c, name)
		} else {
			c[name] = pairs[i+1]
		}
	}
	return c
}

// document returns a key set with the given keys.
func document(keys ...jwk) []byte {
	if keys == nil {
		keys = []jwk{}
	}
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return data
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// ecKey returns a new P-256 key with this kid.
func ecKey(kid string) jwk { return public(kid, newEC(elliptic.P256()).Public()) }

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// rsaPrivate returns an RSA key. All tests share this key, because generating a key is slow.
var rsaPrivate = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// The function public returns the JWK of a public key.
func public(kid string, key crypto.PublicKey) jwk {
	j := jwk{"kid": kid, "use": "sig"}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		j["kty"], j["crv"] = "EC", key.Curve.Params().Name
		j["x"], j["y"] = b64(point[1:1+size]), b64(point[1+size:])
	case *rsa.PublicKey:
		j["kty"], j["n"], j["e"] = "RSA", b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes())
	case ed25519.PublicKey:
		j["kty"], j["crv"], j["x"] = "OKP", "Ed25519", b64(key)
	}
	return j
}

// edKey returns a new Ed25519 key with this kid.
func edKey(kid string) jwk {
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return public(kid, key)
}

// options returns Options for a cache of the issuer i.
func options(i *issuer) *jwks.Options {
	return &jwks.Options{Issuer: "https://issuer.test", Transport: i, Logger: slog.New(slog.DiscardHandler)}
}

// newCache returns a cache of the issuer i, and waits for the first fetch. It must be called in
// a synctest bubble.
func newCache(t *testing.T, i *issuer, change ...func(*jwks.Options)) *jwks.Cache {
	t.Helper()
	o := options(i)
	for _, c := range change {
		c(o)
	}
	cache, err := jwks.New(keySetURL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return cache
}

// outcome returns a word for the outcome of a lookup that returned the error err.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, jwks.ErrUnknownKey) && !errors.Is(err, jwks.ErrUnavailable):
		return "unknown"
	case errors.Is(err, jwks.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	}
	return "other: " + err.Error()
}

// keyOutcome calls c.Key for an ES256 token with this kid and returns the outcome.
func keyOutcome(t *testing.T, c *jwks.Cache, kid string) string {
	t.Helper()
	keys, err := c.Key(t.Context(), kid, "ES256")
	if (err == nil) != (len(keys) > 0) {
		t.Errorf("Key(%q): got %d keys and error %v, want either keys or an error", kid, len(keys), err)
	}
	return outcome(err)
}

// The function want fails the test if the value got is not equal to the value want. The
// argument label describes the value in the failure text.
func want[T comparable](t *testing.T, label string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", label, got, want)
	}
}

// wantText fails the test if err is nil, or if the text of err does not contain all parts.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want an error that contains %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want an error that contains %q", err, part)
		}
	}
}

func errorAs(err error) (*jwks.UnavailableError, bool) {
	return errors.AsType[*jwks.UnavailableError](err)
}

func rawDocument(tb testing.TB, elements ...any) []byte {
	tb.Helper()
	data, err := json.Marshal(map[string]any{"keys": elements})
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
