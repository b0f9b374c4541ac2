package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"strconv"

	"github.com/MicahParks/jwkset"
)

// Key is one public key that may verify signatures. It is immutable and safe for
// concurrent use.
//
// A key stays the same *Key as long as the issuer publishes it with the same material,
// id, issuer and permissions. This also holds across an outage, a move of the key set to
// another URL, and the first fetch after keys were restored from a Store. A key that is
// withdrawn and published again becomes a different *Key. So code that caches verdicts
// compares pointers: the same pointer means that the key is still published; a different
// pointer means that the token must be verified again.
type Key struct {
	identity
	public crypto.PublicKey
	jwk    jwkset.JWK
}

// identity is what two keys must have in common to be the same key. It is comparable.
type identity struct {
	id       string
	issuer   string
	algs     algorithms
	material string // curve or type, and the public numbers without leading zeros
}

// ID returns the key's "kid", or "" if it has none.
func (k *Key) ID() string { return k.id }

// Public returns an *rsa.PublicKey, an *ecdsa.PublicKey or an
// ed25519.PublicKey. Do not modify it.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Issuer returns the key's "issuer" member, or "" if it has none. In Microsoft's key
// sets for several tenants, it names the issuer whose tokens the key signs.
func (k *Key) Issuer() string { return k.issuer }

// Verifies reports whether the key may verify signatures of the JWS algorithm
// alg. This was decided when the key was parsed, from kty, crv, alg, use, key_ops and
// size (RFC 7517, sections 4.1 to 4.4; RFC 7518, section 3.1).
func (k *Key) Verifies(alg string) bool { return k.algs.has(algorithmOf(alg)) }

// Algorithms returns the names of all algorithms that the key may verify, in a fixed
// order. "EdDSA" also stands for its newer name, "Ed25519".
func (k *Key) Algorithms() []string { return k.algs.names() }

// Type returns the type and size of the key, such as "RSA 2048", "EC P-256" or
// "Ed25519".
func (k *Key) Type() string {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return "RSA " + strconv.Itoa(public.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC " + public.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return ""
}
