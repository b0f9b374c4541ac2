package main

import "strings"

// keyRows adds tokens that select a key in various ways, and keys that must not verify any
// token.
func keyRows(r *rows) {
	attack := func(h members) string {
		return r.compact("attacker-rsa", "RS256", header("RS256", "rsa-1", h), claims(nil))
	}
	const embedded = "CVE-2018-0114; RFC 8725 3.10; RFC 9068 4"
	evil := r.keys.jwk("attacker-rsa", "rsa-1", members{"alg": "RS256"})
	r.add("signature", "J12 R05", embedded, "embedded jwk", attack(members{"jwk": evil}))
	r.add("unknown_key", "J12 R05", embedded, "embedded jwk under its own kid", attack(members{"kid": "evil", "jwk": evil}))
	r.add("signature", "J12", embedded, "embedded x5c", attack(members{"x5c": []string{"MIIB"}}))
	r.ok("J12 J10", embedded, "embedded jwk beside a genuine signature", r.by("rsa-1", "RS256", members{"jwk": evil}))
	r.ok("J12 J10", embedded, "embedded jwk that is not a key", r.by("rsa-1", "RS256", members{"jwk": members{"kty": "oct"}}))
	for name, url := range pairs(
		"jku", "https://evil.example/jwks.json", "jku with userinfo", "https://issuer.example@evil.example/jwks.json",
		"jku on the issuer", "https://issuer.example/uploads/jwks.json", "jku to a cloud metadata server", "http://169.254.169.254/",
		"jku to a file", "file:///etc/passwd",
	) {
		r.add("signature", "J11 P12", "RFC 8725 3.10; RFC 7515 4.1.2", name, attack(members{"jku": url}))
	}
	r.add("signature", "J11", "RFC 7515 4.1.5", "x5u", attack(members{"x5u": "https://evil.example/cert.pem"}))
	r.ok("J11 J10 P12", "RFC 7515 4.1.2", "jku beside a genuine signature", r.by("rsa-1", "RS256", members{"jku": "https://evil.example/"}))

	const kid = "RFC 8725 3.10; RFC 7515 4.1.4"
	for name, id := range pairs(
		"a path", "../../dev/null", "an absolute path", "/proc/sys/kernel/randomize_va_space", "SQL", "x' UNION SELECT 'secret' --",
		"shell", "key|/bin/true", "NUL", "ed25519-1\x00", "CRLF", "ed25519-1\r\nX-Admin: 1", "upper case", "ED25519-1",
		"with a space", "ed25519-1 ", "a URL", "https://evil.example/key", "a template", "{{7*7}}", "8 KiB", strings.Repeat("k", 8<<10),
		"prefix", "ed25519", "unknown", "no-such-key", "long s", "eſ256",
	) {
		r.add("unknown_key", "J13 P12 W06", kid, "kid "+name, r.token(members{"kid": id}, nil))
	}
	for name, value := range pairs("empty", `""`, "number", `1`, "null", `null`, "array", `["ed25519-1"]`, "object", `{}`, "true", `true`) {
		r.add("malformed", "J13", kid, "kid "+name, r.token(members{"kid": raw(value)}, nil))
	}
	r.ok("J13 W06 J06", kid, "kid exact", r.token(nil, nil))

	r.ok("W07", "RFC 7515 4.1.4; RFC 7517 4.5", "no kid, one key fits", r.by("rsa-1", "RS256", members{"kid": nil}), with("one-key"))
	r.add("unknown_key", "W07 W05", "RFC 7517 4.4", "no kid, the key is for RS256 only", r.by("rsa-1", "PS256", members{"kid": nil}), with("one-key"))
	r.add("signature", "W07 W04", "RFC 7517 4.2", "no kid, signed by the key for encryption", r.by("rsa-2", "RS256", members{"kid": nil}), with("one-key"))
	r.add("unknown_key", "W07", "RFC 7517 4.5; number of attempts", "no kid, several keys fit", r.by("rsa-1", "RS256", members{"kid": nil}))

	const purpose = "RFC 7517 4.2, 4.3, 4.4"
	for _, id := range []string{"enc", "ops-encrypt", "ops-sign", "ops-twice", "ops-contradiction", "oaep", "hs-alg", "numeric-alg"} {
		r.add("unknown_key", "W04 W05 A03", purpose, "key "+id, r.by("rsa-1", "RS256", members{"kid": id}))
	}
	r.ok("W04", purpose, "key for verify", r.by("rsa-1", "RS256", members{"kid": "ops"}))
	r.ok("W02 W10 A03 A06 A07 P06", "RFC 7517 5", "good key among unusable keys", r.by("rsa-3", "RS256", nil))
	r.ok("A06 P06 W03", "RFC 7518 6.2.1", "good EC key among unusable keys", r.by("p256-1", "ES256", nil))
	for _, id := range []string{"lower-kty", "no-kty", "KTY"} {
		r.add("unknown_key", "W03 W02", "RFC 7517 4.1; names are exact", "key "+id, r.by("rsa-1", "RS256", members{"kid": id}))
	}
	for _, id := range []string{"no-n", "e-1", "e-even", "e-huge"} {
		r.add("unknown_key", "A03 A07 W02", "RFC 7518 3.3, 6.3.1; Wycheproof json_web_key 9", "key "+id, r.by("rsa-1", "RS256", members{"kid": id}))
	}
	r.add("unknown_key", "A03", "RFC 7518 3.3; Wycheproof json_web_key 8", "RSA of 1024 bits", r.by("weak-rsa", "RS256", nil))
	r.add("unknown_key", "A03 P03", "CVE-2017-15361; Wycheproof json_web_key 7", "RSA of Infineon's generator (ROCA)", r.by("roca-rsa", "RS256", nil))
	r.add("unknown_key", "A03", "RFC 7518 3.5", "RSA of 1024 bits, PS256", r.by("weak-rsa", "PS256", nil))
	for _, id := range []string{"off-curve", "no-y", "short-x", "wrong-curve", "secp256k1"} {
		r.add("unknown_key", "A06 P06 W02", "RFC 7518 6.2.1; RFC 8725 3.4; Wycheproof json_web_key 22", "key "+id, r.by("p256-1", "ES256", members{"kid": id}))
	}
	for _, id := range []string{"short-ed25519", "small-order", "x25519"} {
		r.add("unknown_key", "A08 P06", "RFC 8037 2, 3.1; RFC 8032 5.1.7", "key "+id, r.by("ed25519-1", "EdDSA", members{"kid": id}))
	}
	// If R is the neutral element and S is 0, the signature is valid under a key of small
	// order.
	zero := r.token(members{"kid": "small-order"}, nil)
	r.add("unknown_key", "P06 A08", "RFC 8032 5.1.7", "key small-order, signature without a private key", resigned(zero, append([]byte{1}, make([]byte, 63)...)))
	r.add("unknown_key", "W10", "RFC 7517 9.2", "key with its private part published", r.by("rsa-1", "RS256", members{"kid": "private"}))
	r.ok("W10 A02 P07", "RFC 7517 9.2", "the same key without its private part", r.by("rsa-1", "RS256", nil))

	const shared = "RFC 7517 4.5"
	r.ok("W06", shared, "one kid for RSA and EC, RS256", r.by("rsa-1", "RS256", members{"kid": "twin"}))
	r.ok("W06", shared, "one kid for RSA and EC, ES256", r.by("p256-1", "ES256", members{"kid": "twin"}))
	r.ok("W06", shared, "one kid for two RSA keys, the first", r.by("rsa-1", "RS256", members{"kid": "twins"}))
	r.ok("W06", shared, "one kid for two RSA keys, the second", r.by("rsa-2", "RS256", members{"kid": "twins"}))
	r.add("signature", "W06", shared, "one kid for two RSA keys, signed by neither", r.compact("attacker-rsa", "RS256", header("RS256", "twins", nil), claims(nil)))

	const issuers = "RFC 8725 3.8; cyoda-go#97"
	b := members{"iss": "https://issuer-b.example"}
	mine := r.compact("ed25519-2", "EdDSA", header("EdDSA", "ed25519-1", nil), claims(b))
	r.ok("P09", issuers, "issuer B under its key", mine, with("issuer-b"))
	r.add("signature", "P09", issuers, "issuer B under A's key of the same kid", r.token(nil, b), with("issuer-b"))
	r.add("signature", "P09", issuers, "issuer A under B's key of the same kid", r.compact("ed25519-2", "EdDSA", header("EdDSA", "ed25519-1", nil), claims(nil)))
	several := with("issuers")
	r.ok("P09 T04", issuers, "both issuers, A under its key", r.token(nil, nil), several)
	r.ok("P09 T04", issuers, "both issuers, B under its key", mine, several)
	r.add("signature", "P09", issuers, "both issuers, B under A's key of the same kid", r.token(nil, b), several)
	r.add("signature", "P09", issuers, "both issuers, A under B's key of the same kid",
		r.compact("ed25519-2", "EdDSA", header("EdDSA", "ed25519-1", nil), claims(nil)), several)
	r.add("issuer", "P09 T04", issuers, "both issuers, token of a third", r.token(nil, members{"iss": "https://issuer-c.example"}), several)
	r.add("issuer", "P09 T04", issuers, "both issuers, iss is an array of both", r.token(nil, members{"iss": []string{issuer, "https://issuer-b.example"}}), several)
	r.add("issuer", "P09 T04", issuers, "both issuers, no iss", r.token(nil, members{"iss": nil}), several)
	r.add("issuer", "P09 R03", issuers, "issuer A, verifier for B", r.token(nil, nil), with("issuer-b"))
}
