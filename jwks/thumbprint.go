package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Thumbprint returns the SHA-256 thumbprint of the key in base64url (RFC 7638; RFC 8037,
// appendix A.3). The thumbprint depends on the key material only, and not on the kid.
func (k *Key) Thumbprint() string {
	b64 := base64.RawURLEncoding.EncodeToString
	var members string
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		members = fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, b64(big.NewInt(int64(public.E)).Bytes()), b64(public.N.Bytes()))
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // the byte 4, then x, then y
		if err != nil {
			return "" // cannot happen, because jwkset checked that the point is on the curve
		}
		half := len(point) / 2
		members = fmt.Sprintf(`{"crv":%q,"kty":"EC","x":%q,"y":%q}`, public.Curve.Params().Name, b64(point[1:1+half]), b64(point[1+half:]))
	case ed25519.PublicKey:
		members = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, b64(public))
	}
	sum := sha256.Sum256([]byte(members))
	return b64(sum[:])
}

// hashOf returns a hash of the ids, material, issuers, permitted algorithms and purposes of the
// keys. The hash does not depend on the order of the keys. The hash only shows whether replicas use
// the same keys. It has no security purpose, so 64 bits are enough.
func hashOf(keys []*Key) string {
	lines := make([]string, len(keys))
	for i, key := range keys {
		lines[i] = fmt.Sprintf("%q %s %q %v\n", key.id, key.Thumbprint(), key.issuer, key.algs)
		if key.svid {
			lines[i] = "jwt-svid " + lines[i]
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:8])
}
