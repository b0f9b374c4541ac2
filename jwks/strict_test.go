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

// A token without a kid causes no fetch if too many keys fit, because a newer key set does not
// help. If no key fits, the token causes a fetch, because a new key may have signed the token.
func TestNoKidNoFetch(t *testing.T) {
	for name, row := range map[string]struct {
		keys []jwk
		want int // number of fetches, including the first fetch
	}{
		"no key fits":       {[]jwk{edKey("a")}, 2},
		"one key fits":      {[]jwk{ecKey("a"), edKey("b")}, 1},
		"four keys fit":     {[]jwk{ecKey("a"), ecKey("b"), ecKey("c"), ecKey("d")}, 1},
		"too many keys fit": {[]jwk{ecKey("a"), ecKey("b"), ecKey("c"), ecKey("d"), ecKey("e")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(row.keys...)
				c := newCache(t, i)
				wanted := map[string]string{"one key fits": "ok", "four keys fit": "ok"}[name]
				if wanted == "" {
					wanted = "unknown"
				}
				want(t, "outcome of the lookup", keyOutcome(t, c, ""), wanted)
				want(t, "fetches", i.fetches(), row.want)
			})
		})
	}
}

// If an issuer answers a conditional request with a new key set, the new key set replaces the
// old key set.
func TestConditionalRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.update(func(i *issuer) { i.header = http.Header{"Etag": {`"v1"`}} })
		c := newCache(t, i)
		i.publish(ecKey("b"))
		i.update(func(i *issuer) { i.header = http.Header{"Etag": {`"v2"`}} })
		time.Sleep(time.Hour)
		want(t, "If-None-Match", i.lastHeader().Get("If-None-Match"), `"v2"`)
		_, err := c.Lookup("a", "ES256")
		want(t, "lookup of the old key", outcome(err), "unknown")
		_, err = c.Lookup("b", "ES256")
		want(t, "lookup of the new key", outcome(err), "ok")
	})
}

// brokenBody is a body that ends with an error instead of io.EOF.
type brokenBody struct{ io.Reader }

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("connection reset")
	}
	return n, err
}

func (brokenBody) Close() error { return nil }

// The cache does not use an incomplete response, even if the received part is a valid key set.
// The outcome of a lookup of the old key is "unknown" if the cache uses the response, and "ok"
// otherwise.
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
		"complete response": {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, nil, doc) }, "unknown"},
		"gzip response":     {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, gz, compressed(doc)) }, "unknown"},
		"Content-Encoding X-Gzip": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"X-Gzip"}}, compressed(doc))
		}, "unknown"},
		"Content-Encoding identity": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"identity"}}, doc)
		}, "unknown"},
		"gzip response without a checksum": {func(r *http.Request, doc []byte) *http.Response {
			p := compressed(doc)
			return response(r, 200, gz, p[:len(p)-8])
		}, "ok"},
		"Content-Encoding gzip, but the body is not compressed": {func(r *http.Request, doc []byte) *http.Response { return response(r, 200, gz, doc) }, "ok"},
		"Content-Encoding br": {func(r *http.Request, doc []byte) *http.Response {
			return response(r, 200, http.Header{"Content-Encoding": {"br"}}, doc)
		}, "ok"},
		"body ends with an error": {func(r *http.Request, doc []byte) *http.Response {
			resp := response(r, 200, nil, nil)
			resp.ContentLength, resp.Body = -1, brokenBody{bytes.NewReader(doc)}
			return resp
		}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				c := newCache(t, i)
				doc := document(ecKey("b"))
				i.update(func(i *issuer) { i.answer = func(r *http.Request) *http.Response { return row.answer(r, doc) } })
				time.Sleep(time.Hour)
				_, err := c.Lookup("a", "ES256")
				want(t, "lookup of the old key", outcome(err), row.want)
			})
		})
	}
}

// If metadata is fresh for an hour, the cache fetches the metadata about once per hour, and not
// with each refresh. If the URL of the key set is configured, the cache never fetches metadata.
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
			t.Errorf("fetches in 6 h: got %d of the metadata and %d of the key set, want 5 to 10 of the metadata and at least 50 of the key set", ofMetadata, ofKeys)
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

// The error describes the problem of the metadata. One problem is a document that is too long.
func TestMetadataErrors(t *testing.T) {
	good := metadata(issuerURL, keysURL)
	keys := string(document(ecKey("a")))
	for want, text := range map[string]string{
		"JSON ends too early": good[:len(good)-1],
		"data after the JSON": good + "{}",
		`no member "issuer"`:  `{"jwks_uri":"` + keysURL + `"}`,
		`"issuer" is "` + issuerURL + `/", want "` + issuerURL + `"; the two differ only in the slash at the end: configure the issuer exactly as "iss" in the tokens`: metadata(issuerURL+"/", keysURL),
		`"issuer" is "x", want "` + issuerURL + `"; if "iss" in the tokens has the first value, configure it as the issuer, and set jwks.Options.MetadataURL`:          metadata("x", keysURL),
		`no member "jwks_uri"`:   `{"issuer":"` + issuerURL + `"}`,
		`"jwks_uri": not an`:     metadata(issuerURL, ""),
		"more than 262144 bytes": good + strings.Repeat(" ", 256<<10),
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
		i.update(func(i *issuer) { i.header = http.Header{"Content-Encoding": {"gzip"}} })
		_, err := newCache(t, i).Lookup("a", "ES256")
		wantText(t, err, "gzip: ")
	})
}

// The error of Parse describes the problem of a document in one line.
func TestDocumentErrors(t *testing.T) {
	for _, row := range []struct{ document, want string }{
		{`[]`, "not a JSON object"},
		{`{"keys":{}}`, `"keys" is not an array`},
		{`{"keys":null}`, `"keys" is not an array`},
		{`{}`, `no member "keys"`},
		{`{"keys":[]}`, `"keys" is empty`},
		{`{"keys":[` + strings.Repeat("{},", 1000) + `{}]}`, "more than 1000 keys"},
		{`{"keys":[`, "JSON ends too early"},
		{`{"keys":[{}`, "JSON ends too early"},
		{`{"keys":[],"keys":[]}`, `the member "keys" appears twice, the second time at byte 12`},
		{`{"keys":[]}{}`, "data after the JSON object"},
		{`{"keys":[!]}`, "not valid JSON"},
		{`{"keys":[{"kty":"EC","kty":"EC"}]}`, "appears twice"},
		{`{"keys":[{"kty":"EC","crv":1}]}`, `"crv" is not a string`},
		{`{"keys":[{"kty":"RSA","n":"AQ"}]}`, `no member "e"`},
		{`{"keys":[{"kty":"RSA"}]}`, `no member "n"`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ"}]}`, `no member "y"`},
		{`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`, "coordinates have 1 and 1 bytes, want 32 and 32 for curve P-256"},
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
			t.Errorf("error for document %.60s: got %q, want one line", row.document, err)
		}
	}
	key := public("a", &rsaPrivate().PublicKey)
	for e, want := range map[string]string{"AQAAAAE": "more than 31 bits", "gAAAAQ": "more than 31 bits", "AQ": "exponent is 1, want an odd number", "Ag": "exponent is 2, want an odd number"} {
		_, err := jwks.Parse(document(key.with("e", e)))
		wantText(t, err, want)
	}
}

// The cache fetches only from https URLs, and from http URLs with a loopback host.
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
		// If metadata was fetched from an https URL, the key set must have an https URL too. So
		// the cache refuses an http URL from this metadata, even if its host is a loopback
		// host.
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
			want(t, "the cache fetches the key set from "+url, fetched > 0, ok && strings.HasPrefix(url, "https:"))
		})
	}
}
