package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
)

// hs256 returns a token whose signature is an HMAC with SHA-256. secret is the key of the
// HMAC.
func hs256(secret []byte, h, payload []byte) string {
	input := b64.EncodeToString(h) + "." + b64.EncodeToString(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + b64.EncodeToString(mac.Sum(nil))
}

// algorithmRows adds rows with valid and invalid values of "alg".
func algorithmRows(r *rows) {
	const none = "RFC 8725 3.1, 3.2; CVE-2015-9235; CVE-2020-28042"
	add := func(rules, name, value string) {
		valid := r.token(members{"alg": raw(value)}, nil)
		r.add("algorithm", rules, none, "alg is "+name+", signature is valid", valid)
		r.add("algorithm", rules, none, "alg is "+name+", signature is missing", signedPart(valid)+".")
	}
	for name, value := range pairs(
		"none", `"none"`, "None", `"None"`, "NONE", `"NONE"`, "nOnE", `"nOnE"`, "noNE", `"noNE"`, "none and a space", `"none "`,
		"none and NUL", `"none\u0000"`, "a tab and none", `"\tnone"`,
	) {
		add("A01 T12 P03 R05 J05", name, value)
	}
	for name, value := range pairs(
		"none with an escape", `"\u006eone"`, "an empty string", `""`, "null", `null`, "zero", `0`,
		"false", `false`, "an array of none", `["none"]`, "an array of EdDSA", `["EdDSA"]`, "an object", `{}`, "rs256", `"rs256"`, "eddsa", `"eddsa"`,
		"a space and EdDSA", `" EdDSA"`, "ES256K", `"ES256K"`, "Ed448", `"Ed448"`, "RSA-OAEP", `"RSA-OAEP"`, "dir", `"dir"`, "RS1", `"RS1"`,
	) {
		add("J05 J06 J16", name, value)
	}
	valid := r.token(members{"alg": nil}, nil)
	r.add("algorithm", "J05", "RFC 7515 4.1.1", "alg is missing, signature is valid", valid)
	r.add("algorithm", "J05", "RFC 7515 4.1.1", "alg and signature are missing", signedPart(valid)+".")
	r.add("algorithm", "J05", "RFC 7515 4.1.1; names are compared exactly", "ALG instead of alg", r.token(members{"alg": nil, "ALG": "EdDSA"}, nil))

	const allowed = "RFC 8725 3.1"
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		r.accepted("A01 A03 A08 J05 J06 J16 P01 P03 R05 R09 T12", "RFC 7518 3.1; RFC 8037 3.1; RFC 9864 2.2", "alg is "+alg, r.signedBy(keyFor(alg), alg, nil))
	}
	for _, alg := range []string{"RS384", "RS512", "PS384", "PS512", "ES384", "ES512"} {
		token := r.signedBy(keyFor(alg), alg, nil)
		r.accepted("J06 P01", "RFC 7518 3.1", alg+" is accepted if the configuration lists it", token, withVerifier("all-algorithms"))
		r.add("algorithm", "J16 P01", allowed, alg+" is refused if the configuration does not list it", token)
	}
	r.add("algorithm", "J16 P01", allowed, "EdDSA is refused if the configuration lists only ES256", r.signedBy("ed25519-1", "EdDSA", nil), withVerifier("es256-only"))
	r.accepted("J16 P01", allowed, "ES256 is accepted if the configuration lists only ES256", r.signedBy("p256-1", "ES256", nil), withVerifier("es256-only"))

	const confusion = "CVE-2015-9235; CVE-2016-5431; CVE-2016-10555; CVE-2022-29217"
	spki := must(x509.MarshalPKIXPublicKey(r.keys["rsa-1"].Public()))
	pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(as[*rsa.PublicKey](r.keys["rsa-1"].Public()))})
	secrets := []struct {
		name, source string
		kid          string
		secret       []byte
	}{
		{"PEM of the RSA key", confusion, "rsa-1", pemText},
		{"PEM without the last line feed", confusion, "rsa-1", pemText[:len(pemText)-1]},
		{"PEM with a leading space", "GHSA-mvf2-f6gm-w987", "rsa-1", append([]byte(" "), pemText...)},
		{"DER of the RSA key", confusion, "rsa-1", spki},
		{"PKCS 1 PEM of the RSA key", confusion, "rsa-1", pkcs1},
		{"PKCS 1 PEM without the last line feed", confusion, "rsa-1", pkcs1[:len(pkcs1)-1]},
		{"PKCS 1 DER of the RSA key", confusion, "rsa-1", x509.MarshalPKCS1PublicKey(as[*rsa.PublicKey](r.keys["rsa-1"].Public()))},
		{"PEM of the EC key", confusion, "p256-1", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(r.keys["p256-1"].Public()))})},
		{"PEM of the Ed25519 key", confusion, "ed25519-1", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(r.keys["ed25519-1"].Public()))})},
		{"bytes of the Ed25519 key", confusion, "ed25519-1", as[ed25519.PublicKey](r.keys["ed25519-1"].Public())},
		{"JWK of the RSA key", "CVE-2026-48526", "rsa-1", r.keys.jwk("rsa-1", "rsa-1", members{"alg": "RS256", "use": "sig"})},
		{"modulus of the RSA key", confusion, "rsa-1", as[*rsa.PublicKey](r.keys["rsa-1"].Public()).N.Bytes()},
		{"the empty string", "CVE-2026-45363", "rsa-1", nil},
		{"published oct key", "Wycheproof json_web_key 1; RFC 8725 3.1", "oct", []byte(octSecret)},
	}
	for _, s := range secrets {
		r.add("algorithm", "A02 P01 P02 P07 W10", s.source, "HS256 with this secret: "+s.name, hs256(s.secret, header("HS256", s.kid, nil), claims(nil)))
	}
	r.add("algorithm", "A02 P01 P07", confusion, "alg is HS256, signature is a valid EdDSA signature", r.token(members{"alg": "HS256"}, nil))
	r.add("unknown_key", "W10 A02 P02", "Wycheproof json_web_key 1", "RS256 with the kid of the published oct key", r.signedBy("rsa-1", "RS256", members{"kid": "oct"}))

	const bound = "RFC 7517 4.4; RFC 7518 3.4; RFC 8725 3.1"
	r.add("unknown_key", "W05 P02 J06", bound, "PS256 signed with a key for RS256", r.signedBy("rsa-1", "PS256", nil))
	r.add("unknown_key", "W05 P02 J06", bound, "RS256 signed with a key for PS256", r.signedBy("rsa-2", "RS256", nil))
	r.add("unknown_key", "W05 P02 J06", bound, "RS384 signed with a key for RS256", r.signedBy("rsa-1", "RS384", nil), withVerifier("all-algorithms"))
	r.add("unknown_key", "A04 W05 P02", bound, "ES256 signed with a P-384 key", r.sign("p384-1", "ES256", header("ES256", "p384-1", nil), claims(nil)))
	r.add("unknown_key", "A04 W05 P02", bound, "ES384 signed with a P-256 key", r.sign("p256-1", "ES384", header("ES384", "p256-1", nil), claims(nil)), withVerifier("all-algorithms"))
	r.add("unknown_key", "P02 W05", bound, "RS256 with the kid of an EC key", r.signedBy("rsa-1", "RS256", members{"kid": "p256-1"}))
	r.add("unknown_key", "P02 W05", bound, "ES256 with the kid of an RSA key", r.signedBy("p256-1", "ES256", members{"kid": "rsa-1"}))
	r.add("unknown_key", "P02 W05", bound, "EdDSA with the kid of an RSA key", r.signedBy("ed25519-1", "EdDSA", members{"kid": "rsa-1"}))
	r.accepted("W05 P02", bound, "RS256 signed with a key without alg", r.signedBy("rsa-3", "RS256", nil))
	r.accepted("W05 P02", bound, "PS256 signed with a key without alg", r.signedBy("rsa-3", "PS256", nil))
	r.accepted("A08 W05", "RFC 9864 2.2", "EdDSA signed with a key for Ed25519", r.signedBy("ed25519-2", "EdDSA", nil))
	r.accepted("A08 W05", "RFC 9864 2.2", "Ed25519 signed with a key for EdDSA", r.signedBy("ed25519-1", "Ed25519", nil))
}

// keyFor returns the name of the key that signs with an algorithm.
func keyFor(alg string) string {
	return map[string]string{
		"RS256": "rsa-1", "PS256": "rsa-2", "RS384": "rsa-3", "RS512": "rsa-3", "PS384": "rsa-3", "PS512": "rsa-3",
		"ES256": "p256-1", "ES384": "p384-1", "ES512": "p521-1", "EdDSA": "ed25519-1", "Ed25519": "ed25519-2",
	}[alg]
}
