package main

import "strings"

// keyRows adds rows with tokens that select a key in different ways. It also adds rows for
// keys that must not verify any token.
func keyRows(r *rows) {
	forged := func(headerChanges members) string {
		return r.sign("attacker-rsa", "RS256", header("RS256", "rsa-1", headerChanges), claims(nil))
	}
	const embedded = "CVE-2018-0114; RFC 8725 3.10; RFC 9068 4"
	attackerKey := r.keys.jwk("attacker-rsa", "rsa-1", members{"alg": "RS256"})
	r.add("signature", "J12 R05", embedded, "header contains the jwk of the attacker", forged(members{"jwk": attackerKey}))
	r.add("unknown_key", "J12 R05", embedded, "header contains the jwk of the attacker and an unknown kid", forged(members{"kid": "evil", "jwk": attackerKey}))
	r.add("signature", "J12", embedded, "header contains an x5c", forged(members{"x5c": []string{"MIIB"}}))
	r.accepted("J12 J10", embedded, "header contains a jwk, but the signature is valid", r.signedBy("rsa-1", "RS256", members{"jwk": attackerKey}))
	r.accepted("J12 J10", embedded, "header contains a jwk that is not a key", r.signedBy("rsa-1", "RS256", members{"jwk": members{"kty": "oct"}}))
	for name, url := range pairs(
		"jku of the attacker", "https://evil.example/jwks.json", "jku with userinfo", "https://issuer.example@evil.example/jwks.json",
		"jku on the host of the issuer", "https://issuer.example/uploads/jwks.json", "jku of a cloud metadata server", "http://169.254.169.254/",
		"jku of a file", "file:///etc/passwd",
	) {
		r.add("signature", "J11 P12", "RFC 8725 3.10; RFC 7515 4.1.2", name, forged(members{"jku": url}))
	}
	r.add("signature", "J11", "RFC 7515 4.1.5", "x5u of the attacker", forged(members{"x5u": "https://evil.example/cert.pem"}))
	r.accepted("J11 J10 P12", "RFC 7515 4.1.2", "header contains a jku, but the signature is valid", r.signedBy("rsa-1", "RS256", members{"jku": "https://evil.example/"}))

	const kid = "RFC 8725 3.10; RFC 7515 4.1.4"
	for name, id := range pairs(
		"a path", "../../dev/null", "an absolute path", "/proc/sys/kernel/randomize_va_space", "an SQL injection", "x' UNION SELECT 'secret' --",
		"a shell command", "key|/bin/true", "a published kid followed by NUL", "ed25519-1\x00", "a published kid followed by CRLF", "ed25519-1\r\nX-Admin: 1", "a published kid in upper case", "ED25519-1",
		"a published kid followed by a space", "ed25519-1 ", "a URL", "https://evil.example/key", "a template", "{{7*7}}", "8 KiB long", strings.Repeat("k", 8<<10),
		"the beginning of a published kid", "ed25519", "unknown", "no-such-key", "spelled with a long s", "eſ256",
	) {
		r.add("unknown_key", "J13 P12 W06", kid, "kid is "+name, r.token(members{"kid": id}, nil))
	}
	for name, value := range pairs("an empty string", `""`, "a number", `1`, "null", `null`, "an array", `["ed25519-1"]`, "an object", `{}`, "true", `true`) {
		r.add("malformed", "J13", kid, "kid is "+name, r.token(members{"kid": raw(value)}, nil))
	}
	r.accepted("J13 W06 J06", kid, "kid of a published key", r.token(nil, nil))

	r.accepted("W07", "RFC 7515 4.1.4; RFC 7517 4.5", "kid is missing, one key fits", r.signedBy("rsa-1", "RS256", members{"kid": nil}), withVerifier("one-key"))
	r.add("unknown_key", "W07 W05", "RFC 7517 4.4", "kid is missing, the only RSA key is for RS256", r.signedBy("rsa-1", "PS256", members{"kid": nil}), withVerifier("one-key"))
	r.add("signature", "W07 W04", "RFC 7517 4.2", "kid is missing, token is signed with the key for encryption", r.signedBy("rsa-2", "RS256", members{"kid": nil}), withVerifier("one-key"))
	r.accepted("W07", "RFC 7515 4.1.4", "kid is missing, three keys fit", r.signedBy("rsa-1", "RS256", members{"kid": nil}))
	r.accepted("W07", "RFC 7515 4.1.4", "kid is missing, three keys fit, token is signed with the largest key", r.signedBy("rsa-3", "RS256", members{"kid": nil}))
	r.add("signature", "W07", "RFC 7515 4.1.4", "kid is missing, three keys fit, token is signed with a different key", r.sign("attacker-rsa", "RS256", header("RS256", "", members{"kid": nil}), claims(nil)))
	r.add("unknown_key", "W07", "RFC 7517 4.5; number of attempts", "kid is missing, five keys fit", r.signedBy("p256-1", "ES256", members{"kid": nil}), withVerifier("five-keys"))
	r.accepted("W07", "RFC 7517 4.5", "kid names one of five keys that fit", r.signedBy("p256-1", "ES256", nil), withVerifier("five-keys"))

	const purpose = "RFC 7517 4.2, 4.3, 4.4"
	for _, id := range []string{"enc", "ops-encrypt", "ops-sign", "ops-twice", "ops-contradiction", "oaep", "hs-alg", "numeric-alg"} {
		r.add("unknown_key", "W04 W05 A03", purpose, "kid of an unusable key: "+id, r.signedBy("rsa-1", "RS256", members{"kid": id}))
	}
	r.accepted("W04", purpose, "key with key_ops verify", r.signedBy("rsa-1", "RS256", members{"kid": "ops"}))
	r.accepted("W02 W10 A03 A06 A07 P06", "RFC 7517 5", "usable RSA key in a set with unusable keys", r.signedBy("rsa-3", "RS256", nil))
	r.accepted("A06 P06 W03", "RFC 7518 6.2.1", "usable EC key in a set with unusable keys", r.signedBy("p256-1", "ES256", nil))
	for _, id := range []string{"lower-kty", "no-kty", "KTY"} {
		r.add("unknown_key", "W03 W02", "RFC 7517 4.1; names are compared exactly", "kid of an unusable key: "+id, r.signedBy("rsa-1", "RS256", members{"kid": id}))
	}
	for _, id := range []string{"no-n", "e-1", "e-even", "e-huge"} {
		r.add("unknown_key", "A03 A07 W02", "RFC 7518 3.3, 6.3.1; Wycheproof json_web_key 9", "kid of an unusable key: "+id, r.signedBy("rsa-1", "RS256", members{"kid": id}))
	}
	r.add("unknown_key", "A03", "RFC 7518 3.3; Wycheproof json_web_key 8", "RSA key of 1024 bits, RS256", r.signedBy("weak-rsa", "RS256", nil))
	r.add("unknown_key", "A03 P03", "CVE-2017-15361; Wycheproof json_web_key 7", "RSA key of Infineon's generator (ROCA)", r.signedBy("roca-rsa", "RS256", nil))
	r.add("unknown_key", "A03", "RFC 7518 3.5", "RSA key of 1024 bits, PS256", r.signedBy("weak-rsa", "PS256", nil))
	for _, id := range []string{"off-curve", "no-y", "short-x", "wrong-curve", "secp256k1"} {
		r.add("unknown_key", "A06 P06 W02", "RFC 7518 6.2.1; RFC 8725 3.4; Wycheproof json_web_key 22", "kid of an unusable key: "+id, r.signedBy("p256-1", "ES256", members{"kid": id}))
	}
	r.accepted("A06", "RFC 7518 6.2.1; keycloak#14933", "EC key whose coordinates have a zero byte as the sign", r.signedBy("p256-1", "ES256", members{"kid": "sign-byte"}))
	r.accepted("A06", "RFC 7518 6.2.1; keycloak#14933", "EC key whose coordinates have no leading zeros", r.signedBy("p521-zero", "ES512", members{"kid": "no-leading-zeros"}), withVerifier("all-algorithms"))
	for _, id := range []string{"short-ed25519", "small-order", "x25519"} {
		r.add("unknown_key", "A08 P06", "RFC 8037 2, 3.1; RFC 8032 5.1.7", "kid of an unusable key: "+id, r.signedBy("ed25519-1", "EdDSA", members{"kid": id}))
	}
	// If R is the neutral element and S is 0, a key of small order verifies the signature.
	unsigned := r.token(members{"kid": "small-order"}, nil)
	r.add("unknown_key", "P06 A08", "RFC 8032 5.1.7", "kid of an unusable key: small-order, signature made without the private key", replaceSignature(unsigned, append([]byte{1}, make([]byte, 63)...)))
	r.add("unknown_key", "W10", "RFC 7517 9.2", "key whose private part is published", r.signedBy("rsa-1", "RS256", members{"kid": "private"}))
	r.accepted("W10 A02 P07", "RFC 7517 9.2", "key whose private part is not published", r.signedBy("rsa-1", "RS256", nil))

	const shared = "RFC 7517 4.5"
	r.accepted("W06", shared, "RSA key and EC key have the same kid, alg is RS256", r.signedBy("rsa-1", "RS256", members{"kid": "twin"}))
	r.accepted("W06", shared, "RSA key and EC key have the same kid, alg is ES256", r.signedBy("p256-1", "ES256", members{"kid": "twin"}))
	r.accepted("W06", shared, "two RSA keys have the same kid, token is signed with the first key", r.signedBy("rsa-1", "RS256", members{"kid": "twins"}))
	r.accepted("W06", shared, "two RSA keys have the same kid, token is signed with the second key", r.signedBy("rsa-2", "RS256", members{"kid": "twins"}))
	r.add("signature", "W06", shared, "two RSA keys have the same kid, token is signed with a different key", r.sign("attacker-rsa", "RS256", header("RS256", "twins", nil), claims(nil)))

	const issuers = "RFC 8725 3.8; cyoda-go#97"
	b := members{"iss": "https://issuer-b.example"}
	tokenOfB := r.sign("ed25519-2", "EdDSA", header("EdDSA", "ed25519-1", nil), claims(b))
	r.accepted("P09", issuers, "token of B, signed with the key of B", tokenOfB, withVerifier("issuer-b"))
	r.add("signature", "P09", issuers, "token of B, signed with the key of A that has the same kid", r.token(nil, b), withVerifier("issuer-b"))
	r.add("signature", "P09", issuers, "token of A, signed with the key of B that has the same kid", r.sign("ed25519-2", "EdDSA", header("EdDSA", "ed25519-1", nil), claims(nil)))
	several := withVerifier("issuers")
	r.accepted("P09 T04", issuers, "verifier for A and B: token of A, signed with the key of A", r.token(nil, nil), several)
	r.accepted("P09 T04", issuers, "verifier for A and B: token of B, signed with the key of B", tokenOfB, several)
	r.add("signature", "P09", issuers, "verifier for A and B: token of B, signed with the key of A that has the same kid", r.token(nil, b), several)
	r.add("signature", "P09", issuers, "verifier for A and B: token of A, signed with the key of B that has the same kid",
		r.sign("ed25519-2", "EdDSA", header("EdDSA", "ed25519-1", nil), claims(nil)), several)
	r.add("issuer", "P09 T04", issuers, "verifier for A and B: token of C", r.token(nil, members{"iss": "https://issuer-c.example"}), several)
	r.add("issuer", "P09 T04", issuers, "verifier for A and B: iss is an array of A and B", r.token(nil, members{"iss": []string{issuer, "https://issuer-b.example"}}), several)
	r.add("issuer", "P09 T04", issuers, "verifier for A and B: iss is missing", r.token(nil, members{"iss": nil}), several)
	r.add("issuer", "P09 R03", issuers, "verifier for B: token of A", r.token(nil, nil), withVerifier("issuer-b"))
}
