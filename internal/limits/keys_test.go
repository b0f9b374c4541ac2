package limits_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

const keySetURL = "https://issuer.example/keys"

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(r *http.Request, status int, header http.Header, body []byte) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// edKey returns an element of "keys" with more members. The text of the members begins with a
// comma or is empty.
func edKey(more string) string {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return `{"kty":"OKP","crv":"Ed25519","x":"` + base64url(public) + `"` + more + "}"
}

// ecKey returns an element of "keys" for the curve P-256.
func ecKey(more string) string {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return `{"kty":"EC","crv":"P-256","x":"` + base64url(point[1:33]) + `","y":"` + base64url(point[33:]) + `"` + more + "}"
}

// rsaKey returns an element of "keys" with a random odd modulus of this size. The modulus has
// zero bytes at the start if it is shorter than length characters in base64url.
func rsaKey(bits int, e int64, length int, more string) string {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-1)))
	if err != nil {
		panic(err)
	}
	n.SetBit(n.SetBit(n, bits-1, 1), 0, 1)
	size := max((bits+7)/8, base64.RawURLEncoding.DecodedLen(length))
	return `{"kty":"RSA","n":"` + base64url(n.FillBytes(make([]byte, size))) + strings.Repeat("A", length%4%2) + `","e":"` + base64url(big.NewInt(e).Bytes()) + `"` + more + "}"
}

// parse parses a key set with these elements and one good key. It returns an error if the
// document is refused or an element is left out.
func parse(elements ...string) error {
	set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(append(elements, edKey(`,"kid":"good"`)), ",") + "]}"))
	if err != nil {
		return err
	}
	for _, skipped := range set.Skipped() {
		return errors.New(skipped.Reason)
	}
	return nil
}

// parsed returns a function for edge.try that parses a key of size n.
func parsed(element func(n int) string) func(*testing.T, int) error {
	return func(_ *testing.T, n int) error { return parse(element(n)) }
}

// members returns n members, each with a comma before it.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	return b.String()
}

// ofCost parses RSA keys with one kid and a total cost of n.
func ofCost(_ *testing.T, n int) error {
	var elements []string
	for _, key := range []struct{ cost, bits int }{{16, 8192}, {4, 4096}, {1, 2048}} {
		for ; n >= key.cost; n -= key.cost {
			elements = append(elements, rsaKey(key.bits, 65537, 0, `,"kid":"a"`))
		}
	}
	return parse(elements...)
}

func keyEdges() []edge {
	return []edge{
		{constant: "jwks.maxKeys", beyond: "more than %d", try: func(_ *testing.T, n int) error {
			elements := make([]string, n-1) // parse adds one key
			for i := range elements {
				elements[i] = edKey(fmt.Sprintf(`,"kid":"%d"`, i))
			}
			return parse(elements...)
		}},
		{constant: "jwks.maxElement", beyond: "more than %d bytes", try: parsed(func(n int) string {
			return edKey(`,"x5t":"` + strings.Repeat("a", n-len(edKey(`,"x5t":""`))) + `"`)
		})},
		{constant: "jwks.maxMembers", beyond: "more than %d members", try: parsed(func(n int) string { return edKey(members(n - 3)) })},
		{constant: "jwks.maxMembers", beyond: "more than %d members", try: func(_ *testing.T, n int) error {
			_, err := jwks.Parse([]byte(`{"keys":[` + edKey("") + "]" + members(n-1) + "}"))
			return err
		}},
		{constant: "jwks.maxOps", beyond: "more than %d elements", try: parsed(func(n int) string {
			ops := `"verify"`
			for i := range n - 1 {
				ops += fmt.Sprintf(`,"op%d"`, i)
			}
			return edKey(`,"key_ops":[` + ops + "]")
		})},
		{constant: "jwks.maxNumber", beyond: `"n" is too long`, try: parsed(func(n int) string { return rsaKey(2048, 65537, n, "") })},
		{constant: "jwks.rsa.minBits", beyond: "want %d to", try: parsed(func(n int) string { return rsaKey(n, 65537, 0, "") }), step: -1},
		{constant: "jwks.rsa.maxBits", beyond: "to %d", try: parsed(func(n int) string { return rsaKey(n, 65537, 0, "") })},
		{constant: "jwks.rsa.minExponent", beyond: "at least %d", try: parsed(func(n int) string { return rsaKey(2048, int64(n), 0, "") }), step: -1},
		{constant: "jwks.rsa.maxExponentBits", beyond: "more than %d bits", try: parsed(func(n int) string { return rsaKey(2048, 1<<(n-1)+1, 0, "") })},
		{constant: "jwks.defaultKeysPerID", beyond: "more than %d keys have this kid", try: func(_ *testing.T, n int) error {
			var elements []string
			for range n {
				elements = append(elements, edKey(`,"kid":"a"`))
			}
			return parse(elements...)
		}},
		{constant: "jwks.defaultKeysPerID", beyond: "more than %d keys have this kid", try: func(_ *testing.T, n int) error {
			var elements []string
			for range n {
				elements = append(elements, ecKey(`,"kid":"a"`))
			}
			return parse(elements...)
		}},
		{constant: "jwks.maxWithoutID", beyond: "at most %d are tried for a token without a kid", try: func(_ *testing.T, n int) error {
			var elements []string
			for range n {
				elements = append(elements, edKey(""))
			}
			set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(elements, ",") + "]}"))
			if err != nil {
				return err
			}
			_, err = set.Lookup("", "EdDSA")
			return err
		}},
		{constant: "jwks.defaultRSACost", beyond: "want at most %d (Options.MaxRSACost)", try: ofCost},
	}
}

// options returns options for the transport.
func options(transport roundTripper) *jwks.Options {
	return &jwks.Options{Transport: transport, Logger: slog.New(slog.DiscardHandler)}
}

// refresh returns the error of one refresh.
func refresh(t *testing.T, construct func(string, *jwks.Options) (*jwks.Cache, error), url string, opts *jwks.Options) error {
	t.Helper()
	c, err := construct(url, opts)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.Refresh(t.Context())
}

// padded returns a document of n bytes. The argument document has the form of a JSON object.
func padded(document string, n int) []byte {
	return []byte(document[:len(document)-1] + strings.Repeat(" ", n-len(document)) + "}")
}

// redirected fetches a key set after n redirects.
func redirected(t *testing.T, n int) error {
	t.Helper()
	return refresh(t, jwks.New, keySetURL, options(func(r *http.Request) (*http.Response, error) {
		if hops := len(r.URL.Query().Get("n")); hops < n {
			return respond(r, http.StatusFound, http.Header{"Location": {"/keys?n=" + strings.Repeat("x", hops+1)}}, nil), nil
		}
		return respond(r, http.StatusOK, nil, []byte(`{"keys":[`+edKey("")+"]}")), nil
	}))
}

// storeFile reads a file of n bytes.
func storeFile(t *testing.T, n int) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := jwks.NewFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Load(t.Context())
	return err
}

// refreshes refreshes the keys of n issuers, and returns the number of concurrent requests.
func refreshes(t *testing.T, n int) int {
	t.Helper()
	var mu sync.Mutex
	running, most := 0, 0
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		time.Sleep(900 * time.Millisecond)
		mu.Lock()
		running--
		mu.Unlock()
		return respond(r, http.StatusOK, nil, []byte(`{"keys":[`+edKey("")+"]}")), nil
	})
	var issuers bearer.Issuers
	defer func() { _ = issuers.Close() }()
	for i := range n {
		cache, err := jwks.New(keySetURL, options(transport))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cache.Close() }()
		if err := issuers.Add(bearer.Config{Issuer: fmt.Sprint("https://issuer.example/", i), Audience: []string{testkit.Audience}, Keys: cache, Logger: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(10 * time.Second) // until the first fetches of the caches have ended
	mu.Lock()
	most = 0
	mu.Unlock()
	if err := issuers.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return most
}

// skippedRecords returns the number of log records about n unusable keys.
func skippedRecords(t *testing.T, n int) int {
	t.Helper()
	var out testkit.Buffer
	document := []byte(`{"keys":[` + edKey("") + strings.Repeat(",{}", n) + "]}") // the same for each request
	opts := options(func(r *http.Request) (*http.Response, error) { return respond(r, http.StatusOK, nil, document), nil })
	opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
	if err := refresh(t, jwks.New, keySetURL, opts); err != nil {
		t.Fatal(err)
	}
	return strings.Count(out.String(), "an element of the key set cannot be used")
}

func requestEdges() []edge {
	const issuer = "https://issuer.example"
	return []edge{
		{constant: "jwks.maxDocument", beyond: "more than %d bytes", try: func(t *testing.T, n int) error {
			t.Helper()
			return refresh(t, jwks.New, keySetURL, options(func(r *http.Request) (*http.Response, error) {
				return respond(r, http.StatusOK, nil, padded(`{"keys":[`+edKey("")+"]}", n)), nil
			}))
		}},
		{constant: "jwks.maxMetadata", beyond: "more than %d bytes", try: func(t *testing.T, n int) error {
			t.Helper()
			return refresh(t, jwks.Discover, issuer, options(func(r *http.Request) (*http.Response, error) {
				if r.URL.String() == keySetURL {
					return respond(r, http.StatusOK, nil, []byte(`{"keys":[`+edKey("")+"]}")), nil
				}
				return respond(r, http.StatusOK, nil, padded(`{"issuer":"`+issuer+`","jwks_uri":"`+keySetURL+`"}`, n)), nil
			}))
		}},
		{constant: "jwks.maxURL", beyond: "longer than %d bytes", try: func(t *testing.T, n int) error {
			t.Helper()
			return refresh(t, jwks.New, keySetURL+"?"+strings.Repeat("x", n-len(keySetURL+"?")), options(func(r *http.Request) (*http.Response, error) {
				return respond(r, http.StatusOK, nil, []byte(`{"keys":[`+edKey("")+"]}")), nil
			}))
		}},
		{constant: "jwks.minStoreKey", beyond: "want at least %d", step: -1, try: func(t *testing.T, n int) error {
			t.Helper()
			store, err := jwks.NewFileStore(filepath.Join(t.TempDir(), "keys"))
			if err != nil {
				t.Fatal(err)
			}
			c, err := jwks.New(keySetURL, &jwks.Options{Store: store, StoreKey: make([]byte, n), Transport: roundTripper(down), Logger: slog.New(slog.DiscardHandler)})
			if err == nil {
				err = c.Close()
			}
			return err
		}},
		{constant: "jwks.maxStored", beyond: "file has more than %d bytes", try: storeFile},
		{constant: "jwks.maxRedirects", beyond: "more than %d redirects", try: redirected},
		{constant: "jwks.maxReported", beyond: "kept %d of", try: kept(skippedRecords)},
		{constant: "bearer.maxRefreshes", beyond: "kept %d of", try: kept(refreshes), bubble: true},
	}
}

func down(*http.Request) (*http.Response, error) { return nil, errors.New("the issuer is down") }
