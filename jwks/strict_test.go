package jwks_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// TestNoKidNoFetch has a token without a kid that several keys would fit: a newer
// set cannot help it, so that none is fetched. One that no key fits may be signed by
// a new one.
func TestNoKidNoFetch(t *testing.T) {
	for name, row := range map[string]struct {
		keys []jwk
		want int // fetches, the first one included
	}{
		"several fit": {[]jwk{ecKey("a"), ecKey("b")}, 1},
		"none fits":   {[]jwk{edKey("a")}, 2},
		"one fits":    {[]jwk{ecKey("a"), edKey("b")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(row.keys...)
				c := newCache(t, i)
				verdict := "unknown"
				if name == "one fits" {
					verdict = "ok"
				}
				want(t, "verdict", ask(t, c, ""), verdict)
				want(t, "fetches", i.fetches(), row.want)
			})
		})
	}
}

// TestConditionalRotation has an issuer that answers a conditional request with a
// new set: it is not taken for the old one.
func TestConditionalRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.set(func(i *issuer) { i.header = http.Header{"Etag": {`"v1"`}} })
		c := newCache(t, i)
		i.publish(ecKey("b"))
		i.set(func(i *issuer) { i.header = http.Header{"Etag": {`"v2"`}} })
		time.Sleep(time.Hour)
		want(t, "asked with", i.last().Get("If-None-Match"), `"v2"`)
		_, err := c.Lookup("a", "ES256")
		want(t, "the old key", verdict(err), "unknown")
		_, err = c.Lookup("b", "ES256")
		want(t, "the new key", verdict(err), "ok")
	})
}

// broken is a body that ends with an error instead of its end.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("connection reset")
	}
	return n, err
}

func (broken) Close() error { return nil }

// TestBrokenBodies wants nothing of an answer that did not come whole, even where
// what came reads well.
func TestBrokenBodies(t *testing.T) {
	packed := func(doc []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write(doc)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	gz := http.Header{"Content-Encoding": {"gzip"}}
	for name, row := range map[string]struct {
		answer func(r *http.Request, doc []byte) *http.Response
		want   string
	}{
		"whole":  {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, nil, doc) }, "unknown"},
		"packed": {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, gz, packed(doc)) }, "unknown"},
		"packed, by its old name": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"X-Gzip"}}, packed(doc))
		}, "unknown"},
		"not packed, and says so": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"identity"}}, doc)
		}, "unknown"},
		"packed, without its checksum": {func(r *http.Request, doc []byte) *http.Response {
			p := packed(doc)
			return response(r, 200, gz, p[:len(p)-8])
		}, "ok"},
		"said to be packed": {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, gz, doc) }, "ok"},
		"packed by brotli": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"br"}}, doc)
		}, "ok"},
		"ends with an error": {func(r *http.Request, doc []byte) *http.Response {
			resp := response(r, 200, nil, nil)
			resp.ContentLength, resp.Body = -1, broken{bytes.NewReader(doc)}
			return resp
		}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				c := newCache(t, i)
				doc := document(ecKey("b"))
				i.set(func(i *issuer) { i.answer = func(r *http.Request) *http.Response { return row.answer(r, doc) } })
				time.Sleep(time.Hour)
				_, err := c.Lookup("a", "ES256")
				want(t, "the key before", verdict(err), row.want)
			})
		})
	}
}

// TestMetadataIsRead wants metadata that is good for an hour read again hourly and
// not with every refresh, and never where the URL of the key set is fixed.
func TestMetadataIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := site{issuerURL + oidc: metadata(issuerURL, keysURL), keysURL: string(document(ecKey("a")))}
		i := &issuer{answer: func(r *http.Request) *http.Response {
			resp := s.answer(r)
			if r.URL.Path == "/t"+oidc {
				resp.Header.Set("Cache-Control", "max-age=3600")
			}
			return resp
		}}
		discover(t, issuerURL, i)
		time.Sleep(6 * time.Hour)
		i.mu.Lock()
		asked := map[bool]int{}
		for _, path := range i.paths {
			asked[path == issuerURL+oidc]++
		}
		i.mu.Unlock()
		if asked[true] < 5 || asked[true] > 10 || asked[false] < 50 {
			t.Errorf("got metadata read %d times and the set %d times in 6 hours, want about once an hour, and more often", asked[true], asked[false])
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		time.Sleep(6 * time.Hour)
		want(t, "metadata of a fixed URL that failed", events.count(jwks.MetadataFailed), 0)
	})
}

// TestMetadataErrors wants what is wrong with metadata told, and none taken that is
// longer than a document may be.
func TestMetadataErrors(t *testing.T) {
	good := metadata(issuerURL, keysURL)
	keys := string(document(ecKey("a")))
	for want, text := range map[string]string{
		"JSON ends too early":     good[:len(good)-1],
		"data behind the JSON":    good + "{}",
		`no "issuer"`:             `{"jwks_uri":"` + keysURL + `"}`,
		`"issuer" is "x", want`:   metadata("x", keysURL),
		`no "jwks_uri"`:           `{"issuer":"` + issuerURL + `"}`,
		`"jwks_uri": not an`:      metadata(issuerURL, ""),
		"more than 1048576 bytes": good + strings.Repeat(" ", 1<<20),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := site{issuerURL + oidc: text, keysURL: keys}
			for _, length := range []int64{int64(len(text)), -1} { // said, and not said
				c := discover(t, issuerURL, &issuer{answer: func(r *http.Request) *http.Response {
					resp := s.answer(r)
					resp.ContentLength = length
					return resp
				}})
				_, err := c.Lookup("a", "ES256")
				wantText(t, err, want)
			}
		})
	}
	// An answer that says it is packed and is not.
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.set(func(i *issuer) { i.header = http.Header{"Content-Encoding": {"gzip"}} })
		_, err := newCache(t, i).Lookup("a", "ES256")
		wantText(t, err, "gzip: ")
	})
}

// TestDocumentErrors wants errors that say what is the matter, on one line.
func TestDocumentErrors(t *testing.T) {
	for _, row := range []struct{ document, want string }{
		{`[]`, "not a JSON object"},
		{`{"keys":{}}`, `"keys" is not an array`},
		{`{"keys":null}`, `"keys" is not an array`},
		{`{}`, `no member "keys"`},
		{`{"keys":[` + strings.Repeat("{},", 1000) + `{}]}`, "more than 1000 keys"},
		{`{"keys":[`, "JSON ends too early"},
		{`{"keys":[{}`, "JSON ends too early"},
		{`{"keys":[],"keys":[]}`, "a member name comes twice"},
		{`{"keys":[]}{}`, "data behind the JSON object"},
		{`{"keys":[!]}`, "not valid JSON"},
		{`{"keys":[{"kty":"EC","kty":"EC"}]}`, "comes twice"},
		{`{"keys":[{"kty":"EC","crv":1}]}`, `"crv" is not a string`},
		{`{"keys":[{"kty":"RSA","n":"AQ"}]}`, `no "e"`},
		{`{"keys":[{"kty":"RSA"}]}`, `no "n"`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ"}]}`, `no "y"`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`, "not of 32 bytes"},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"!"}]}`, `"x" is not base64url`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":1}]}`, `"x" is not a string`},
		{`{"keys":[{"kty":"RSA","n":"` + strings.Repeat("A", 1500) + `"}]}`, `"n" is too long`},
		{`{"keys":[{"kty":"EC","key_ops":"verify"}]}`, `"key_ops" is not an array of strings`},
		{`{"keys":[{"kty":"OKP","crv":1}]}`, `"crv" is not a string`},
		{`{"keys":[{"kty":"AKP","alg":"ML-DSA-44"}]}`, `kty "AKP" is not supported`},
	} {
		_, err := jwks.Parse([]byte(row.document))
		wantText(t, err, row.want)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: got %q, want one line", row.document, err)
		}
	}
	key := public("a", &rsaPrivate().PublicKey)
	for e, want := range map[string]string{"AQAAAAE": "more than 31 bits", "gAAAAQ": "more than 31 bits", "AQ": "not an odd number from 3", "Ag": "not an odd number from 3"} {
		_, err := jwks.Parse(document(key.with("e", e)))
		wantText(t, err, want)
	}
}

// TestIssuerURLs has what may stand where a URL to fetch from is asked for.
func TestIssuerURLs(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://as.test": true, "https://as.test:8443/x": true, "http://localhost/x": true, "http://localhost.": true, "http://a.localhost": true,
		"http://127.0.0.1:1": true, "http://127.8.9.10": true, "http://[::1]:1": true, "http://[::ffff:127.0.0.1]": true,
		"http://as.test": false, "http://localhost.evil.test": false, "http://notlocalhost": false, "http://10.0.0.1": false, "http://[::2]": false,
		"http://0.0.0.0": false, "http://[::ffff:10.0.0.1]": false, "http://[fe80::1%25lo]": false, "https://": false, "https:///keys": false,
		"https://u:p@as.test": false, "https://as.test/#": false, "https://as.test/#a": false, "ftp://as.test": false, "//as.test": false, "as.test": false,
		"https://as.test\x7f": false, "https:as.test": false, "": false,
	} {
		c, err := jwks.New(url, &jwks.Options{Transport: &issuer{down: true}, Logger: slog.New(slog.DiscardHandler)})
		want(t, "New takes "+url, err == nil, ok)
		if err == nil {
			_ = c.Close()
		}
		// The same holds where an issuer names its key set, but for http.
		synctest.Test(t, func(t *testing.T) {
			s := site{issuerURL + oidc: metadata(issuerURL, url), url: string(document(ecKey("a")))}
			i := &issuer{answer: s.answer}
			discover(t, issuerURL, i)
			fetched := 0
			for _, path := range i.paths {
				if path == url {
					fetched++
				}
			}
			want(t, "a key set is fetched from "+url, fetched > 0, ok && strings.HasPrefix(url, "https:"))
		})
	}
}
