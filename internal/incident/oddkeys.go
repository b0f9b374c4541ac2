package incident

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/bearertest"
)

// oddKey is an element of a key set that is not what it should be, or is and gets
// refused by many.
type oddKey struct {
	name string
	jwk  string // {kid} stands for the id of a good key of the same set
	// bad returns a token that the odd key has signed, and that must be refused;
	// fine one that must be accepted. Nil: there is none to be made.
	bad, fine func(*bearertest.Issuer) string
}

// members is a JWK.
type members map[string]any

func membersOf(k *bearertest.Key) (m members, err error) {
	err = json.Unmarshal(k.JWK(), &m)
	return m, err
}

// with returns the JWK with some members changed, or left out where they are nil.
func (m members) with(changes members) string {
	m = maps.Clone(m)
	for name, value := range changes {
		m[name] = value
		if value == nil {
			delete(m, name)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return `"not to be written: ` + err.Error() + `"`
	}
	return string(text)
}

// signed returns what makes a token with k, under header members of choice.
func signed(k *bearertest.Key, header members) func(*bearertest.Issuer) string {
	h := members{"typ": "at+jwt", "alg": k.Algorithm(), "kid": k.ID()}
	return func(i *bearertest.Issuer) string { return k.Sign([]byte(h.with(header)), payload(i)) }
}

// payload returns the claims of a good token.
func payload(i *bearertest.Issuer) []byte {
	claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(i.Token(nil), ".")[1]) // the issuer's own
	return claims
}

func oddKeys() ([]oddKey, error) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that is the point
	if err != nil {
		return nil, err
	}
	ec, r := bearertest.NewKey("ES256", "odd"), bearertest.NewKey("RS256", "odd")
	ed := bearertest.NewKey("EdDSA", "odd")
	small := bearertest.KeyFrom(weak, "RS256", "odd")
	var jwks [4]members
	for n, k := range []*bearertest.Key{ec, r, ed, small} {
		if jwks[n], err = membersOf(k); err != nil {
			return nil, err
		}
	}
	return append(append(oddShapes(jwks[0], jwks[1]), oddPermissions(ec, r, jwks[0], jwks[1])...),
		oddKey{"RSA 1024", jwks[3].with(nil), signed(small, nil), nil},
		symmetric(),
		oddKey{"Ed25519 by its new name", jwks[2].with(members{"alg": "Ed25519"}), nil, signed(ed, members{"alg": "EdDSA"})},
		oddKey{"Ed25519 by its old name", jwks[2].with(members{"alg": "EdDSA"}), nil, signed(ed, members{"alg": "EdDSA"})},
	), nil
}

// oddShapes are keys that cannot be read as such, or nearly.
func oddShapes(ec, r members) []oddKey {
	d := base64.RawURLEncoding.EncodeToString
	return []oddKey{
		{name: "a string", jwk: `"key"`},
		{name: "a number", jwk: `7`},
		{name: "null", jwk: `null`},
		{name: "an array", jwk: `[]`},
		{name: "empty", jwk: `{}`},
		{name: "numeric kid", jwk: ec.with(members{"kid": 7})},
		{name: "RSA without n", jwk: r.with(members{"n": nil})},
		{name: "RSA with bad base64", jwk: r.with(members{"n": "***"})},
		{name: "RSA with e=1", jwk: r.with(members{"e": "AQ"})},
		{name: "RSA with e=2", jwk: r.with(members{"e": "Ag"})},
		{name: "RSA with e > 2^64", jwk: r.with(members{"e": d([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})})},
		{name: "RSA 16384", jwk: r.with(members{"n": d(append([]byte{0x80}, append(make([]byte, 2046), 1)...))})},
		{name: "point off the curve", jwk: ec.with(members{"y": ec["x"]})},
		{name: "curve of another length", jwk: ec.with(members{"crv": "P-384"})},
		{name: "secp256k1", jwk: ec.with(members{"crv": "secp256k1", "alg": "ES256K"})},
		{name: "ML-DSA", jwk: `{"kty":"AKP","alg":"ML-DSA-44","kid":"odd","pub":"AAAA"}`},
		{name: "unknown kty", jwk: `{"kty":"new","kid":"odd"}`},
		{name: "oct without k", jwk: `{"kty":"oct","kid":"odd"}`},
		{name: "key_ops a string", jwk: ec.with(members{"use": nil, "key_ops": "verify"})},
		{name: "private key with a wrong d", jwk: r.with(members{"d": "AQAB"})},
		{name: "a member twice", jwk: `{"kty":"EC","kid":"odd","kid":"other"}`},
	}
}

// oddPermissions are good keys that may not do what they are used for here, or may
// although many think otherwise.
func oddPermissions(ec, r *bearertest.Key, ecKey, rKey members) []oddKey {
	usual := signed(ec, nil)
	private := rKey.with(members{"d": base64.RawURLEncoding.EncodeToString(exponent(r.Signer()))})
	return []oddKey{
		{"use=enc", ecKey.with(members{"use": "enc"}), usual, nil},
		{"use=foo", ecKey.with(members{"use": "foo"}), usual, nil},
		{"key_ops=[encrypt]", ecKey.with(members{"use": nil, "key_ops": []string{"encrypt"}}), usual, nil},
		{"key_ops=[foo]", ecKey.with(members{"use": nil, "key_ops": []string{"foo"}}), usual, nil},
		{"private key", private, signed(r, nil), nil},
		{"alg=RSA-OAEP", rKey.with(members{"alg": "RSA-OAEP"}), signed(r, nil), nil},
		{"PS256 under a key for RS256", rKey.with(members{"alg": "RS256"}), signed(r.As("PS256"), nil), nil},
		{"PS256 without a kid under a key for RS256", rKey.with(members{"alg": "RS256"}), signed(r.As("PS256"), members{"kid": nil}), nil},
		{"use=enc for a token without a kid", rKey.with(members{"use": "enc", "alg": nil}), signed(r, members{"kid": nil}), nil},
		{"broken certificate", ecKey.with(members{"x5c": []string{"rubbish"}, "x5t": "AAAA"}), nil, usual},
		{"certificate elsewhere", ecKey.with(members{"x5u": "http://127.0.0.1:1/"}), nil, usual},
		{"no use, no alg", ecKey.with(members{"use": nil, "alg": nil}), nil, usual},
		{"members nobody knows", ecKey.with(members{"exp": 1, "issuer_hint": []int{1}}), nil, usual},
		{"kid of a good key on another type", rKey.with(members{"kid": "{kid}"}), nil, nil},
	}
}

// exponent returns the private exponent of an RSA key.
func exponent(key crypto.Signer) []byte {
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil
	}
	return private.D.Bytes()
}

// symmetric is a key that everybody can sign with who can read it.
func symmetric() oddKey {
	secret := []byte("a secret that the whole world can read")
	jwk := fmt.Sprintf(`{"kty":"oct","kid":"odd","alg":"HS256","k":%q}`, base64.RawURLEncoding.EncodeToString(secret))
	return oddKey{"symmetric key", jwk, func(i *bearertest.Issuer) string {
		header, claims := []byte(`{"typ":"at+jwt","alg":"HS256","kid":"odd"}`), payload(i)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(bearertest.SigningInput(header, claims)))
		return bearertest.Compact(header, claims, mac.Sum(nil))
	}, nil}
}
