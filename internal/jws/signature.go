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
	hash crypto.Hash // the hash of an RSA algorithm; 0 for other algorithms
	// ecdsa is golang-jwt's method of an ECDSA algorithm; nil for other algorithms. In a
	// JWS, an ECDSA signature is R followed by S, both at a fixed length (RFC 7518, section
	// 3.4). crypto/ecdsa cannot read this form.
	ecdsa *jwt.SigningMethodECDSA
}

// MethodOf returns the method of an algorithm. It supports the RSA and ECDSA algorithms of
// RFC 7518 (section 3.1), EdDSA (RFC 8037) and Ed25519 (RFC 9864). It returns nil for every
// other name. MethodOf does not use golang-jwt's variables for methods, because any package
// can change these variables, and because golang-jwt's PS* methods accept any salt length.
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

// Verify reports whether the private part of key made this signature over the bytes in
// signed. It returns false if the type of key does not fit the algorithm.
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
		default: // m is an EdDSA method, but the key is an RSA key
		}
	case ed25519.PublicKey:
		return m.hash == 0 && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, signature)
	}
	return false
}

// rsa verifies an RSASSA-PKCS1-v1_5 or RSASSA-PSS signature. The PSS salt must be as
// long as the hash (RFC 7518, section 3.5).
func (m *Method) rsa(key *rsa.PublicKey, sum, signature []byte) bool {
	if m.alg[0] == 'P' {
		return rsa.VerifyPSS(key, m.hash, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	return rsa.VerifyPKCS1v15(key, m.hash, sum, signature) == nil
}

// Signer returns the first key that verifies signature, or the zero K if no key verifies
// it. The caller passes only keys that fit the algorithm of method.
func Signer[K interface{ Public() crypto.PublicKey }](method *Method, signed, signature []byte, keys []K) (signer K) {
	for _, key := range keys {
		if method.Verify(signed, signature, key.Public()) {
			return key
		}
	}
	return signer
}
