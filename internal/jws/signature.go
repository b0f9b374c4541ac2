package jws

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/golang-jwt/jwt/v5"
)

// Method verifies signatures of one algorithm.
type Method struct {
	alg  string
	hash crypto.Hash // RSA's
	// ecdsa is golang-jwt's: a JWS has the two numbers of a signature one behind
	// the other (RFC 7518, section 3.4), which the standard library does not read.
	ecdsa *jwt.SigningMethodECDSA
}

// MethodOf returns the implementation of an algorithm of RFC 7518, section 3.1, RFC
// 8037 or RFC 9864, or nil. Nothing of it can be changed by whoever imports
// golang-jwt, whose methods are variables and whose PS* accept any length of salt.
func MethodOf(alg string) *Method {
	m := &Method{alg: alg}
	switch alg {
	case "RS256", "PS256":
		m.hash = crypto.SHA256
	case "RS384", "PS384":
		m.hash = crypto.SHA384
	case "RS512", "PS512":
		m.hash = crypto.SHA512
	case "ES256":
		m.ecdsa = &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA256, KeySize: 32, CurveBits: 256}
	case "ES384":
		m.ecdsa = &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA384, KeySize: 48, CurveBits: 384}
	case "ES512":
		m.ecdsa = &jwt.SigningMethodECDSA{Name: alg, Hash: crypto.SHA512, KeySize: 66, CurveBits: 521}
	case "EdDSA", "Ed25519":
	default:
		return nil
	}
	return m
}

// Verify reports whether signature is one over signed under the key. A key of
// another kind has signed nothing.
func (m *Method) Verify(signed, signature []byte, key crypto.PublicKey) bool {
	if m.ecdsa != nil {
		return m.ecdsa.Verify(string(signed), signature, key) == nil
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch m.hash {
		case crypto.SHA256:
			sum := sha256.Sum256(signed)
			return m.rsa(key, sum[:], signature)
		case crypto.SHA384:
			sum := sha512.Sum384(signed)
			return m.rsa(key, sum[:], signature)
		case crypto.SHA512:
			sum := sha512.Sum512(signed)
			return m.rsa(key, sum[:], signature)
		default: // no RSA method
		}
	case ed25519.PublicKey:
		return m.hash == 0 && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, signature)
	}
	return false
}

// rsa verifies a signature of RSASSA-PKCS1-v1_5, or of RSASSA-PSS with the length
// of salt that RFC 7518, section 3.5 fixes: that of the hash.
func (m *Method) rsa(key *rsa.PublicKey, sum, signature []byte) bool {
	if m.alg[0] == 'P' {
		return rsa.VerifyPSS(key, m.hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	return rsa.VerifyPKCS1v15(key, m.hash, sum, signature) == nil
}

// Signer returns the key under which signature verifies, or the zero K. The caller has
// selected keys that fit the algorithm of method.
func Signer[K interface{ Public() crypto.PublicKey }](method *Method, signed, signature []byte, keys []K) (signer K) {
	for _, key := range keys {
		if method.Verify(signed, signature, key.Public()) {
			return key
		}
	}
	return signer
}
