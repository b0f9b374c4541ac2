package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"strconv"

	"github.com/MicahParks/jwkset"
)

// Key is one public key that may verify signatures. It is immutable and may be
// used by any number of goroutines at once.
//
// A key that a refresh finds unchanged in material, id, issuer and permissions
// stays the same *Key, whatever else changes around it: over outages, a Store and
// a move of the key set as well. A key that was withdrawn and comes back is
// another *Key. So comparing pointers answers whether a key is still published,
// and a remembered verdict can never be too good: where the pointers differ
// without need, it is only made again.
type Key struct {
	identity
	public crypto.PublicKey
	jwk    jwkset.JWK
}

// identity is all that makes a key the same key. It is comparable.
type identity struct {
	id       string
	issuer   string
	algs     algorithms
	material string // curve or type, and the public numbers without leading zeros
}

// ID returns the key's "kid", or "" if it has none.
func (k *Key) ID() string { return k.id }

// Public returns an *rsa.PublicKey, an *ecdsa.PublicKey or an
// ed25519.PublicKey. Callers do not modify it.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Issuer returns the key's "issuer" member, by which Microsoft's key sets for
// several tenants say whose tokens a key signs, or "" if it has none.
func (k *Key) Issuer() string { return k.issuer }

// Verifies reports whether the key may verify signatures of the JWS algorithm
// alg. That was decided when the key was read, from kty, crv, alg, use, key_ops
// and size (RFC 7517, sections 4.1 to 4.4; RFC 7518, section 3.1).
func (k *Key) Verifies(alg string) bool { return k.algs.has(algorithmOf(alg)) }

// Algorithms returns the names of all algorithms that the key may verify, in a
// fixed order. EdDSA stands for its newer name Ed25519 as well.
func (k *Key) Algorithms() []string { return k.algs.names() }

// Type returns what kind of key this is, such as "RSA 2048", "EC P-256" or
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
