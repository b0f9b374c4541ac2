package main

import "strings"

// claimRows adds values of iss, aud, sub and other claims.
func claimRows(r *rows) {
	one := func(name, text string) string { return r.token(nil, members{name: raw(text)}) }
	const aud = "RFC 7519 4.1.3; RFC 9068 4; CVE-2020-26160"
	for name, text := range pairs("a string", `"deployment-api"`, "array of one", `["deployment-api"]`, "last of several", `["a","b","deployment-api"]`,
		"twice", `["deployment-api","deployment-api"]`, "escaped", `"deployment\u002dapi"`, "with an empty string", `["","deployment-api"]`) {
		r.ok("T05 P11 R04 Z01", aud, "aud "+name, one("aud", text))
	}
	r.ok("T05 R04", aud, "aud second configured audience", one("aud", `"other-api"`), with("two-audiences"))
	for name, text := range pairs("other", `"other-api"`, "array of others", `["a","b"]`, "prefix", `"deployment"`, "longer", `"deployment-api-2"`, "with a slash", `"deployment-api/"`,
		"suffix", `"api"`, "upper case", `"DEPLOYMENT-API"`, "with spaces around", `" deployment-api "`, "space-joined", `"a deployment-api"`, "comma-joined", `"a,deployment-api"`,
		"trailing NUL", `"deployment-api\u0000"`, "empty", `""`, "empty array", `[]`, "array of an empty string", `[""]`, "wildcard", `"*"`, "the issuer", `"https://issuer.example"`,
		"trailing line feed", `"deployment-api\n"`, "homoglyph", `"deployment-арi"`, "long s", `"depſoyment-api"`, "of 900 elements", `["`+strings.Repeat(`x","`, 900)+`y"]`) {
		r.add("audience", "T05 P11 R04 R07 Z01", aud, "aud "+name, one("aud", text))
	}
	r.add("audience", "T05 P11 R04 R09", aud, "aud missing", r.token(nil, members{"aud": nil}))
	for name, text := range pairs("null", `null`, "number", `1`, "true", `true`, "object", `{"deployment-api":true}`, "nested", `[["deployment-api"]]`, "array of null", `[null]`,
		"array with null", `["deployment-api",null]`, "array with a number", `["deployment-api",1]`, "array with an object", `["deployment-api",{}]`) {
		r.add("claims", "T05 P11", aud, "aud "+name, one("aud", text))
	}

	const iss = "RFC 9068 4; RFC 7519 4.1.1, 7.3; CVE-2025-30144"
	r.ok("T04 R03", iss, "iss exact", r.token(nil, nil))
	r.ok("T04", iss, "iss escaped", one("iss", `"https:\/\/issuer.example"`))
	for name, text := range pairs("with a slash", `"https://issuer.example/"`, "upper case", `"https://ISSUER.EXAMPLE"`, "http", `"http://issuer.example"`, "prefix", `"https://issuer.exampl"`,
		"longer", `"https://issuer.example.evil.example"`, "with a path", `"https://issuer.example/x"`, "with a port", `"https://issuer.example:443"`, "percent", `"https://issuer%2Eexample"`,
		"homoglyph", `"https://іssuer.example"`, "userinfo", `"https://issuer.example@evil.example"`, "our issuer with userinfo", `"https://x@issuer.example"`, "space", `" https://issuer.example"`,
		"NUL", `"https://issuer.example\u0000"`, "fragment", `"https://issuer.example#"`, "query", `"https://issuer.example?"`, "empty", `""`, "other", `"https://evil.example"`,
		"decomposed", `"https://issue\u0301r.example"`, "upper-case scheme", `"HTTPS://issuer.example"`, "trailing dot", `"https://issuer.example."`,
		"array of one", `["https://issuer.example"]`, "array of two", `["https://issuer.example","https://evil.example"]`, "null", `null`, "number", `1`, "object", `{}`, "true", `true`) {
		r.add("issuer", "T04 R03", iss, "iss "+name, one("iss", text))
	}
	r.add("issuer", "T04 R03 R09", iss, "iss missing", r.token(nil, members{"iss": nil}))

	const required = "RFC 9068 2.2"
	for _, name := range []string{"sub", "client_id", "iat", "jti"} {
		r.add("claims", "R09 P10 Z05", required, name+" missing", r.token(nil, members{name: nil}))
		r.add("claims", "R09 T10", required, name+" null", one(name, `null`))
		if name != "iat" {
			r.add("claims", "R09 T10 P10 Z05", "RFC 9068 2.2; RFC 7519 4.1.2, 4.1.7: unique", name+" empty", one(name, `""`))
		}
	}
	r.ok("R09 T10", required, "all required claims", r.token(nil, nil))
	for name, text := range pairs("number", `1`, "true", `true`, "array", `["x"]`, "object", `{}`) {
		r.add("claims", "R09", "RFC 7519 4.1.2", "sub "+name, one("sub", text))
		r.add("claims", "T10 R09", "RFC 7519 4.1.7", "jti "+name, one("jti", text))
		r.add("claims", "R09", "RFC 8693 4.3", "client_id "+name, one("client_id", text))
	}
	r.ok("Z05", "CWE-113; CWE-117", "sub with line breaks", one("sub", `"u\r\nSet-Cookie: a=b\u0000"`))
	r.ok("P10 Z05", "RFC 9700 4.15", "sub is not the client", r.token(nil, members{"sub": "user-1"}))
	r.ok("T10", "RFC 7519 4.1.7", "jti of 1000 characters", r.token(nil, members{"jti": strings.Repeat("j", 1000)}))

	const cnf = "RFC 7800 3.1; RFC 9449 7.2; RFC 8705 3"
	for name, text := range pairs("jkt", `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, "x5t#S256", `{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`,
		"jwk", `{"jwk":{"kty":"oct"}}`, "kid", `{"kid":"x"}`, "jwe", `{"jwe":"x"}`, "jku", `{"jku":"https://evil.example"}`, "unknown", `{"x":1}`, "kc-jkt-type", `{"kc-jkt-type":"x"}`,
		"empty", `{}`, "null", `null`, "string", `"x"`, "number", `1`, "array", `[]`, "array of an object", `[{"jkt":"x"}]`, "true", `true`, "jkt null", `{"jkt":null}`, "JKT", `{"JKT":"x"}`,
		"two members", `{"jwk":{},"jku":"x"}`) {
		r.add("binding", "P05 T03", cnf, "cnf "+name, one("cnf", text))
	}
	r.ok("P05", cnf, "no cnf", r.token(nil, nil))
	r.ok("P05", "RFC 7800 3.1; Keycloak", "cnf inert by profile", one("cnf", `{"kc-jkt-type":"DPoP"}`), with("kc-jkt-type"))
	r.add("binding", "P05", cnf, "cnf with an inert member and a binding", one("cnf", `{"kc-jkt-type":"DPoP","jkt":"x"}`), with("kc-jkt-type"))
	r.add("binding", "P05", cnf, "cnf empty, profile with an inert member", one("cnf", `{}`), with("kc-jkt-type"))
	r.add("malformed", "P05 T02", cnf, "cnf with a member twice", r.payload(`{"cnf":{"kc-jkt-type":"x","kc-jkt-type":"x"},`+body()+`}`), with("kc-jkt-type"))
}
