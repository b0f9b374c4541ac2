package main

// unverifiedRows adds tokens whose claims or type do not fit. The client learns what is wrong
// only if the issuer has signed the token.
func unverifiedRows(r *rows) {
	const rules, source = "B16 T14 G03", "design: responses to tokens that were not verified"
	r.accepted(rules, source, "the claims fit, signed by the issuer", r.token(nil, nil))
	r.add("signature", rules, source, "the claims fit, signed by the attacker", r.forged(nil, nil))
	for _, row := range []struct {
		reason, name   string
		header, claims members
	}{
		{"expired", "the token expired", nil, members{"exp": now - 1}},
		{"not_yet_valid", "nbf is in an hour", nil, members{"nbf": now + 3600}},
		{"not_yet_valid", "iat is in an hour", nil, members{"iat": now + 3600}},
		{"audience", "aud is another API", nil, members{"aud": "other-api"}},
		{"audience", "aud is missing", nil, members{"aud": nil}},
		{"type", "typ is JWT", members{"typ": "JWT"}, nil},
		{"type", "typ is missing", members{"typ": nil}, nil},
		{"binding", "the token is bound to a client key", nil, members{"cnf": members{"jkt": "x"}}},
		{"claims", "sub is missing", nil, members{"sub": nil}},
		{"claims", "exp is a string", nil, members{"exp": "4102444800"}},
		{"claims", "aud in the header differs", members{"aud": "other-api"}, nil},
	} {
		good := r.token(row.header, row.claims)
		unknown := members{"kid": "unknown"}
		for name, value := range row.header {
			unknown[name] = value
		}
		r.add(row.reason, rules, source, row.name+", signed by the issuer", good)
		r.add(row.reason, rules, source, row.name+", signed by the attacker", r.forged(row.header, row.claims), notVerified)
		r.add(row.reason, rules, source, row.name+", signed by the attacker with an unknown kid", r.forged(unknown, row.claims), notVerified)
		r.add(row.reason, rules, source, row.name+", signed by the issuer with an unknown kid", r.token(unknown, row.claims), notVerified)
		r.add(row.reason, rules, source, row.name+", signature of another token", replaceSignature(good, signatureOf(r.token(nil, nil))), notVerified)
		r.add(row.reason, rules, source, row.name+", signature is missing", replaceSignature(good, nil), notVerified)
	}
}

// forged returns a token like the method token, but the key of the attacker signs it.
func (r *rows) forged(headerChanges, claimChanges members) string {
	return r.sign("attacker-ed25519", "EdDSA", header("EdDSA", "ed25519-1", headerChanges), claims(claimChanges))
}
