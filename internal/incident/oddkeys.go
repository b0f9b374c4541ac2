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

// An oddKey is an element of a key set. It is an unusable key, or a usable key that many
// libraries refuse.
type oddKey struct {
	name string
	jwk  string // the text {kid} is replaced by the id of a valid key of the same set
	// forged returns a token signed with the odd key. The verifier must refuse this token.
	// valid returns a token signed with the odd key. The verifier must accept this token. If
	// forged or valid is nil, there is no such token.
	forged, valid func(*bearertest.Issuer) string
}

// The type members contains the members of a JSON object, such as a JWK.
type members map[string]any

func membersOf(k *bearertest.Key) (m members, err error) {
	err = json.Unmarshal(k.JWK(), &m)
	return m, err
}

// withChanges returns the JSON text of the object with these changes. The value nil removes the
// member.
func (m members) withChanges(changes members) string {
	m = maps.Clone(m)
	for name, value := range changes {
		m[name] = value
		if value == nil {
			delete(m, name)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return `"cannot encode the members: ` + err.Error() + `"`
	}
	return string(text)
}

// tokenBy returns a function that creates a token signed with k. The claims are valid. The
// parameter header contains changes of the header.
func tokenBy(k *bearertest.Key, header members) func(*bearertest.Issuer) string {
	h := members{"typ": "at+jwt", "alg": k.Algorithm(), "kid": k.ID()}
	return func(i *bearertest.Issuer) string { return k.Sign([]byte(h.withChanges(header)), payload(i)) }
}

// payload returns the claims of a valid token, as JSON text.
func payload(i *bearertest.Issuer) []byte {
	claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(i.Token(nil), ".")[1]) // tokens of the issuer are valid base64url
	return claims
}

func oddKeys() ([]oddKey, error) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a verifier must refuse this weak key
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
	return append(append(invalidKeys(jwks[0], jwks[1]), oddPermissions(ec, r, jwks[0], jwks[1])...),
		oddKey{"an RSA key of 1,024 bits", jwks[3].withChanges(nil), tokenBy(small, nil), nil},
		symmetricKey(),
		oddKey{"an Ed25519 key with alg=Ed25519", jwks[2].withChanges(members{"alg": "Ed25519"}), nil, tokenBy(ed, members{"alg": "EdDSA"})},
		oddKey{"an Ed25519 key with alg=EdDSA", jwks[2].withChanges(members{"alg": "EdDSA"}), nil, tokenBy(ed, members{"alg": "EdDSA"})},
	), nil
}

// invalidKeys returns elements that are not keys, or that are invalid or unsupported keys.
func invalidKeys(ec, r members) []oddKey {
	d := base64.RawURLEncoding.EncodeToString
	return []oddKey{
		{name: "a string instead of a key", jwk: `"key"`},
		{name: "a number instead of a key", jwk: `7`},
		{name: "null instead of a key", jwk: `null`},
		{name: "an array instead of a key", jwk: `[]`},
		{name: "a key without members", jwk: `{}`},
		{name: "a key with a numeric kid", jwk: ec.withChanges(members{"kid": 7})},
		{name: "an RSA key without n", jwk: r.withChanges(members{"n": nil})},
		{name: "an RSA key with invalid base64", jwk: r.withChanges(members{"n": "***"})},
		{name: "an RSA key with e=1", jwk: r.withChanges(members{"e": "AQ"})},
		{name: "an RSA key with e=2", jwk: r.withChanges(members{"e": "Ag"})},
		{name: "an RSA key with e > 2^64", jwk: r.withChanges(members{"e": d([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})})},
		{name: "an RSA key of 16,384 bits", jwk: r.withChanges(members{"n": d(append([]byte{0x80}, append(make([]byte, 2046), 1)...))})},
		{name: "a key that is not on the curve", jwk: ec.withChanges(members{"y": ec["x"]})},
		{name: "a key with coordinates of a different curve", jwk: ec.withChanges(members{"crv": "P-384"})},
		{name: "a secp256k1 key", jwk: ec.withChanges(members{"crv": "secp256k1", "alg": "ES256K"})},
		{name: "an ML-DSA key", jwk: `{"kty":"AKP","alg":"ML-DSA-44","kid":"odd","pub":"AAAA"}`},
		{name: "a key with an unknown kty", jwk: `{"kty":"new","kid":"odd"}`},
		{name: "a symmetric key without k", jwk: `{"kty":"oct","kid":"odd"}`},
		{name: `a key with a string in "key_ops"`, jwk: ec.withChanges(members{"use": nil, "key_ops": "verify"})},
		{name: "a private key with a wrong d", jwk: r.withChanges(members{"d": "AQAB"})},
		{name: "a key with the same member twice", jwk: `{"kty":"EC","kid":"odd","kid":"other"}`},
	}
}

// oddPermissions returns keys with valid key material. Some of these keys must not verify
// tokens, because of their other members. The other keys are usable, but many libraries
// refuse these keys.
func oddPermissions(ec, r *bearertest.Key, ecKey, rKey members) []oddKey {
	token := tokenBy(ec, nil)
	private := rKey.withChanges(members{"d": base64.RawURLEncoding.EncodeToString(exponent(r.Signer()))})
	return []oddKey{
		{"a key with use=enc", ecKey.withChanges(members{"use": "enc"}), token, nil},
		{"a key with use=foo", ecKey.withChanges(members{"use": "foo"}), token, nil},
		{"a key with key_ops=[encrypt]", ecKey.withChanges(members{"use": nil, "key_ops": []string{"encrypt"}}), token, nil},
		{"a key with key_ops=[foo]", ecKey.withChanges(members{"use": nil, "key_ops": []string{"foo"}}), token, nil},
		{"a published private key", private, tokenBy(r, nil), nil},
		{"a key with alg=RSA-OAEP", rKey.withChanges(members{"alg": "RSA-OAEP"}), tokenBy(r, nil), nil},
		{"a key with alg=RS256, for a PS256 token", rKey.withChanges(members{"alg": "RS256"}), tokenBy(r.As("PS256"), nil), nil},
		{"a key with alg=RS256, for a PS256 token without a kid", rKey.withChanges(members{"alg": "RS256"}), tokenBy(r.As("PS256"), members{"kid": nil}), nil},
		{"a key with use=enc, for a token without a kid", rKey.withChanges(members{"use": "enc", "alg": nil}), tokenBy(r, members{"kid": nil}), nil},
		{"a key with an invalid certificate", ecKey.withChanges(members{"x5c": []string{"rubbish"}, "x5t": "AAAA"}), nil, token},
		{"a key with x5u", ecKey.withChanges(members{"x5u": "http://127.0.0.1:1/"}), nil, token},
		{"a key without use and alg", ecKey.withChanges(members{"use": nil, "alg": nil}), nil, token},
		{"a key with unknown members", ecKey.withChanges(members{"exp": 1, "issuer_hint": []int{1}}), nil, token},
		{"a key with the kid of a valid key of a different type", rKey.withChanges(members{"kid": "{kid}"}), nil, nil},
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

// symmetricKey returns a symmetric key. It must not verify tokens, because anyone can sign
// with a published symmetric key.
func symmetricKey() oddKey {
	secret := []byte("a secret that the whole world can read")
	jwk := fmt.Sprintf(`{"kty":"oct","kid":"odd","alg":"HS256","k":%q}`, base64.RawURLEncoding.EncodeToString(secret))
	return oddKey{"a published symmetric key", jwk, func(i *bearertest.Issuer) string {
		header, claims := []byte(`{"typ":"at+jwt","alg":"HS256","kid":"odd"}`), payload(i)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(bearertest.SigningInput(header, claims)))
		return bearertest.Compact(header, claims, mac.Sum(nil))
	}, nil}
}
