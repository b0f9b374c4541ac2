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

// oddKey is an element of a key set. It is either not a usable key, or a usable key that many
// libraries refuse.
type oddKey struct {
	name string
	jwk  string // {kid} stands for the id of a valid key of the same set
	// forged returns a token signed with the odd key that must be refused. valid returns a
	// token signed with the odd key that must be accepted. Nil: no such token.
	forged, valid func(*bearertest.Issuer) string
}

// members are the members of a JWK.
type members map[string]any

func membersOf(k *bearertest.Key) (m members, err error) {
	err = json.Unmarshal(k.JWK(), &m)
	return m, err
}

// with returns the text of the JWK with changed members. The value nil removes a member.
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
		return `"invalid test data: ` + err.Error() + `"`
	}
	return string(text)
}

// signed returns a function that returns a token signed with k, with these changes to its
// header.
func signed(k *bearertest.Key, header members) func(*bearertest.Issuer) string {
	h := members{"typ": "at+jwt", "alg": k.Algorithm(), "kid": k.ID()}
	return func(i *bearertest.Issuer) string { return k.Sign([]byte(h.with(header)), payload(i)) }
}

// payload returns the claims of a valid token.
func payload(i *bearertest.Issuer) []byte {
	claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(i.Token(nil), ".")[1]) // the issuer's tokens are valid base64url
	return claims
}

func oddKeys() ([]oddKey, error) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // the incident needs a weak key
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
		oddKey{"Ed25519 with alg Ed25519", jwks[2].with(members{"alg": "Ed25519"}), nil, signed(ed, members{"alg": "EdDSA"})},
		oddKey{"Ed25519 with alg EdDSA", jwks[2].with(members{"alg": "EdDSA"}), nil, signed(ed, members{"alg": "EdDSA"})},
	), nil
}

// oddShapes returns elements that are not keys, or not valid ones.
func oddShapes(ec, r members) []oddKey {
	d := base64.RawURLEncoding.EncodeToString
	return []oddKey{
		{name: "a string", jwk: `"key"`},
		{name: "a number", jwk: `7`},
		{name: "null", jwk: `null`},
		{name: "an array", jwk: `[]`},
		{name: "no members", jwk: `{}`},
		{name: "numeric kid", jwk: ec.with(members{"kid": 7})},
		{name: "RSA without n", jwk: r.with(members{"n": nil})},
		{name: "RSA with bad base64", jwk: r.with(members{"n": "***"})},
		{name: "RSA with e=1", jwk: r.with(members{"e": "AQ"})},
		{name: "RSA with e=2", jwk: r.with(members{"e": "Ag"})},
		{name: "RSA with e > 2^64", jwk: r.with(members{"e": d([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})})},
		{name: "RSA 16384", jwk: r.with(members{"n": d(append([]byte{0x80}, append(make([]byte, 2046), 1)...))})},
		{name: "point off the curve", jwk: ec.with(members{"y": ec["x"]})},
		{name: "coordinates of another curve", jwk: ec.with(members{"crv": "P-384"})},
		{name: "secp256k1", jwk: ec.with(members{"crv": "secp256k1", "alg": "ES256K"})},
		{name: "ML-DSA", jwk: `{"kty":"AKP","alg":"ML-DSA-44","kid":"odd","pub":"AAAA"}`},
		{name: "unknown kty", jwk: `{"kty":"new","kid":"odd"}`},
		{name: "oct without k", jwk: `{"kty":"oct","kid":"odd"}`},
		{name: "key_ops is a string", jwk: ec.with(members{"use": nil, "key_ops": "verify"})},
		{name: "private key with a wrong d", jwk: r.with(members{"d": "AQAB"})},
		{name: "a member twice", jwk: `{"kty":"EC","kid":"odd","kid":"other"}`},
	}
}

// oddPermissions returns keys with valid numbers. Some of them must not verify the tokens of
// this incident. Others may verify the tokens, although many libraries refuse these keys.
func oddPermissions(ec, r *bearertest.Key, ecKey, rKey members) []oddKey {
	token := signed(ec, nil)
	private := rKey.with(members{"d": base64.RawURLEncoding.EncodeToString(exponent(r.Signer()))})
	return []oddKey{
		{"use=enc", ecKey.with(members{"use": "enc"}), token, nil},
		{"use=foo", ecKey.with(members{"use": "foo"}), token, nil},
		{"key_ops=[encrypt]", ecKey.with(members{"use": nil, "key_ops": []string{"encrypt"}}), token, nil},
		{"key_ops=[foo]", ecKey.with(members{"use": nil, "key_ops": []string{"foo"}}), token, nil},
		{"private key", private, signed(r, nil), nil},
		{"alg=RSA-OAEP", rKey.with(members{"alg": "RSA-OAEP"}), signed(r, nil), nil},
		{"RS256 key for a PS256 token", rKey.with(members{"alg": "RS256"}), signed(r.As("PS256"), nil), nil},
		{"RS256 key for a PS256 token without a kid", rKey.with(members{"alg": "RS256"}), signed(r.As("PS256"), members{"kid": nil}), nil},
		{"use=enc for a token without a kid", rKey.with(members{"use": "enc", "alg": nil}), signed(r, members{"kid": nil}), nil},
		{"broken certificate", ecKey.with(members{"x5c": []string{"rubbish"}, "x5t": "AAAA"}), nil, token},
		{"x5u", ecKey.with(members{"x5u": "http://127.0.0.1:1/"}), nil, token},
		{"no use, no alg", ecKey.with(members{"use": nil, "alg": nil}), nil, token},
		{"unknown members", ecKey.with(members{"exp": 1, "issuer_hint": []int{1}}), nil, token},
		{"kid of a valid key of another type", rKey.with(members{"kid": "{kid}"}), nil, nil},
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

// symmetric returns a symmetric key. Anyone can sign with a symmetric key that is published.
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
