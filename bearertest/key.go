package bearertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Key is a private key with a key ID and a signing algorithm. It is immutable
// and safe for concurrent use. [NewKey] and [KeyFrom] return a Key. The zero
// Key is not usable.
type Key struct {
	id, alg string
	// signer returns the private key. It is a function, because package fmt never
	// prints what a function returns. So a printed Key does not show the private key.
	signer func() crypto.Signer
}

// NewKey generates a key for alg. To publish the key, call [Issuer.Publish]. If
// kid is empty, the key ID is random. NewKey panics if alg is not supported.
// The comment of Options.Algorithms lists the supported algorithms. An RSA key
// has 2048 bits. Share an RSA key between tests, because the generation of the
// key is slow.
func NewKey(alg, kid string) *Key {
	return KeyFrom(generateKey(alg, generateRSA), alg, kid)
}

// KeyFrom returns a Key for an existing private key, for example an RSA key
// that is too short. If kid is empty, the key ID is random. KeyFrom panics if
// alg does not sign with keys of this type. The curve of an elliptic-curve key
// may differ from the curve that alg requires. An issuer can publish such a
// key, but Key.Sign panics.
func KeyFrom(signer crypto.Signer, alg, kid string) *Key {
	if kid == "" {
		kid = randomKeyID()
	}
	if !canSign(signer, alg) {
		panic(fmt.Sprintf("bearertest: algorithm %q does not sign with a %T", alg, signer))
	}
	return &Key{id: kid, alg: alg, signer: func() crypto.Signer { return signer }}
}

// ID returns the key ID, which is the "kid" (RFC 7517, section 4.5).
func (k *Key) ID() string { return k.id }

// Algorithm returns the name of the key's signing algorithm.
func (k *Key) Algorithm() string { return k.alg }

// Signer returns the private key. Its type is *rsa.PrivateKey,
// *ecdsa.PrivateKey or ed25519.PrivateKey.
func (k *Key) Signer() crypto.Signer { return k.signer() }

// Public returns the public key. Its type is *rsa.PublicKey, *ecdsa.PublicKey
// or ed25519.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.signer().Public() }

// As returns a Key with the same private key and the algorithm alg. For
// example, it returns a PS256 key for an RS256 key. It panics if alg does not
// sign with keys of this type.
func (k *Key) As(alg string) *Key { return KeyFrom(k.signer(), alg, k.id) }

// Renamed returns a Key with the same private key and the key ID kid.
func (k *Key) Renamed(kid string) *Key { return &Key{id: kid, alg: k.alg, signer: k.signer} }

// JWK returns the public key as a JSON Web Key (RFC 7517, section 4) with the
// members "kid", "alg" and "use".
func (k *Key) JWK() []byte {
	jwk, err := jwkset.NewJWKFromKey(k.Public(), jwkset.JWKOptions{Validate: jwkset.JWKValidateOptions{SkipAll: true}})
	panicIfError(err)
	marshal := jwk.Marshal()
	// The code sets these members here, because for Ed25519 keys the options of
	// jwkset set only the old name of the algorithm, EdDSA.
	marshal.ALG, marshal.KID, marshal.USE = jwkset.ALG(k.alg), k.id, jwkset.UseSig
	out, err := json.Marshal(marshal)
	panicIfError(err)
	return out
}

// Sign returns a compact JWS (RFC 7515, section 3.1) with exactly these bytes as
// header and payload. The bytes may be malformed JSON.
func (k *Key) Sign(header, payload []byte) string {
	return k.SignInput(SigningInput(header, payload))
}

// SignInput signs input without a change. It returns input, a dot and the
// signature. Use SignInput for tokens whose parts are not valid base64url.
func (k *Key) SignInput(input string) string {
	signature, err := signingMethod(k.alg).Sign(input, k.signer())
	panicIfError(err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Compact returns the compact form of a JWS with the given signature, for
// example an HMAC of the result of [SigningInput].
func Compact(header, payload, signature []byte) string {
	return SigningInput(header, payload) + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// SigningInput returns the text to sign for a JWS with this header and payload
// (RFC 7515, section 5.1). The text has the header in base64url, a dot, and the
// payload in base64url.
func SigningInput(header, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
}

// signingMethod returns the signing method for alg. It panics if alg is not
// supported.
func signingMethod(alg string) jwt.SigningMethod {
	switch {
	case !isSupported(alg):
		panic(fmt.Sprintf("bearertest: algorithm %q is not supported; see Options.Algorithms", alg))
	case alg == "Ed25519": // RFC 9864: EdDSA with the curve Ed25519
		return jwt.SigningMethodEdDSA
	}
	return jwt.GetSigningMethod(alg)
}

// isSupported reports whether a Key can sign with alg. The algorithms "none"
// and HMAC are not supported, because an issuer that publishes its keys must
// not use them.
func isSupported(alg string) bool {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519":
		return true
	}
	return false
}

// canSign reports whether signer has the type of key that alg requires.
func canSign(signer crypto.Signer, alg string) bool {
	switch signingMethod(alg).(type) {
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
		_, ok := signer.(*rsa.PrivateKey)
		return ok
	case *jwt.SigningMethodECDSA:
		_, ok := signer.(*ecdsa.PrivateKey)
		return ok
	default:
		_, ok := signer.(ed25519.PrivateKey)
		return ok
	}
}

// generateKey returns a new private key for alg. It calls newRSA to get an RSA
// key.
func generateKey(alg string, newRSA func() *rsa.PrivateKey) crypto.Signer {
	switch alg {
	case "ES256":
		return generateECDSA(elliptic.P256())
	case "ES384":
		return generateECDSA(elliptic.P384())
	case "ES512":
		return generateECDSA(elliptic.P521())
	case "EdDSA", "Ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		panicIfError(err)
		return key
	}
	signingMethod(alg) // panics if alg is not supported
	return newRSA()
}

func generateECDSA(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	panicIfError(err)
	return key
}

func randomKeyID() string { return rand.Text()[:12] }

// panicIfError panics if err is not nil. Only a mistake in the test or in
// this package causes such an error.
func panicIfError(err error) {
	if err != nil {
		panic("bearertest: " + err.Error())
	}
}
