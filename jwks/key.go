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
// A key keeps the same *Key while the issuer publishes the key with the same material, kid,
// "issuer", permitted algorithms and purpose ([Key.SVID]). The *Key stays the same after an outage
// of the issuer, after a move of the key set to a different URL, and after the first fetch that
// confirms a key from a Store. If the issuer withdraws a key and publishes the key again, the key gets a
// new *Key. So code that caches verdicts on tokens compares pointers. The same pointer means
// that the issuer still publishes the key. A different pointer means that the token must be
// verified again.
type Key struct {
	identity
	source string // the result of Key.Source
	public crypto.PublicKey
	jwk    jwkset.JWK
}

// identity has the properties of a key. Two keys with equal identities are the same key.
type identity struct {
	id       string
	issuer   string
	algs     algorithms
	svid     bool   // the result of Key.SVID
	material string // the type or curve, and the public numbers; see members.material
}

// ID returns the "kid" of the key, or "" if the key has none.
func (k *Key) ID() string { return k.id }

// Public returns the public key: an *rsa.PublicKey, an *ecdsa.PublicKey or an
// ed25519.PublicKey. Do not modify the public key.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Issuer returns the "issuer" member of the key, or "" if the key has none. In a key set of
// Microsoft for several tenants, this member names the issuer whose tokens the key signs.
func (k *Key) Issuer() string { return k.issuer }

// SVID reports whether the key signs only JWT-SVIDs, which are tokens of a SPIFFE trust domain. The
// member "use" of such a key is "jwt-svid" (JWT-SVID, section 6). A verifier must not use the key
// for other tokens.
func (k *Key) SVID() bool { return k.svid }

// Source names the source of the key: the URL of the key set without the values of its query, the
// URL of a file or folder, or, for a cache of [Discover], Options.MetadataURL or the issuer. It is
// "" for a key of [Parse].
func (k *Key) Source() string { return k.source }

// Verifies reports whether the key may verify signatures of the JWS algorithm alg. The
// result depends on the members kty, crv, alg, use and key_ops, and on the size of the key
// (RFC 7517, sections 4.1 to 4.4; RFC 7518, section 3.1).
func (k *Key) Verifies(alg string) bool { return k.algs.has(algorithmOf(alg)) }

// Algorithms returns the names of all algorithms that the key may verify. The order is fixed.
// The name "EdDSA" stands for both names of this algorithm, "EdDSA" and "Ed25519".
func (k *Key) Algorithms() []string { return k.algs.names() }

// Type returns the type of the key, with its size or curve. Examples are "RSA 2048",
// "EC P-256" and "Ed25519".
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
