package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"math/big"
	"slices"
)

// signatureRows adds rows with valid signatures, and with signatures that are nearly valid.
func signatureRows(r *rows) {
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		key := keyFor(alg)
		valid := r.signedBy(key, alg, nil)
		sig := signatureOf(valid)
		allAlgorithms := withVerifier("all-algorithms")
		flipped := slices.Clone(sig)
		flipped[len(flipped)/2] ^= 1
		const source = "RFC 7515 5.2; RFC 8725 3.3"
		r.accepted("J15 P04 T14", source, alg+", valid signature", valid, allAlgorithms)
		r.add("signature", "J15 P04 R05", source, alg+", signature with one wrong bit", replaceSignature(valid, flipped), allAlgorithms)
		r.add("signature", "J15 P04", source, alg+", empty signature", signedPart(valid)+".", allAlgorithms)
		r.add("signature", "A04 A08 P04", source, alg+", signature without its last byte", replaceSignature(valid, sig[:len(sig)-1]), allAlgorithms)
		r.add("signature", "A04 A08 P04", source, alg+", signature with an additional byte", replaceSignature(valid, append(slices.Clone(sig), 0)), allAlgorithms)
		r.add("signature", "A04 A08 P04", "CVE-2022-21449", alg+", signature of zeros", replaceSignature(valid, make([]byte, len(sig))), allAlgorithms)
		r.add("signature", "J15 T14", source, alg+", signature was copied from another token", replaceSignature(valid, signatureOf(r.signedBy(key, alg, members{"x": 1}))), allAlgorithms)
		r.add("signature", "J15 T14 P04", source, alg+", claims were changed after the token was signed", replacePayload(valid, claims(members{"sub": "admin"})), allAlgorithms)
		attacker := map[byte]string{'R': "attacker-rsa", 'P': "attacker-rsa", 'E': "attacker-ed25519"}[alg[0]]
		if alg == "ES256" {
			attacker = "attacker-p256"
		}
		if alg != "ES384" && alg != "ES512" {
			r.add("signature", "J15 P04 R05", source, alg+", token is signed with a key that is not published",
				r.sign(attacker, alg, header(alg, key, nil), claims(nil)), allAlgorithms)
		}
	}
	r.add("signature", "J15", "RFC 7515 5.2 (8): the signature covers the bytes as received", "header has a space that was not signed",
		r.tokenWithNewSpace(), withVerifier("all-algorithms"))
	ecdsaRows(r)
	eddsaRows(r)
	rsaRows(r)
	pssRows(r)
}

// replacePayload replaces the payload of a token. The signature does not change.
func replacePayload(token string, payload []byte) string {
	h, _, s := split(token)
	return h + "." + b64.EncodeToString(payload) + "." + s
}

// tokenWithNewSpace returns a token whose header got a space after the token was signed.
func (r *rows) tokenWithNewSpace() string {
	_, p, s := split(r.token(nil, nil))
	return b64.EncodeToString(append(header("EdDSA", "ed25519-1", nil), ' ')) + "." + p + "." + s
}

func ecdsaRows(r *rows) {
	valid := r.signedBy("p256-1", "ES256", nil)
	key := as[*ecdsa.PrivateKey](r.keys["p256-1"])
	n := key.Params().N
	sig := signatureOf(valid)
	x, y := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	one, zero := big.NewInt(1), new(big.Int)
	r.accepted("A04", "FIPS 186-5: (r, n-s) is as valid as (r, s)", "ES256, n-s instead of s", replaceSignature(valid, fixedLength(key, x, new(big.Int).Sub(n, y))))
	const psychic = "CVE-2022-21449; Wycheproof SpecialCaseEs256"
	over := new(big.Int).Sub(n, one)
	for _, row := range []struct {
		name string
		r, s *big.Int
	}{
		{"r is 0", zero, y},
		{"s is 0", x, zero},
		{"r is 0, s is 1", zero, one},
		{"r is 1, s is 0", one, zero},
		{"r is 1, s is 1", one, one},
		{"r is n", n, y},
		{"s is n", x, n},
		{"r is n, s is n", n, n},
		{"r is n-1, s is n-1", over, over},
		{"r and s are exchanged", y, x},
	} {
		r.add("signature", "A04", psychic, "ES256, "+row.name, replaceSignature(valid, fixedLength(key, row.r, row.s)))
	}
	type der struct{ R, S *big.Int }
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, signature in DER", replaceSignature(valid, must(asn1.Marshal(der{x, y}))))
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, signature of 63 bytes", replaceSignature(valid, sig[1:]))
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, signature of 66 bytes", replaceSignature(valid, append([]byte{0}, append(slices.Clone(sig[:32]), append([]byte{0}, sig[32:]...)...)...)))
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, only R", replaceSignature(valid, sig[:32]))
}

func eddsaRows(r *rows) {
	valid := r.token(nil, nil)
	sig := signatureOf(valid)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	little := slices.Clone(sig[32:])
	slices.Reverse(little)
	s := new(big.Int).SetBytes(little)
	s.Add(s, order)
	more := s.FillBytes(make([]byte, 32))
	slices.Reverse(more)
	r.add("signature", "A08", "RFC 8032 5.1.7", "EdDSA, S+L instead of S", replaceSignature(valid, append(slices.Clone(sig[:32]), more...)))
	r.add("signature", "A08", "RFC 8032 5.1.7", "EdDSA, R and S are exchanged", replaceSignature(valid, append(slices.Clone(sig[32:]), sig[:32]...)))
	digest := sha512.Sum512([]byte(signedPart(valid)))
	ph := must(as[ed25519.PrivateKey](r.keys["ed25519-1"]).Sign(nil, digest[:], &ed25519.Options{Hash: crypto.SHA512}))
	r.add("signature", "A08", "RFC 8037 3.1", "EdDSA, signature of Ed25519ph", replaceSignature(valid, ph))
}

func rsaRows(r *rows) {
	valid := r.signedBy("rsa-1", "RS256", nil)
	key := as[*rsa.PrivateKey](r.keys["rsa-1"])
	sum := sha256.Sum256([]byte(signedPart(valid)))
	sum512 := sha512.Sum512([]byte(signedPart(valid)))
	info256 := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum[:]...)
	info512 := append([]byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}, sum512[:]...)
	noNull := append([]byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}, sum[:]...)
	block := func(info, suffix []byte, padding byte, length int) []byte {
		b := []byte{0, 1}
		for range length {
			b = append(b, padding)
		}
		b = append(append(append(b, 0), info...), suffix...)
		return append(b, make([]byte, key.Size()-len(b))...)
	}
	full := func(info []byte) int { return key.Size() - 3 - len(info) }
	const source = "RFC 8017 8.2.2; Wycheproof rs256; CVE-2006-4339"
	for _, row := range []struct {
		name  string
		block []byte
	}{
		{"DigestInfo of SHA-512", block(info512, nil, 0xff, full(info512))},
		{"DigestInfo without NULL", block(noNull, nil, 0xff, full(noNull))},
		{"hash without DigestInfo", block(sum[:], nil, 0xff, full(sum[:]))},
		{"short padding and additional bytes at the end", block(info256, []byte("garbage"), 0xff, 8)},
		{"padding with a wrong byte", block(info256, nil, 0xfe, full(info256))},
		{"no padding", block(info256, nil, 0xff, 0)},
	} {
		r.add("signature", "A03 P04", source, "RS256, "+row.name, replaceSignature(valid, rawRSA(key, row.block)))
	}
	s := new(big.Int).Add(new(big.Int).SetBytes(signatureOf(valid)), key.N)
	r.add("signature", "A03 P04", source, "RS256, s+n instead of s", replaceSignature(valid, s.Bytes()))
	r.add("signature", "A03 P04", source, "RS256, signature with a leading zero", replaceSignature(valid, append([]byte{0}, signatureOf(valid)...)))
	r.add("signature", "A03 P02", "RFC 7518 3.3", "RS256, signature of PS256", replaceSignature(valid, signBytes(key, "PS256", signedPart(valid))))
}

func pssRows(r *rows) {
	valid := r.signedBy("rsa-2", "PS256", nil)
	key := as[*rsa.PrivateKey](r.keys["rsa-2"])
	sum := sha256.Sum256([]byte(signedPart(valid)))
	const source = "RFC 7518 3.5; Wycheproof json_web_signature 281-286"
	for _, salt := range []struct {
		name   string
		length int
	}{{"0", 0}, {"20", 20}, {"31", 31}, {"33", 33}, {"48", 48}, {"64", 64}, {"222", key.Size() - 32 - 2}} {
		r.add("signature", "A05", source, "PS256, salt of "+salt.name+" bytes", replaceSignature(valid, signPSS(key, sha256.New, sum[:], salt.length)))
	}
	r.accepted("A05", source, "PS256, salt of 32 bytes", replaceSignature(valid, signPSS(key, sha256.New, sum[:], 32)))
	r.add("signature", "A05 P02", "RFC 7518 3.5", "PS256, signature of RS256", replaceSignature(valid, signBytes(key, "RS256", signedPart(valid))))
}
