package jwks_test

import (
	"context"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/jwks"
)

// usableKeys returns the number of usable keys in a document, or -1 if Parse returns an error.
func usableKeys(document string) int {
	set, err := jwks.Parse([]byte(document))
	if err != nil {
		return -1
	}
	return len(set.Keys())
}

// usableIDs parses a key set that contains the given keys and one good key. It returns the kids
// of the usable keys, except the kid of the good key.
func usableIDs(t *checklist.T, keys ...jwk) []string {
	t.Helper()
	set, err := jwks.Parse(document(append(keys, ecKey("good"))...))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range set.Keys() {
		if key.ID() != "good" {
			ids = append(ids, key.ID())
		}
	}
	return ids
}

// TestRules checks the rules of internal/checklist that concern key sets and discovery.
func TestRules(t *testing.T) {
	good := string(mustMarshal(t, ecKey("a")))
	checklist.Test(t, "W01", func(t *checklist.T) {
		for document, want := range map[string]int{
			`{"keys":[` + good + `]}`:                                                       1,
			`{"x":{"keys":[]},"keys":[` + good + `],"y":null}`:                              1,
			`{"keys":[` + strings.Replace(good, "{", `{"unknown":[1],`, 1) + `]}`:           1,
			`{"keys":[` + strings.Replace(good, "{", `{"kty":"EC",`, 1) + `,` + good + `]}`: 1,
			`{"keys":[` + strings.Replace(good, "{", `{"kty":"EC",`, 1) + `]}`:              -1,
			`{"keys":[` + good + `],"keys":[` + good + `]}`:                                 -1,
			`[` + good + `]`:              -1,
			good:                          -1,
			`{"keys":` + good + `}`:       -1,
			`{"keys":{"a":` + good + `}}`: -1,
			`{"Keys":[` + good + `]}`:     -1,
			`{"keys":[]}`:                 -1,
			`{}`:                          -1,
			`null`:                        -1,
			``:                            -1,
			`{"keys":[` + good + `]}x`:    -1,
		} {
			t.Want("number of usable keys of "+document, usableKeys(document), want)
		}
	})
	checklist.Test(t, "W08", func(t *checklist.T) {
		for _, member := range []string{"x5c", "x5u", "x5t", "x5t#S256"} {
			for _, value := range []any{"!", []string{"MIIB"}, 1, "http://169.254.169.254/"} {
				t.Want("usable keys with the member "+member, usableIDs(t, ecKey("a").with(member, value)), []string{"a"})
			}
		}
		t.Want("usable keys with a certificate and without x and y", usableIDs(t, jwk{"kid": "a", "kty": "EC", "x5c": []string{"MIIB"}}), []string(nil))
	})
	for _, id := range []string{"A03", "A06", "A07", "A08", "W03", "W04", "W05"} {
		checklist.Test(t, id, func(t *checklist.T) { testUsableKeys(t, id) })
	}
	for _, id := range []string{"W06", "W07"} {
		checklist.Test(t, id, testSelection)
	}
	testFetching(t)
	testDiscovery(t)
}

func mustMarshal(t *testing.T, key jwk) []byte {
	t.Helper()
	text := string(document(key))
	return []byte(strings.TrimSuffix(strings.TrimPrefix(text, `{"keys":[`), `]}`))
}

// keysOfRules returns test keys, by rule and name. A key is usable if its name is in
// usableNames. The other keys are not usable.
func keysOfRules() map[string]map[string]jwk {
	key := public("", &rsaPrivate().PublicKey)
	n, _ := key["n"].(string)
	private, private521 := newEC(elliptic.P256()), keyWithZeros(elliptic.P521(), true, false)
	ec, wide, ed := public("", private.Public()), public("", private521.Public()), edKey("")
	x, y := coordinates(private)
	wideX, _ := coordinates(private521)
	return map[string]map[string]jwk{
		"A03": {
			"good": key, "e is 3": key.with("e", "Aw"), "1024 bits": key.with("n", n[len(n)-171:]), "1 bit": key.with("n", "AQ"),
			"16384 bits": key.with("n", strings.Repeat(n[:340], 8)+"AQ"), "e is 1": key.with("e", "AQ"), "e is 0": key.with("e", "AA"), "e is 2": key.with("e", "Ag"),
			"e is even": key.with("e", "AQAA"), "e of 32 bits": key.with("e", "gAAAAQ"), "e of 33 bits": key.with("e", "AQAAAAE"), "e of 1000 bytes": key.with("e", strings.Repeat("A", 1333)+"Q"),
			"n is even": key.with("n", n[:len(n)-1]+"A"),
		},
		"A06": {
			"good": ec, "no x": ec.with("x", nil), "no y": ec.with("y", nil), "x too short": ec.with("x", "AQ"), "y is empty": ec.with("y", ""),
			"point is not on the curve": ec.with("y", strings.Repeat("A", 43)), "point is at infinity": ec.with("x", strings.Repeat("A", 43), "y", strings.Repeat("A", 43)),
			"crv is a larger curve": ec.with("crv", "P-384"), "no crv": ec.with("crv", nil), "crv is secp256k1": ec.with("crv", "secp256k1"), "crv is p-256": ec.with("crv", "p-256"),
			"x too long": ec.with("x", "AAAA"+strings.Repeat("A", 43)), "x has one more leading zero": ec.with("x", b64(zeros(1, x))), "x and y have more leading zeros": ec.with("x", b64(zeros(7, x)), "y", b64(zeros(34, y))),
			"leading zeros of x are missing": wide.with("x", b64(stripped(wideX))), "last byte of x is missing": wide.with("x", b64(wideX[:65])), "x begins with one more byte": wide.with("x", b64(append([]byte{1}, wideX...))),
		},
		"A07": {
			"good": key, "n has a leading zero": key.with("n", b64(append([]byte{0}, rsaPrivate().N.Bytes()...))), "no n": key.with("n", nil), "no e": key.with("e", nil),
			"n is null": key.with("n", json.RawMessage("null")), "n is a number": key.with("n", 1), "n is not base64url": key.with("n", "!"+n[1:]), "n contains a line break": key.with("n", n[:9]+"\n"+n[9:]),
			"n is base64, but not base64url": key.with("n", "+/"+n[2:]), "e is an array": key.with("e", []string{"AQAB"}),
		},
		"A08": {
			"good": ed, "x of 31 bytes": ed.with("x", b64(make([]byte, 31))), "x of 33 bytes": ed.with("x", b64([]byte(strings.Repeat("x", 33)))), "no x": ed.with("x", nil),
			"crv is X25519": ed.with("crv", "X25519"), "crv is Ed448": ed.with("crv", "Ed448"), "point has small order": ed.with("x", b64(make([]byte, 32))),
		},
		"W03": {"good": ec, "kty is ec": ec.with("kty", "ec"), "kty is Ec": ec.with("kty", "Ec"), "no kty": ec.with("kty", nil), "kty is null": ec.with("kty", json.RawMessage("null")), "kty is a number": ec.with("kty", 1), "kty is RSA": ec.with("kty", "RSA")},
		"W04": {
			"good": ec.with("use", "sig"), "use and key_ops are absent": ec.with("use", nil), "key_ops contains verify": ec.with("use", nil, "key_ops", []string{"verify"}), "use and key_ops allow the key to verify": ec.with("use", "sig", "key_ops", []string{"verify"}), "use and key_ops are empty": ec.with("use", "", "key_ops", ""),
			"use is enc": ec.with("use", "enc"), "use is SIG": ec.with("use", "SIG"), "use is tls": ec.with("use", "tls"), "use is a number": ec.with("use", 1), "key_ops contains sign": ec.with("use", nil, "key_ops", []string{"sign"}),
			"key_ops contains encrypt": ec.with("use", nil, "key_ops", []string{"encrypt"}), "key_ops contains verify twice": ec.with("use", nil, "key_ops", []string{"verify", "verify"}),
			"key_ops is empty": ec.with("use", nil, "key_ops", []string{}), "key_ops is a string": ec.with("use", nil, "key_ops", "verify"), "use contradicts key_ops": ec.with("use", "sig", "key_ops", []string{"verify", "encrypt"}),
			"use is enc, and key_ops contains verify": ec.with("use", "enc", "key_ops", []string{"verify"}),
		},
		"W05": {
			"good": ec.with("alg", "ES256"), "no alg": ec.with("alg", nil), "alg is for a different curve": ec.with("alg", "ES384"), "alg is for RSA": ec.with("alg", "RS256"), "alg is for key agreement": ec.with("alg", "ECDH-ES"),
			"alg is HS256": ec.with("alg", "HS256"), "alg is none": ec.with("alg", "none"), "alg is in lower case": ec.with("alg", "es256"), "alg is a number": ec.with("alg", 256), "alg is for Ed25519": ec.with("alg", "EdDSA"),
		},
	}
}

// usableNames are the names of the usable keys of keysOfRules.
var usableNames = []string{"good", "e is 3", "n has a leading zero", "x has one more leading zero", "x and y have more leading zeros", "leading zeros of x are missing", "use and key_ops are absent", "key_ops contains verify", "use and key_ops allow the key to verify", "use and key_ops are empty", "no alg"}

// testUsableKeys checks that the usable keys of a rule are the keys with a name in usableNames.
func testUsableKeys(t *checklist.T, id string) {
	t.Helper()
	for name, key := range keysOfRules()[id] {
		got := usableIDs(t, key.with("kid", "a"))
		t.Want("usable key: "+name, len(got) == 1, slices.Contains(usableNames, name))
	}
}

// testSelection checks the number of keys that Lookup returns.
func testSelection(t *checklist.T) {
	t.Helper()
	a, b, c := ecKey("a"), ecKey("a"), edKey("a")
	for _, row := range []struct {
		name     string
		keys     []jwk
		kid, alg string
		want     int
	}{
		{"kid matches", []jwk{a, ecKey("b")}, "a", "ES256", 1},
		{"kid has the wrong case", []jwk{a, ecKey("b")}, "A", "ES256", 0},
		{"alg is for a different curve", []jwk{a}, "a", "ES384", 0},
		{"two EC keys have the same kid", []jwk{a, b}, "a", "ES256", 2},
		{"EC key and Ed25519 key have the same kid, and alg is EdDSA", []jwk{a, c}, "a", "EdDSA", 1},
		{"EC key and Ed25519 key have the same kid, and alg is ES256", []jwk{a, c}, "a", "ES256", 1},
		{"lookup has no kid, and one key fits", []jwk{a, c}, "", "ES256", 1},
		{"lookup has no kid, and one key without a kid fits", []jwk{a.with("kid", nil), c}, "", "ES256", 1},
		{"lookup has no kid, and two keys fit", []jwk{a, ecKey("b")}, "", "ES256", 2},
		{"lookup has no kid, and four keys fit", []jwk{a, b, ecKey("b"), ecKey("").with("kid", nil)}, "", "ES256", 4},
		{"lookup has no kid, and five keys fit", []jwk{a, b, ecKey("b"), ecKey("c"), ecKey("").with("kid", nil)}, "", "ES256", 0},
		{"lookup has an unknown kid, and one key fits", []jwk{a}, "b", "ES256", 0},
		{"lookup has no kid, and no key fits", []jwk{a}, "", "RS256", 0},
		{"lookup has a kid, but the key has no kid", []jwk{a.with("kid", nil)}, "a", "ES256", 0},
	} {
		set, err := jwks.Parse(document(row.keys...))
		if err != nil {
			t.Fatal(err)
		}
		keys, _ := set.Lookup(row.kid, row.alg)
		t.Want("number of keys: "+row.name, len(keys), row.want)
	}
	many := make([]jwk, 50)
	for i := range many {
		many[i] = ecKey("a")
	}
	set, err := jwks.Parse(document(many...))
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := set.Lookup("a", "ES256")
	t.Want("number of usable keys if 50 keys have the same kid", len(keys), 8)
}

// testFetching checks that only good responses of an issuer replace a good key set.
func testFetching(t *testing.T) {
	t.Helper()
	// outcomeAfter changes the issuer and returns the outcome of a lookup of the old key. The
	// outcome is "unknown" if a new key set replaced the old key set, and "ok" otherwise.
	after := time.Hour
	outcomeAfter := func(t *checklist.T, change func(*issuer)) (got string) {
		t.Helper()
		synctest.Test(t.T, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i)
			i.update(change)
			time.Sleep(after)
			got = keyOutcome(t, c, "a")
		})
		return got
	}
	checklist.Test(t, "W02", func(t *checklist.T) {
		t.Want("usable keys of a key set that has usable and unusable keys", usableIDs(t, jwk{"kty": "AKP"}, jwk{"kid": "x"}, ecKey("b").with("y", "!"), ecKey("a")), []string{"a"})
		for _, doc := range []string{`{"error":"x"}`, `{"keys":null}`, `{"keys":[`, `<html>`, ``, `null`} {
			t.Want("lookup of the old key 1 h after the document "+doc, outcomeAfter(t, func(i *issuer) { i.doc = []byte(doc) }), "ok")
		}
		for _, doc := range []string{`{"keys":[]}`, `{"keys":[{"kty":"AKP"}]}`} {
			for _, after = range []time.Duration{14*time.Minute + 59*time.Second, 30 * time.Minute} {
				expected := map[bool]string{true: "ok", false: "unavailable"}[after < 15*time.Minute]
				t.Want(fmt.Sprintf("lookup of the old key %v after the document %s", after, doc), outcomeAfter(t, func(i *issuer) { i.doc = []byte(doc) }), expected)
			}
		}
		after = time.Hour
		t.Want("lookup of the old key after a different good key set", outcomeAfter(t, func(i *issuer) { i.doc = document(ecKey("b")) }), "unknown")
	})
	checklist.Test(t, "W09", func(t *checklist.T) {
		for _, media := range []string{"application/json", "application/jwk-set+json", "application/json; charset=utf-8"} {
			t.Want("lookup of the old key after a response with Content-Type "+media, outcomeAfter(t, func(i *issuer) {
				i.header, i.doc = http.Header{"Content-Type": {media}}, document(ecKey("b"))
			}), "unknown")
		}
		t.Want("lookup of the old key after a document of more than 1 MiB", outcomeAfter(t, func(i *issuer) {
			i.doc = append(document(ecKey("b")), strings.Repeat(" ", 1<<20)...)
		}), "ok")
		t.Want("number of usable keys if the array has 1,001 elements", usableKeys(`{"keys":[`+strings.Repeat(`{},`, 1000)+string(mustMarshal(t.T, ecKey("a")))+`]}`), -1)
		t.Want("number of usable keys if the array has 1,000 elements", usableKeys(`{"keys":[`+strings.Repeat(`{},`, 999)+string(mustMarshal(t.T, ecKey("a")))+`]}`), 1)
		t.Want("lookup of the old key after endless redirects", outcomeAfter(t, func(i *issuer) {
			i.answer = func(r *http.Request) *http.Response {
				return response(r, http.StatusFound, http.Header{"Location": {r.URL.Path + "x"}}, nil)
			}
		}), "ok")
	})
	checklist.Test(t, "W10", func(t *checklist.T) {
		secret := ecKey("private").with("d", b64(make([]byte, 32)))
		oct := jwk{"kid": "oct", "kty": "oct", "k": b64(make([]byte, 32)), "alg": "HS256"}
		set, err := jwks.Parse(document(secret, oct, ecKey("a"), ecKey("odd").with("use", "enc")))
		if err != nil {
			t.Fatal(err)
		}
		for _, skipped := range set.Skipped() {
			t.Want("field Private of the skipped element "+skipped.ID, skipped.Private, skipped.ID != "odd")
		}
		t.Want("number of skipped elements", len(set.Skipped()), 3)
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			t.Want("usable keys with the member "+member, usableIDs(t, ecKey("a").with(member, "AQ")), []string(nil))
			t.Want("usable keys with an empty member "+member, usableIDs(t, ecKey("a").with(member, "")), []string{"a"})
		}
	})
	checklist.Test(t, "S04", func(t *checklist.T) {
		for status, want := range map[int]string{200: "unknown", 201: "ok", 204: "ok", 301: "ok", 404: "ok", 500: "ok", 503: "ok"} {
			t.Want("lookup of the old key after a response with status "+http.StatusText(status), outcomeAfter(t, func(i *issuer) { i.status, i.doc = status, document(ecKey("b")) }), want)
		}
		t.Want("lookup of the old key after an HTML document", outcomeAfter(t, func(i *issuer) { i.doc = []byte("<html>") }), "ok")
		t.Want("lookup after discovery with unknown members in the metadata", discoverOutcome(t, site{issuerURL + oidc: `{"x":1,"issuer":"` + issuerURL + `","jwks_uri":"` + keysURL + `"}`}), "ok")
	})
}

const (
	issuerURL = "https://as.test/t"
	keysURL   = "https://cdn.test/keys.json"
	oidc      = "/.well-known/openid-configuration"
)

// discoverOutcome adds a key set to the site s, calls discover for issuerURL, and returns the
// outcome of a lookup of the key in this key set.
func discoverOutcome(t *checklist.T, s site) (got string) {
	t.Helper()
	synctest.Test(t.T, func(t *testing.T) {
		s[keysURL] = string(document(ecKey("a")))
		c := discover(t, issuerURL, &issuer{answer: s.answer})
		_, err := c.Lookup("a", "ES256")
		got = outcome(err)
	})
	return got
}

// testDiscovery checks the rules of discovery.
func testDiscovery(t *testing.T) {
	t.Helper()
	checklist.Test(t, "S01", func(t *checklist.T) {
		for url, want := range map[string]string{
			issuerURL + oidc: "ok",
			"https://as.test/.well-known/oauth-authorization-server/t": "ok",
			"https://as.test/.well-known/openid-configuration/t":       "ok",
			"https://as.test/.well-known/openid-configuration":         "unavailable",
			"https://as.test/t/metadata":                               "unavailable",
		} {
			t.Want("lookup after discovery with metadata at "+url, discoverOutcome(t, site{url: metadata(issuerURL, keysURL)}), want)
		}
	})
	for _, id := range []string{"S02", "S05"} {
		checklist.Test(t, id, func(t *checklist.T) {
			for name, want := range map[string]string{
				issuerURL: "ok", issuerURL + "/": "unavailable", "https://AS.test/t": "unavailable", "https://as.test:443/t": "unavailable",
				"https://as.test/%74": "unavailable", "http://as.test/t": "unavailable", "https://evil.test/t": "unavailable", "": "unavailable",
			} {
				t.Want("lookup after discovery with issuer "+name+" in the metadata", discoverOutcome(t, site{issuerURL + oidc: metadata(name, keysURL)}), want)
			}
		})
	}
	checklist.Test(t, "S03", func(t *checklist.T) {
		for name, want := range map[string]bool{
			issuerURL: true, "http://127.0.0.1/t": true, "http://as.test/t": false, issuerURL + "?a=b": false, issuerURL + "#x": false,
			"as.test": false, "ftp://as.test": false, "": false,
		} {
			c, err := jwks.Discover(name, &jwks.Options{Transport: &issuer{down: true}, Logger: slog.New(slog.DiscardHandler)})
			t.Want("Discover accepts issuer "+name, err == nil, want)
			if err == nil {
				_ = c.Close()
			}
		}
		for uri, want := range map[string]string{keysURL: "ok", "http://cdn.test/keys.json": "unavailable", "file:///keys.json": "unavailable", "/keys.json": "unavailable"} {
			t.Want("lookup after discovery with jwks_uri "+uri, discoverOutcome(t, site{issuerURL + oidc: metadata(issuerURL, uri)}), want)
		}
	})
	checklist.Test(t, "S05", testCertificates)
	for _, id := range []string{"S06", "P12"} {
		checklist.Test(t, id, func(t *checklist.T) {
			good := metadata(issuerURL, keysURL)
			for to, want := range map[string]string{"/moved": "ok", "https://as.test:443/moved": "ok", "https://evil.test/": "unavailable", "http://as.test/moved": "unavailable"} {
				t.Want("lookup after discovery with a redirect to "+to, discoverOutcome(t, site{
					issuerURL + oidc: "-> " + to, "https://as.test/moved": good, "https://as.test:443/moved": good, "https://evil.test/": good, "http://as.test/moved": good,
				}), want)
			}
			testAddresses(t)
		})
	}
}

// testCertificates creates two caches that fetch from a TLS server on a loopback address. Only
// one of the two caches trusts the certificate of the server.
func testCertificates(t *checklist.T) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(document(ecKey("a")))
	}))
	// The server logs an error when a client does not trust the certificate of the server.
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	trusting := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	for name, transport := range map[string]http.RoundTripper{"trusted": trusting, "unknown": nil} {
		c, err := jwks.New(server.URL, &jwks.Options{Transport: transport, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err = c.Refresh(ctx)
		cancel()
		t.Want("Refresh with a certificate that is "+name+" succeeds (outcome: "+outcome(err)+")", err == nil, name == "trusted")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// testAddresses checks that RefusePrivateAddresses prevents requests to a loopback address.
func testAddresses(t *checklist.T) {
	t.Helper()
	requests := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests <- struct{}{}
		_, _ = w.Write(document(ecKey("a")))
	}))
	defer server.Close()
	for _, refuse := range []bool{true, false} {
		c, err := jwks.New(server.URL, &jwks.Options{RefusePrivateAddresses: refuse, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err = c.Refresh(ctx)
		cancel()
		t.Want(fmt.Sprintf("Refresh returns an error if RefusePrivateAddresses is %v", refuse), err != nil, refuse)
		t.Want(fmt.Sprintf("server receives a request if RefusePrivateAddresses is %v", refuse), len(requests) > 0, !refuse)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
