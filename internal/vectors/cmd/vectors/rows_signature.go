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

// signatureRows adds signatures that are nearly valid.
func signatureRows(r *rows) {
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		key := keyFor(alg)
		good := r.by(key, alg, nil)
		sig := signature(good)
		every := with("all-algorithms")
		flipped := slices.Clone(sig)
		flipped[len(flipped)/2] ^= 1
		const source = "RFC 7515 5.2; RFC 8725 3.3"
		r.ok("J15 P04 T14", source, alg+", genuine", good, every)
		r.add("signature", "J15 P04 R05", source, alg+", one bit changed", resigned(good, flipped), every)
		r.add("signature", "J15 P04", source, alg+", empty", input(good)+".", every)
		r.add("signature", "A04 A08 P04", source, alg+", one byte less", resigned(good, sig[:len(sig)-1]), every)
		r.add("signature", "A04 A08 P04", source, alg+", one byte more", resigned(good, append(slices.Clone(sig), 0)), every)
		r.add("signature", "A04 A08 P04", "CVE-2022-21449", alg+", all zeros", resigned(good, make([]byte, len(sig))), every)
		r.add("signature", "J15 T14", source, alg+", of another token", resigned(good, signature(r.by(key, alg, members{"x": 1}))), every)
		r.add("signature", "J15 T14 P04", source, alg+", claims changed", swapped(good, claims(members{"sub": "admin"})), every)
		attacker := map[byte]string{'R': "attacker-rsa", 'P': "attacker-rsa", 'E': "attacker-ed25519"}[alg[0]]
		if alg == "ES256" {
			attacker = "attacker-p256"
		}
		if alg != "ES384" && alg != "ES512" {
			r.add("signature", "J15 P04 R05", source, alg+", by an unpublished key",
				r.compact(attacker, alg, header(alg, key, nil), claims(nil)), every)
		}
	}
	r.add("signature", "J15", "RFC 7515 5.2 (8): the bytes as received", "header encoded again",
		r.rewritten(), with("all-algorithms"))
	ecdsaRows(r)
	eddsaRows(r)
	rsaRows(r)
	pssRows(r)
}

// swapped returns the token with the given payload and its old signature.
func swapped(token string, payload []byte) string {
	h, _, s := split(token)
	return h + "." + b64.EncodeToString(payload) + "." + s
}

// rewritten returns a token whose header got a space after the token was signed.
func (r *rows) rewritten() string {
	_, p, s := split(r.token(nil, nil))
	return b64.EncodeToString(append(header("EdDSA", "ed25519-1", nil), ' ')) + "." + p + "." + s
}

func ecdsaRows(r *rows) {
	good := r.by("p256-1", "ES256", nil)
	key := as[*ecdsa.PrivateKey](r.keys["p256-1"])
	n := key.Params().N
	sig := signature(good)
	x, y := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	one, zero := big.NewInt(1), new(big.Int)
	r.ok("A04", "FIPS 186-5: (r, n-s) is as valid as (r, s)", "ES256, n-s instead of s", resigned(good, fixed(key, x, new(big.Int).Sub(n, y))))
	const psychic = "CVE-2022-21449; Wycheproof SpecialCaseEs256"
	over := new(big.Int).Sub(n, one)
	for _, row := range []struct {
		name string
		r, s *big.Int
	}{
		{"r 0", zero, y},
		{"s 0", x, zero},
		{"r 0, s 1", zero, one},
		{"r 1, s 0", one, zero},
		{"r 1, s 1", one, one},
		{"r n", n, y},
		{"s n", x, n},
		{"r n, s n", n, n},
		{"r n-1, s n-1", over, over},
		{"r and s swapped", y, x},
	} {
		r.add("signature", "A04", psychic, "ES256, "+row.name, resigned(good, fixed(key, row.r, row.s)))
	}
	type der struct{ R, S *big.Int }
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, DER", resigned(good, must(asn1.Marshal(der{x, y}))))
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, 63 bytes", resigned(good, sig[1:]))
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, 66 bytes", resigned(good, append([]byte{0}, append(slices.Clone(sig[:32]), append([]byte{0}, sig[32:]...)...)...)))
	r.add("signature", "A04", "RFC 7518 3.4", "ES256, first half", resigned(good, sig[:32]))
}

func eddsaRows(r *rows) {
	good := r.token(nil, nil)
	sig := signature(good)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	little := slices.Clone(sig[32:])
	slices.Reverse(little)
	s := new(big.Int).SetBytes(little)
	s.Add(s, order)
	more := s.FillBytes(make([]byte, 32))
	slices.Reverse(more)
	r.add("signature", "A08", "RFC 8032 5.1.7", "EdDSA, S+L", resigned(good, append(slices.Clone(sig[:32]), more...)))
	r.add("signature", "A08", "RFC 8032 5.1.7", "EdDSA, R and S swapped", resigned(good, append(slices.Clone(sig[32:]), sig[:32]...)))
	digest := sha512.Sum512([]byte(input(good)))
	ph := must(as[ed25519.PrivateKey](r.keys["ed25519-1"]).Sign(nil, digest[:], &ed25519.Options{Hash: crypto.SHA512}))
	r.add("signature", "A08", "RFC 8037 3.1", "EdDSA, Ed25519ph", resigned(good, ph))
}

func rsaRows(r *rows) {
	good := r.by("rsa-1", "RS256", nil)
	key := as[*rsa.PrivateKey](r.keys["rsa-1"])
	sum := sha256.Sum256([]byte(input(good)))
	sum512 := sha512.Sum512([]byte(input(good)))
	info256 := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum[:]...)
	info512 := append([]byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}, sum512[:]...)
	noNull := append([]byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}, sum[:]...)
	block := func(info, after []byte, padding byte, length int) []byte {
		b := []byte{0, 1}
		for range length {
			b = append(b, padding)
		}
		b = append(append(append(b, 0), info...), after...)
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
		{"bare hash", block(sum[:], nil, 0xff, full(sum[:]))},
		{"short padding, trailing bytes", block(info256, []byte("garbage"), 0xff, 8)},
		{"padding of another byte", block(info256, nil, 0xfe, full(info256))},
		{"no padding", block(info256, nil, 0xff, 0)},
	} {
		r.add("signature", "A03 P04", source, "RS256, "+row.name, resigned(good, rawRSA(key, row.block)))
	}
	s := new(big.Int).Add(new(big.Int).SetBytes(signature(good)), key.N)
	r.add("signature", "A03 P04", source, "RS256, s+n", resigned(good, s.Bytes()))
	r.add("signature", "A03 P04", source, "RS256, leading zero", resigned(good, append([]byte{0}, signature(good)...)))
	r.add("signature", "A03 P02", "RFC 7518 3.3", "RS256, PSS padding", resigned(good, sign(key, "PS256", input(good))))
}

func pssRows(r *rows) {
	good := r.by("rsa-2", "PS256", nil)
	key := as[*rsa.PrivateKey](r.keys["rsa-2"])
	sum := sha256.Sum256([]byte(input(good)))
	const source = "RFC 7518 3.5; Wycheproof json_web_signature 281-286"
	for _, salt := range []struct {
		name   string
		length int
	}{{"0", 0}, {"20", 20}, {"31", 31}, {"33", 33}, {"48", 48}, {"64", 64}, {"the longest", key.Size() - 32 - 2}} {
		r.add("signature", "A05", source, "PS256, salt of "+salt.name, resigned(good, signPSS(key, sha256.New, sum[:], salt.length)))
	}
	r.ok("A05", source, "PS256, salt of 32", resigned(good, signPSS(key, sha256.New, sum[:], 32)))
	r.add("signature", "A05 P02", "RFC 7518 3.5", "PS256, PKCS1 padding", resigned(good, sign(key, "RS256", input(good))))
}
