package main

import "strings"

// trustDomain is the issuer of the verifier "spiffe".
const trustDomain = "spiffe://example.org"

// spiffeRows adds rows with JWT-SVIDs of a SPIFFE trust domain. The verifier "spiffe" has a bundle
// with keys for JWT-SVIDs and for certificates, and keys without "use". The verifier "svid-keys" has
// the same keys, but no profile for SPIFFE.
func spiffeRows(r *rows) {
	const source = "SPIFFE JWT-SVID 3.1; SPIFFE-ID 2.1, 2.2"
	svid := func(key, alg string, headerChanges, claimChanges members) string {
		base := members{"iss": nil, "client_id": nil, "jti": nil, "sub": trustDomain + "/ns/prod/sa/billing"}
		for name, value := range claimChanges {
			base[name] = value
		}
		changes := members{"typ": "JWT"}
		for name, value := range headerChanges {
			changes[name] = value
		}
		return r.sign(key, alg, header(alg, key, changes), claims(base))
	}
	token := func(headerChanges, claimChanges members) string {
		return svid("p256-1", "ES256", headerChanges, claimChanges)
	}
	accepted := func(name, token string) { r.accepted("P20", source, name, token, withVerifier("spiffe")) }
	refused := func(reason, name, token string) { r.add(reason, "P20", source, name, token, withVerifier("spiffe")) }

	accepted("without iss", token(nil, nil))
	accepted("with an iss", token(nil, members{"iss": "https://spire.example"}))
	accepted("with the trust domain as the iss", token(nil, members{"iss": trustDomain}))
	accepted("with another trust domain as the iss", token(nil, members{"iss": "spiffe://example.com"}))
	accepted("typ JOSE", token(members{"typ": "JOSE"}, nil))
	accepted("without typ", token(members{"typ": nil}, nil))
	accepted("without kid", token(members{"kid": nil}, nil))
	accepted("RS512, which is no default of other profiles", svid("rsa-1", "RS512", nil, nil))
	accepted("a key without use, as in SPIRE's discovery provider", svid("rsa-3", "RS256", nil, nil))
	accepted("a key with the use sig", svid("rsa-2", "PS256", nil, nil))
	for name, path := range pairs("one segment", "/a", "every allowed character", "/AZaz09._-", "segments with dots", "/.../a..b/.x") {
		accepted("the path has "+name, token(nil, members{"sub": trustDomain + path}))
	}
	refused("type", "typ at+jwt", token(members{"typ": "at+jwt"}, nil))
	refused("type", "typ wit+jwt", token(members{"typ": "wit+jwt"}, nil))
	refused("algorithm", "EdDSA", svid("ed25519-1", "EdDSA", nil, nil))
	refused("audience", "without aud", token(nil, members{"aud": nil}))
	refused("audience", "the aud is the trust domain", token(nil, members{"aud": trustDomain}))
	refused("claims", "without exp", token(nil, members{"exp": nil}))
	refused("expired", "expired", token(nil, members{"exp": now}))
	refused("binding", "a WIT-SVID is bound to a key", token(nil, members{"cnf": members{"jwk": members{"kty": "EC"}}}))
	refused("unknown_key", "a key for certificates", svid("p256-2", "ES256", nil, nil))
	r.add("signature", "P20 P09", source, "the key of an attacker", r.sign("attacker-p256", "ES256", header("ES256", "p256-1", members{"typ": "JWT"}),
		claims(members{"iss": nil, "sub": trustDomain + "/ns/prod/sa/billing"})), withVerifier("spiffe"))
	for name, sub := range pairs("the trust domain without a path", "", "an empty path", "/", "an empty segment", "//a", "a slash at the end", "/a/", "a dot segment", "/./a", "two dots", "/a/..",
		"an escape", "/a%2Fb", "a query", "/a?b", "a fragment", "/a#b", "a space", "/a b", "a colon", "/a:b", "a wildcard", "/*", "a letter that is not ASCII", "/\u00e4", "NUL", "/a\x00", "a line feed", "/a\n") {
		refused("claims", "the sub has "+name, token(nil, members{"sub": trustDomain + sub}))
	}
	for name, sub := range pairs("another trust domain", "spiffe://example.com/a", "a longer trust domain", trustDomain+".evil.example/a", "a trust domain that begins with it", trustDomain+"x/a",
		"a port", trustDomain+":443/a", "a user", "spiffe://user@example.org/a", "upper-case letters in the trust domain", "spiffe://EXAMPLE.org/a", "upper-case letters in the scheme", "SPIFFE://example.org/a",
		"another scheme", "https://example.org/a", "no scheme", "example.org/a", "one slash", "spiffe:/example.org/a", "a space in front", " "+trustDomain+"/a", "the trust domain in the path", "spiffe://example.com/"+trustDomain+"/a",
		"no trust domain", "spiffe:///a", "the empty string", "", "a query in the trust domain", trustDomain+"?/a", "a very long trust domain", "spiffe://"+strings.Repeat("a", 4000)+"/a") {
		refused("issuer", "the sub has "+name, token(nil, members{"sub": sub}))
	}
	for name, text := range pairs("missing", "", "null", `null`, "a number", `1`, "an array", `["`+trustDomain+`/a"]`, "an object", `{}`) {
		var value any
		if text != "" {
			value = raw(text)
		}
		refused("issuer", "the sub is "+name, token(nil, members{"sub": value}))
		if text != "" {
			refused("issuer", "the iss is "+name, token(nil, members{"iss": value}))
		}
	}
	refused("claims", "an iss in the header, but not in the claims", token(members{"iss": "https://spire.example"}, nil))
	refused("claims", "another sub in the header", token(members{"sub": trustDomain + "/a"}, nil))

	const other = "SPIFFE JWT-SVID 6.2"
	plain := func(key, alg string) string { return r.sign(key, alg, header(alg, key, nil), claims(nil)) }
	r.add("signature", "P20 W04", other, "a key for JWT-SVIDs, without the profile SPIFFE", plain("p256-1", "ES256"), withVerifier("svid-keys"))
	r.add("unknown_key", "P20 W04", other, "a key for certificates, without the profile SPIFFE", plain("p256-2", "ES256"), withVerifier("svid-keys"))
	r.accepted("P20 W04", other, "a key with the use sig, without the profile SPIFFE", plain("rsa-2", "PS256"), withVerifier("svid-keys"))
	r.add("issuer", "P20 R03", source, "a JWT-SVID without iss, without the profile SPIFFE", token(nil, nil), withVerifier("svid-keys"))
}
