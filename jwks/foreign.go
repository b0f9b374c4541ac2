package jwks

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// The functions in this file describe a document that is not what the configuration says, such as
// a web page in place of a key set. Operators read these texts, so the texts name what to
// configure. No decision depends on the functions.

// The advice for a document that is not what the configuration says.
const (
	adviseKeySet   = `a key set is a JSON object {"keys":[...]} (RFC 7517); pass its URL to jwks.New, or pass the issuer to jwks.Discover`
	adviseMetadata = "if the metadata is elsewhere, set jwks.Options.MetadataURL; if there is none, set jwks.Options.KeysURL to the URL of the key set"
	adviseIssuer   = `if "iss" in the tokens has the first value, configure it as the issuer, and set jwks.Options.MetadataURL; if "iss" has the second value, set jwks.Options.MetadataIssuer to the first`
	adviseSlash    = `the two differ only in the slash at the end: configure the issuer exactly as "iss" in the tokens`
	adviseFile     = "jwks.New reads PEM or one key from a file only: save it, and pass file:///... as its URL"
)

// noObject returns the error for a document that is not a JSON object.
func (s source) noObject(advice string) error {
	form := s.form()
	if form == "" {
		return fmt.Errorf("%w: %s", errNoObject, advice)
	}
	if strings.HasSuffix(form, " in PEM") {
		advice += "; " + adviseFile
	}
	return fmt.Errorf("%w, but %s: %s", errNoObject, form, advice)
}

// formStart is the number of bytes at the start of a document that form reads.
const formStart = 4 << 10

// form returns the form of a document that is not a JSON object, or "" if the form is unknown.
func (s source) form() string {
	start := bytes.TrimLeft(s.text, " \t\r\n")
	whole := len(start) <= formStart
	start = start[:min(len(start), formStart)]
	lower := bytes.ToLower(start)
	switch {
	case len(start) == 0:
		return "empty"
	case bytes.Contains(start, []byte("-----BEGIN CERTIFICATE")):
		return "a certificate in PEM"
	case bytes.Contains(start, []byte("-----BEGIN ")):
		return "a key or certificate in PEM"
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.HasPrefix(lower, []byte("<html")):
		return "HTML, such as a login page or the error page of a proxy"
	case start[0] == '<':
		return "XML or HTML"
	case bytes.HasPrefix(start, []byte("ssh-")), bytes.HasPrefix(start, []byte("ecdsa-sha2-")):
		return "a public key of SSH"
	case isJWT(start, whole):
		return "a signed or encrypted JWT"
	case bytes.HasPrefix(start, []byte{0x30, 0x82}):
		return "a certificate or key in DER"
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return "gzip without the header field Content-Encoding"
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		return "text in UTF-16, and JSON must be in UTF-8 (RFC 8259, section 8.1)"
	}
	return jsonForm(start)
}

// jsonForm returns the type of a JSON value that is not an object, or "" if text is not such a value.
func jsonForm(text []byte) string {
	switch c := text[0]; {
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == '-', '0' <= c && c <= '9':
		return "a number"
	}
	if word := string(bytes.TrimRight(text, " \t\r\n")); word == "null" || word == "true" || word == "false" {
		return word
	}
	return ""
}

// isJWT reports whether text is a JWT in compact form, or its start, possibly as a JSON string.
func isJWT(text []byte, whole bool) bool {
	text = bytes.TrimPrefix(text, []byte{'"'})
	dots := bytes.Count(text, []byte{'.'})
	return bytes.HasPrefix(text, []byte("eyJ")) && (dots == 2 || dots == 4 || dots < 4 && !whole)
}

// noKeys returns the error for an object without the member "keys".
func (s source) noKeys() error {
	const missing = `no member "keys"`
	m := s.first("jwks_uri", "issuer", "kty", "error")
	keysURL, hasURL := strictjson.String(m.Lookup("jwks_uri"))
	_, hasIssuer := strictjson.String(m.Lookup("issuer"))
	_, isKey := strictjson.String(m.Lookup("kty"))
	reason, isError := strictjson.String(m.Lookup("error"))
	switch {
	case hasURL:
		return fmt.Errorf(missing+`, because this document is an issuer's metadata: pass the issuer to jwks.Discover, or pass the URL in "jwks_uri" (%q) to jwks.New (in package bearer, Config.KeyOptions.KeysURL)`, quote.Cut(redact(keysURL)))
	case isKey:
		return errors.New(missing + `, because this document is one key: the issuer must publish {"keys":[...]} with the key inside (RFC 7517, section 5); ` + adviseFile)
	case hasIssuer:
		return errors.New(missing + `, because this document is an issuer's metadata without a "jwks_uri": pass the URL of the key set to jwks.New, or set jwks.Options.KeysURL`)
	case isError:
		return fmt.Errorf(missing+", but an error of the issuer: %q", quote.Cut(reason))
	case s.mapsCertificates():
		return errors.New(missing + `, because this document is a map from key ids to certificates: pass the URL of the issuer's key set in JSON (RFC 7517) to jwks.New; ` + adviseFile)
	}
	return errors.New(missing)
}

// noIssuer returns the error for metadata without a member "issuer" that is a string.
func (s source) noIssuer() error {
	const missing = `no member "issuer"`
	m := s.first("keys", "error")
	reason, isError := strictjson.String(m.Lookup("error"))
	switch {
	case m.Lookup("keys").Kind() == '[':
		return errors.New(missing + ", because this document is a key set: set jwks.Options.KeysURL to its URL (in package bearer, Config.KeyOptions.KeysURL), or set jwks.Options.MetadataURL to the URL of the metadata")
	case isError:
		return fmt.Errorf(missing+", but an error of the issuer: %q", quote.Cut(reason))
	}
	return errors.New(missing)
}

// first returns the first member with each name, for a text only.
func (s source) first(names ...string) (found strictjson.Object) {
	for name, value := range s.all() {
		if slices.Contains(names, name) && found.Lookup(name) == nil {
			found = append(found, strictjson.Member{Name: name, Value: value})
		}
	}
	return found
}

// mapsCertificates reports whether the first member is a certificate or a key in PEM, as in the
// documents of Google's older key endpoints.
func (s source) mapsCertificates() bool {
	for _, value := range s.all() {
		text, ok := strictjson.String(value)
		return ok && strings.HasPrefix(text, "-----BEGIN ")
	}
	return false
}
