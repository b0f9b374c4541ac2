package jwks_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"

	"github.com/bearerkit/bearer/jwks"
)

// foreignDocuments returns documents that people configure by mistake, each with a text that
// names the document.
func foreignDocuments() map[string][2]string {
	key, err := x509.MarshalPKIXPublicKey(rsaPrivate().Public())
	if err != nil {
		panic(err)
	}
	inPEM := func(kind string) string { return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: key})) }
	good := string(document(ecKey("a")))
	var wide bytes.Buffer
	for _, unit := range utf16.Encode([]rune(good)) {
		wide.Write([]byte{byte(unit), byte(unit >> 8)}) //nolint:gosec // the two bytes of the unit
	}
	const compact = "eyJhbGciOiJSUzI1NiJ9.eyJrZXlzIjpbXX0.c2ln"
	return map[string][2]string{
		"empty":                        {"", "empty"},
		"white space":                  {" \r\n", "empty"},
		"public key in PEM":            {inPEM("PUBLIC KEY"), "a key or certificate in PEM"},
		"certificate in PEM":           {"\n" + inPEM("CERTIFICATE"), "a certificate in PEM"},
		"certificate in PEM with text": {"Bag Attributes\n    friendlyName: a\n" + inPEM("CERTIFICATE"), "a certificate in PEM"},
		"HTML":                         {"\n<!DOCTYPE html><title>Sign in</title>", "HTML, such as a login page"},
		"HTML without a doctype":       {bom + "<HTML>", "HTML, such as a login page"},
		"XML":                          {`<?xml version="1.0"?><EntityDescriptor/>`, "XML or HTML"},
		"key of SSH":                   {"ssh-rsa AAAA me@host", "a public key of SSH"},
		"JWT":                          {compact, "a signed or encrypted JWT"},
		"JWT as a JSON string":         {`"` + compact + `"`, "a signed or encrypted JWT"},
		"JWE":                          {compact + ".YQ.YQ\n", "a signed or encrypted JWT"},
		"long JWT":                     {"eyJhbGciOiJSUzI1NiJ9." + strings.Repeat("A", 10_000) + ".c2ln", "a signed or encrypted JWT"},
		"certificate in DER":           {"\x30\x82\x03\x01" + string(key), "a certificate or key in DER"},
		"gzip":                         {string(gzipped([]byte(good))), "gzip without the header field Content-Encoding"},
		"UTF-16":                       {"\xff\xfe" + wide.String(), "text in UTF-16"},
		"array of keys":                {"[" + string(mustMarshalKey(ecKey("a"))) + "]", "an array"},
		"string":                       {`"abc"`, "a string"},
		"number":                       {`-1`, "a number"},
		"null":                         {`null`, "null"},
		"true":                         {`true`, "true"},
		"text":                         {"not found", ""},
	}
}

func mustMarshalKey(key jwk) []byte {
	data, err := json.Marshal(key)
	if err != nil {
		panic(err)
	}
	return data
}

// The error for a document that is not a JSON object says what the document is, and what to
// configure.
func TestForeignDocuments(t *testing.T) {
	for name, row := range foreignDocuments() {
		named := "not a JSON object"
		if row[1] != "" {
			named += ", but " + row[1]
		}
		t.Log(name)
		_, err := jwks.Parse([]byte(row[0]))
		wantText(t, err, named, ": a key set is a JSON object", "jwks.New", "jwks.Discover")
		if inPEM := strings.Contains(row[1], "PEM"); err != nil && strings.Contains(err.Error(), "from a file only: save it, and pass file:///") != inPEM {
			t.Errorf("%s: got error %v, want one that names a file URL only for PEM", name, err)
		}
		wantOneLine(t, err)
		for i := 0; i+20 <= len(row[0]); i++ {
			if err != nil && strings.Contains(err.Error(), row[0][i:i+20]) {
				t.Errorf("error: got %q, want no part of the document", err)
				break
			}
		}
		synctest.Test(t, func(t *testing.T) {
			s := site{issuerURL + oidc: row[0]}
			_, err := discover(t, issuerURL, &issuer{answer: s.answer}).Lookup("a", "ES256")
			wantText(t, err, "metadata at "+issuerURL+oidc+": "+named, "jwks.Options.MetadataURL", "jwks.Options.KeysURL")
		})
	}
}

// wantOneLine fails the test if the text of err is not one short line.
func wantOneLine(t *testing.T, err error) {
	t.Helper()
	if err != nil && (len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\r\n")) {
		t.Errorf("error: got %q of %d bytes, want one line of at most 300 bytes", err, len(err.Error()))
	}
}

// The error for an object in place of a key set says what the object is.
func TestForeignObjects(t *testing.T) {
	long := strings.Repeat("a", 300)
	for name, row := range map[string]struct{ document, want string }{
		"metadata":                    {metadata(issuerURL, keysURL), `because this document is an issuer's metadata: pass the issuer to jwks.Discover, or pass the URL in "jwks_uri" ("` + keysURL + `") to jwks.New (in package bearer, Config.KeyOptions.KeysURL)`},
		"metadata with a secret":      {metadata(issuerURL, keysURL+"?key=secret"), `("` + keysURL + `?key=xxxxx")`},
		"metadata without jwks_uri":   {`{"issuer":"x"}`, `without a "jwks_uri": pass the URL of the key set to jwks.New, or set jwks.Options.KeysURL`},
		"metadata with a duplicate":   {`{"a":1,"a":2,` + metadata(issuerURL, keysURL)[1:], "because this document is an issuer's metadata"},
		"metadata with a long URL":    {metadata(issuerURL, "https://as.test/"+long), "because this document is an issuer's metadata"},
		"one key":                     {string(mustMarshalKey(ecKey("a"))), "with the key inside (RFC 7517, section 5); jwks.New reads PEM or one key from a file only: save it, and pass file:///..."},
		"certificates of Google":      {`{"` + long[:40] + `":"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}`, "in JSON (RFC 7517) to jwks.New; jwks.New reads PEM or one key from a file only"},
		"certificates with raw lines": {"{\"a\":\"-----BEGIN CERTIFICATE-----\nMIIB\n\"}", "because this document is a map from key ids to certificates"},
		"error":                       {`{"error":"invalid_request","error_description":"x"}`, `but an error of the issuer: "invalid_request"`},
		"long error":                  {`{"error":"` + long + `"}`, "but an error of the issuer: "},
		"error with a line break":     {`{"error":"a\nb"}`, `but an error of the issuer: "a\nb"`},
		"error that is an object":     {`{"error":{"code":404}}`, `no member "keys"`},
		"other object":                {`{"a":1}`, `no member "keys"`},
	} {
		_, err := jwks.Parse([]byte(row.document))
		t.Log(name)
		wantText(t, err, `not a usable key set: no member "keys"`, row.want)
		wantOneLine(t, err)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got error %q, want one without the query", name, err)
		}
	}
}

// The error for an object in place of metadata says what the object is.
func TestForeignMetadata(t *testing.T) {
	for name, row := range map[string]struct{ document, want string }{
		"key set":         {string(document(ecKey("a"))), "because this document is a key set: set jwks.Options.KeysURL to its URL (in package bearer, Config.KeyOptions.KeysURL), or set jwks.Options.MetadataURL"},
		"error":           {`{"error":"not_found"}`, `but an error of the issuer: "not_found"`},
		"other object":    {`{"a":1}`, `no member "issuer"`},
		"issuer is false": {`{"issuer":false}`, `no member "issuer"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := site{issuerURL + oidc: row.document}
			_, err := discover(t, issuerURL, &issuer{answer: s.answer}).Lookup("a", "ES256")
			t.Log(name)
			wantText(t, err, `no member "issuer"`, row.want)
		})
	}
	// The metadata is configured in place of the key set.
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		i.doc = []byte(metadata(issuerURL, keysURL))
		_, err := newCache(t, i).Lookup("a", "ES256")
		wantText(t, err, "GET "+keySetURL, fmt.Sprintf("(%q) to jwks.New", keysURL))
	})
}
