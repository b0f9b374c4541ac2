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

// Key is a private key with the key ID and the algorithm that it signs under.
// It is immutable and safe for concurrent use. The zero value is not usable:
// see [NewKey] and [KeyFrom].
type Key struct {
	id, alg string
	signer  crypto.Signer
}

// NewKey makes a key for alg, one of those of Options.Algorithms, which no
// issuer publishes until it is told to. An empty kid stands for a random one.
// It panics on any other algorithm. A new RSA key has 2048 bits and takes a
// while: keep it for several tests.
func NewKey(alg, kid string) *Key {
	return KeyFrom(generate(alg, generateRSA), alg, kid)
}

// KeyFrom wraps a private key that was made elsewhere: too short a modulus,
// another curve. An empty kid stands for a random one. It panics if the key is
// not of the kind that alg signs with.
func KeyFrom(signer crypto.Signer, alg, kid string) *Key {
	if kid == "" {
		kid = randomKeyID()
	}
	if !fits(signer, alg) {
		panic(fmt.Sprintf("bearertest: %T does not sign with %q", signer, alg))
	}
	return &Key{id: kid, alg: alg, signer: signer}
}

// ID returns the key ID, the "kid" of RFC 7517, section 4.5.
func (k *Key) ID() string { return k.id }

// Algorithm returns the name of the algorithm that the key signs with.
func (k *Key) Algorithm() string { return k.alg }

// Signer returns the private key: a *rsa.PrivateKey, a *ecdsa.PrivateKey or an
// ed25519.PrivateKey.
func (k *Key) Signer() crypto.Signer { return k.signer }

// Public returns the public key: a *rsa.PublicKey, a *ecdsa.PublicKey or an
// ed25519.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.signer.Public() }

// As returns the same key for another algorithm, such as PS256 for an RS256
// key. It panics if the key is not of the kind that alg signs with.
func (k *Key) As(alg string) *Key { return KeyFrom(k.signer, alg, k.id) }

// Renamed returns the same key under another key ID.
func (k *Key) Renamed(kid string) *Key { return &Key{id: kid, alg: k.alg, signer: k.signer} }

// JWK returns the public key as a JSON Web Key (RFC 7517, section 4) with the
// members "kid", "alg" and "use".
func (k *Key) JWK() []byte {
	jwk, err := jwkset.NewJWKFromKey(k.Public(), jwkset.JWKOptions{Validate: jwkset.JWKValidateOptions{SkipAll: true}})
	must(err)
	marshal := jwk.Marshal()
	// Set here and not through the options: jwkset knows Ed25519 keys under
	// their old algorithm name only.
	marshal.ALG, marshal.KID, marshal.USE = jwkset.ALG(k.alg), k.id, jwkset.UseSig
	out, err := json.Marshal(marshal)
	must(err)
	return out
}

// Sign returns a compact JWS (RFC 7515, section 3.1) of exactly these header
// and payload bytes, well-formed or not.
func (k *Key) Sign(header, payload []byte) string {
	return k.SignInput(SigningInput(header, payload))
}

// SignInput returns input, a dot and the signature over input: for tokens whose
// parts are not the base64url form of anything.
func (k *Key) SignInput(input string) string {
	signature, err := signingMethod(k.alg).Sign(input, k.signer)
	must(err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Compact returns the compact form of a JWS whose signature was made elsewhere,
// such as an HMAC over [SigningInput].
func Compact(header, payload, signature []byte) string {
	return SigningInput(header, payload) + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// SigningInput returns what a signature of a JWS with this header and payload
// is made over (RFC 7515, section 5.1).
func SigningInput(header, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
}

// signingMethod panics on what we do not sign with.
func signingMethod(alg string) jwt.SigningMethod {
	switch {
	case !supported(alg):
		panic(fmt.Sprintf("bearertest: no key signs with algorithm %q", alg))
	case alg == "Ed25519": // RFC 9864 gives EdDSA over this curve a name of its own
		return jwt.SigningMethodEdDSA
	}
	return jwt.GetSigningMethod(alg)
}

// supported leaves out "none" and HMAC: an issuer that uses them is broken.
func supported(alg string) bool {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519":
		return true
	}
	return false
}

func fits(signer crypto.Signer, alg string) bool {
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

// generate makes a private key that signs with alg, taking RSA keys from
// newRSA.
func generate(alg string, newRSA func() *rsa.PrivateKey) crypto.Signer {
	switch alg {
	case "ES256":
		return generateECDSA(elliptic.P256())
	case "ES384":
		return generateECDSA(elliptic.P384())
	case "ES512":
		return generateECDSA(elliptic.P521())
	case "EdDSA", "Ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		must(err)
		return key
	}
	signingMethod(alg)
	return newRSA()
}

func generateECDSA(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	must(err)
	return key
}

func randomKeyID() string { return rand.Text()[:12] }

// must panics on what only a mistake in the test, or in this package, causes.
func must(err error) {
	if err != nil {
		panic("bearertest: " + err.Error())
	}
}
