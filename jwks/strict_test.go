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

// A token without a kid causes no fetch if several keys fit: a newer set does not help. If
// no key fits, a new key may have signed the token, so the token causes a fetch.
func TestNoKidNoFetch(t *testing.T) {
	for name, row := range map[string]struct {
		keys []jwk
		want int // fetches, including the first one
	}{
		"several keys fit": {[]jwk{ecKey("a"), ecKey("b")}, 1},
		"no key fits":      {[]jwk{edKey("a")}, 2},
		"one key fits":     {[]jwk{ecKey("a"), edKey("b")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(row.keys...)
				c := newCache(t, i)
				verdict := "unknown"
				if name == "one key fits" {
					verdict = "ok"
				}
				want(t, "verdict", keyVerdict(t, c, ""), verdict)
				want(t, "fetches", i.fetches(), row.want)
			})
		})
	}
}

// An issuer answers a conditional request with a new set. The new set replaces the old
// set.
func TestConditionalRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.set(func(i *issuer) { i.header = http.Header{"Etag": {`"v1"`}} })
		c := newCache(t, i)
		i.publish(ecKey("b"))
		i.set(func(i *issuer) { i.header = http.Header{"Etag": {`"v2"`}} })
		time.Sleep(time.Hour)
		want(t, "If-None-Match", i.last().Get("If-None-Match"), `"v2"`)
		_, err := c.Lookup("a", "ES256")
		want(t, "old key", verdict(err), "unknown")
		_, err = c.Lookup("b", "ES256")
		want(t, "new key", verdict(err), "ok")
	})
}

// broken is a body that ends with an error instead of io.EOF.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("connection reset")
	}
	return n, err
}

func (broken) Close() error { return nil }

// A response that is not complete is not used, even if the received part is a valid key
// set. The verdict under the old key is "unknown" if the response is used, else "ok".
func TestBrokenBodies(t *testing.T) {
	compressed := func(doc []byte) []byte {
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
		"complete": {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, nil, doc) }, "unknown"},
		"gzip":     {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, gz, compressed(doc)) }, "unknown"},
		"X-Gzip": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"X-Gzip"}}, compressed(doc))
		}, "unknown"},
		"identity": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"identity"}}, doc)
		}, "unknown"},
		"gzip, checksum missing": {func(r *http.Request, doc []byte) *http.Response {
			p := compressed(doc)
			return response(r, 200, gz, p[:len(p)-8])
		}, "ok"},
		"gzip in the header only": {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, gz, doc) }, "ok"},
		"brotli": {func(r *http.Request, doc []byte) *http.Response {
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
				want(t, "verdict under the old key", verdict(err), row.want)
			})
		})
	}
}

// Metadata that is fresh for an hour is fetched about every hour, not with each refresh. If
// the URL of the key set is configured, metadata is never fetched.
func TestMetadataInterval(t *testing.T) {
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
		ofMetadata, ofKeys := 0, 0
		for _, url := range i.urls {
			if url == issuerURL+oidc {
				ofMetadata++
			} else {
				ofKeys++
			}
		}
		i.mu.Unlock()
		if ofMetadata < 5 || ofMetadata > 10 || ofKeys < 50 {
			t.Errorf("fetches in 6 h: got %d of the metadata and %d of the key set, want 5 to 10 and at least 50", ofMetadata, ofKeys)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		time.Sleep(6 * time.Hour)
		want(t, "MetadataFailed events with a configured URL", events.count(jwks.MetadataFailed), 0)
	})
}

// Errors describe what is wrong with the metadata. A document that is too long is refused.
func TestMetadataErrors(t *testing.T) {
	good := metadata(issuerURL, keysURL)
	keys := string(document(ecKey("a")))
	for want, text := range map[string]string{
		"JSON ends too early":     good[:len(good)-1],
		"data after the JSON":     good + "{}",
		`no "issuer"`:             `{"jwks_uri":"` + keysURL + `"}`,
		`"issuer" is "x", want`:   metadata("x", keysURL),
		`no "jwks_uri"`:           `{"issuer":"` + issuerURL + `"}`,
		`"jwks_uri": not an`:      metadata(issuerURL, ""),
		"more than 1048576 bytes": good + strings.Repeat(" ", 1<<20),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := site{issuerURL + oidc: text, keysURL: keys}
			for _, length := range []int64{int64(len(text)), -1} { // with and without Content-Length
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
	// The Content-Encoding is gzip, but the body is not compressed.
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.set(func(i *issuer) { i.header = http.Header{"Content-Encoding": {"gzip"}} })
		_, err := newCache(t, i).Lookup("a", "ES256")
		wantText(t, err, "gzip: ")
	})
}

// Errors describe, on one line, what is wrong with a document.
func TestDocumentErrors(t *testing.T) {
	for _, row := range []struct{ document, want string }{
		{`[]`, "not a JSON object"},
		{`{"keys":{}}`, `"keys" is not an array`},
		{`{"keys":null}`, `"keys" is not an array`},
		{`{}`, `no member "keys"`},
		{`{"keys":[` + strings.Repeat("{},", 1000) + `{}]}`, "more than 1000 keys"},
		{`{"keys":[`, "JSON ends too early"},
		{`{"keys":[{}`, "JSON ends too early"},
		{`{"keys":[],"keys":[]}`, "a member name appears twice"},
		{`{"keys":[]}{}`, "data after the JSON object"},
		{`{"keys":[!]}`, "not valid JSON"},
		{`{"keys":[{"kty":"EC","kty":"EC"}]}`, "appears twice"},
		{`{"keys":[{"kty":"EC","crv":1}]}`, `"crv" is not a string`},
		{`{"keys":[{"kty":"RSA","n":"AQ"}]}`, `no "e"`},
		{`{"keys":[{"kty":"RSA"}]}`, `no "n"`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ"}]}`, `no "y"`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`, "coordinates of 1 and 1 bytes, want 32 bytes on P-256"},
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
	for e, want := range map[string]string{"AQAAAAE": "more than 31 bits", "gAAAAQ": "more than 31 bits", "AQ": "exponent is 1, want an odd number", "Ag": "exponent is 2, want an odd number"} {
		_, err := jwks.Parse(document(key.with("e", e)))
		wantText(t, err, want)
	}
}

// URLs to fetch from must be https, or http on a loopback host.
func TestKeySetURLs(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://as.test": true, "https://as.test:8443/x": true, "http://localhost/x": true, "http://localhost.": true, "http://a.localhost": true,
		"http://127.0.0.1:1": true, "http://127.8.9.10": true, "http://[::1]:1": true, "http://[::ffff:127.0.0.1]": true,
		"http://as.test": false, "http://localhost.evil.test": false, "http://notlocalhost": false, "http://10.0.0.1": false, "http://[::2]": false,
		"http://0.0.0.0": false, "http://[::ffff:10.0.0.1]": false, "http://[fe80::1%25lo]": false, "https://": false, "https:///keys": false,
		"https://u:p@as.test": false, "https://as.test/#": false, "https://as.test/#a": false, "ftp://as.test": false, "//as.test": false, "as.test": false,
		"https://as.test\x7f": false, "https:as.test": false, "": false,
	} {
		c, err := jwks.New(url, &jwks.Options{Transport: &issuer{down: true}, Logger: slog.New(slog.DiscardHandler)})
		want(t, "New accepts "+url, err == nil, ok)
		if err == nil {
			_ = c.Close()
		}
		// The same holds for the key-set URL in metadata, except that http is refused, because
		// the metadata comes over https.
		synctest.Test(t, func(t *testing.T) {
			s := site{issuerURL + oidc: metadata(issuerURL, url), url: string(document(ecKey("a")))}
			i := &issuer{answer: s.answer}
			discover(t, issuerURL, i)
			fetched := 0
			for _, requested := range i.urls {
				if requested == url {
					fetched++
				}
			}
			want(t, "the key set is fetched from "+url, fetched > 0, ok && strings.HasPrefix(url, "https:"))
		})
	}
}
