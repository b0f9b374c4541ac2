package jws

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms below
	_ "crypto/sha512"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/jwks"
)

// Method returns golang-jwt's implementation of an algorithm of RFC 7518, section
// 3.1, RFC 8037 or RFC 9864, or nil. The values are our own: golang-jwt's are
// variables that any importer can change, and its PS* accept any length of salt,
// where RFC 7518, section 3.5 fixes it to that of the hash.
func Method(alg string) jwt.SigningMethod {
	switch alg {
	case "RS256":
		return &jwt.SigningMethodRSA{Name: alg, Hash: crypto.SHA256}
	case "RS384":
		return &jwt.SigningMethodRSA{Name: alg, Hash: crypto.SHA384}
	case "RS512":
		return &jwt.SigningMethodRSA{Name: alg, Hash: crypto.SHA512}
	case "PS256":
		return pss(alg, crypto.SHA256)
	case "PS384":
		return pss(alg, crypto.SHA384)
	case "PS512":
		return pss(alg, crypto.SHA512)
	case "ES256":
		return &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA256, KeySize: 32, CurveBits: 256}
	case "ES384":
		return &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA384, KeySize: 48, CurveBits: 384}
	case "ES512":
		return &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA512, KeySize: 66, CurveBits: 521}
	case "EdDSA", "Ed25519":
		return &jwt.SigningMethodEd25519{}
	}
	return nil
}

func pss(alg string, hash crypto.Hash) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: &jwt.SigningMethodRSA{Name: alg, Hash: hash},
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash},
	}
}

// Signer returns the one of the keys, all of which were found for the algorithm,
// under which signature is method's over signed, or nil.
func Signer(method jwt.SigningMethod, signed string, signature []byte, keys []*jwks.Key) *jwks.Key {
	for _, key := range keys {
		if method.Verify(signed, signature, key.Public()) == nil {
			return key
		}
	}
	return nil
}
