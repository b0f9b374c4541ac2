package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/bearerkit/bearer/internal/jws"
)

// TestMethodsAndKeys runs each method with each type of key and signature. A key that
// does not fit the algorithm must not verify a signature, and a broken key must not cause
// a panic.
func TestMethodsAndKeys(t *testing.T) {
	signed := []byte("header.payload")
	digest := sha256.Sum256(signed)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	r, s, err := ecdsa.Sign(rand.Reader, ec, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	pkcs1, err := rsa.SignPKCS1v15(nil, rs, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	pss, err := rsa.SignPSS(rand.Reader, rs, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.PublicKey{
		"Ed25519": public, "P-256": &ec.PublicKey, "RSA": &rs.PublicKey, "short": public[:31], "empty": ed25519.PublicKey{}, "none": nil, "a secret": []byte("secret"),
	}
	signatures := map[string][]byte{
		"EdDSA": ed25519.Sign(private, signed), "ES256": append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), "RS256": pkcs1, "PS256": pss, "none": nil,
	}
	fits := map[[3]string]bool{
		{"EdDSA", "Ed25519", "EdDSA"}: true, {"Ed25519", "Ed25519", "EdDSA"}: true, {"ES256", "P-256", "ES256"}: true, {"RS256", "RSA", "RS256"}: true, {"PS256", "RSA", "PS256"}: true,
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		method := jws.MethodOf(alg)
		for kind, key := range keys {
			for signatureAlg, signature := range signatures {
				if got := method.Verify(signed, signature, key); got != fits[[3]string{alg, kind, signatureAlg}] {
					t.Errorf("%s with key %s and signature %s: accepted the signature = %v, want %v", alg, kind, signatureAlg, got, !got)
				}
			}
		}
	}
	for _, alg := range []string{"", "none", "None", "HS256", "rs256", "ES256K", "RS256 "} {
		if jws.MethodOf(alg) != nil {
			t.Errorf("MethodOf(%q): got a method, want nil", alg)
		}
	}
}
