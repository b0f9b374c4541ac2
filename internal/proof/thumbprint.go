package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
)

// Public is a public key in the forms that a DPoP client needs.
type Public struct {
	// JWK is the JSON text of the key for the header of a proof. It has only the required members.
	JWK string
	// Thumbprint is the thumbprint of RFC 7638 with SHA-256, in base64url.
	Thumbprint string
	// Algorithms lists the algorithms for keys of this kind. The first one is the best choice.
	Algorithms []string
}

// NewPublic returns the forms of an ECDSA, Ed25519 or RSA key. It returns an error if [Proof.Verify]
// refuses every proof with this key.
func NewPublic(key crypto.PublicKey) (*Public, error) {
	encode := base64.RawURLEncoding.EncodeToString
	var k publicKey
	var algorithms []string
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil, fmt.Errorf("the ECDSA key: %w", err)
		}
		curve := key.Params().Name
		if _, ok := curves[curve]; !ok {
			return nil, fmt.Errorf("the curve %s is not supported; use P-256, P-384 or P-521", curve)
		}
		size := len(point) / 2
		k = publicKey{"EC", curve, encode(point[1 : 1+size]), encode(point[1+size:])}
		algorithms = []string{curves[curve].alg}
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("the Ed25519 key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
		}
		k = publicKey{kty: "OKP", crv: "Ed25519", first: encode(key)}
		algorithms = []string{"EdDSA", "Ed25519"}
	case *rsa.PublicKey:
		k = publicKey{kty: "RSA", first: encode(key.N.Bytes()), other: encode(big.NewInt(int64(key.E)).Bytes())}
		if err := k.checkRSA(); err != nil {
			return nil, err
		}
		algorithms = []string{"PS256", "RS256", "PS384", "RS384", "PS512", "RS512"}
	default:
		return nil, fmt.Errorf("a public key of type %T is not supported; use an ECDSA, Ed25519 or RSA key", key)
	}
	return &Public{JWK: string(k.appendJWK(nil)), Thumbprint: k.thumbprint(), Algorithms: algorithms}, nil
}
