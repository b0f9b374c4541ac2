package main

import "strings"

// claimRows adds rows with values of iss, aud, sub, cnf and other claims.
func claimRows(r *rows) {
	one := func(name, text string) string { return r.token(nil, members{name: raw(text)}) }
	const aud = "RFC 7519 4.1.3; RFC 9068 4; CVE-2020-26160"
	for name, text := range pairs("a string", `"deployment-api"`, "an array of one string", `["deployment-api"]`, "an array with this API at the end", `["a","b","deployment-api"]`,
		"an array with this API twice", `["deployment-api","deployment-api"]`, "a string with an escape", `"deployment\u002dapi"`, "an array with an empty string", `["","deployment-api"]`) {
		r.accepted("T05 P11 R04 Z01", aud, "aud is "+name, one("aud", text))
	}
	r.accepted("T05 R04", aud, "aud is the second configured audience", one("aud", `"other-api"`), withVerifier("two-audiences"))
	for name, text := range pairs("another API", `"other-api"`, "an array of other APIs", `["a","b"]`, "the beginning of this API", `"deployment"`, "this API followed by -2", `"deployment-api-2"`, "this API followed by a slash", `"deployment-api/"`,
		"the end of this API", `"api"`, "this API in upper case", `"DEPLOYMENT-API"`, "this API between spaces", `" deployment-api "`, "two APIs with a space between", `"a deployment-api"`, "two APIs with a comma between", `"a,deployment-api"`,
		"this API followed by NUL", `"deployment-api\u0000"`, "an empty string", `""`, "an empty array", `[]`, "an array of an empty string", `[""]`, "a wildcard", `"*"`, "the issuer", `"https://issuer.example"`,
		"this API followed by a line feed", `"deployment-api\n"`, "this API spelled with a homoglyph", `"deployment-арi"`, "this API spelled with a long s", `"depſoyment-api"`, "an array of 900 elements", `["`+strings.Repeat(`x","`, 900)+`y"]`) {
		r.add("audience", "T05 P11 R04 R07 Z01", aud, "aud is "+name, one("aud", text))
	}
	r.add("audience", "T05 P11 R04 R09", aud, "aud is missing", r.token(nil, members{"aud": nil}))
	for name, text := range pairs("null", `null`, "a number", `1`, "true", `true`, "an object", `{"deployment-api":true}`, "an array in an array", `[["deployment-api"]]`, "an array of null", `[null]`,
		"an array with null", `["deployment-api",null]`, "an array with a number", `["deployment-api",1]`, "an array with an object", `["deployment-api",{}]`) {
		r.add("claims", "T05 P11", aud, "aud is "+name, one("aud", text))
	}

	const iss = "RFC 9068 4; RFC 7519 4.1.1, 7.3; CVE-2025-30144"
	r.accepted("T04 R03", iss, "iss is equal to the issuer", r.token(nil, nil))
	r.accepted("T04", iss, "iss has escapes", one("iss", `"https:\/\/issuer.example"`))
	for name, text := range pairs("the issuer followed by a slash", `"https://issuer.example/"`, "the issuer with the host in upper case", `"https://ISSUER.EXAMPLE"`, "an http URL", `"http://issuer.example"`, "the beginning of the issuer", `"https://issuer.exampl"`,
		"the issuer as the beginning of another host", `"https://issuer.example.evil.example"`, "the issuer followed by a path", `"https://issuer.example/x"`, "the issuer followed by a port", `"https://issuer.example:443"`, "the issuer with percent-encoding", `"https://issuer%2Eexample"`,
		"the issuer spelled with a homoglyph", `"https://іssuer.example"`, "another host with the issuer as userinfo", `"https://issuer.example@evil.example"`, "the issuer with userinfo", `"https://x@issuer.example"`, "the issuer after a space", `" https://issuer.example"`,
		"the issuer followed by NUL", `"https://issuer.example\u0000"`, "the issuer followed by an empty fragment", `"https://issuer.example#"`, "the issuer followed by an empty query", `"https://issuer.example?"`, "an empty string", `""`, "another issuer", `"https://evil.example"`,
		"the issuer spelled with a combining accent", `"https://issue\u0301r.example"`, "the issuer with the scheme in upper case", `"HTTPS://issuer.example"`, "the issuer followed by a dot", `"https://issuer.example."`,
		"an array of one issuer", `["https://issuer.example"]`, "an array of two issuers", `["https://issuer.example","https://evil.example"]`, "null", `null`, "a number", `1`, "an object", `{}`, "true", `true`) {
		r.add("issuer", "T04 R03", iss, "iss is "+name, one("iss", text))
	}
	r.add("issuer", "T04 R03 R09", iss, "iss is missing", r.token(nil, members{"iss": nil}))

	const required = "RFC 9068 2.2"
	for _, name := range []string{"sub", "client_id", "iat", "jti"} {
		r.add("claims", "R09 P10 Z05", required, name+" is missing", r.token(nil, members{name: nil}))
		r.add("claims", "R09 T10", required, name+" is null", one(name, `null`))
		if name != "iat" {
			r.add("claims", "R09 T10 P10 Z05", "RFC 9068 2.2; RFC 7519 4.1.2, 4.1.7: values must be unique", name+" is an empty string", one(name, `""`))
		}
	}
	r.accepted("R09 T10", required, "all required claims are present", r.token(nil, nil))
	for name, text := range pairs("a number", `1`, "true", `true`, "an array", `["x"]`, "an object", `{}`) {
		r.add("claims", "R09", "RFC 7519 4.1.2", "sub is "+name, one("sub", text))
		r.add("claims", "T10 R09", "RFC 7519 4.1.7", "jti is "+name, one("jti", text))
		r.add("claims", "R09", "RFC 8693 4.3", "client_id is "+name, one("client_id", text))
	}
	r.accepted("Z05", "CWE-113; CWE-117", "sub has line breaks", one("sub", `"u\r\nSet-Cookie: a=b\u0000"`))
	r.accepted("P10 Z05", "RFC 9700 4.15", "sub differs from client_id", r.token(nil, members{"sub": "user-1"}))
	r.accepted("T10", "RFC 7519 4.1.7", "jti has 1000 characters", r.token(nil, members{"jti": strings.Repeat("j", 1000)}))

	const cnf = "RFC 7800 3.1; RFC 9449 7.2; RFC 8705 3"
	for name, text := range pairs("object with jkt", `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, "object with x5t#S256", `{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`,
		"object with jwk", `{"jwk":{"kty":"oct"}}`, "object with kid", `{"kid":"x"}`, "object with jwe", `{"jwe":"x"}`, "object with jku", `{"jku":"https://evil.example"}`, "object with an unknown member", `{"x":1}`, "object with kc-jkt-type", `{"kc-jkt-type":"x"}`,
		"empty object", `{}`, "null", `null`, "string", `"x"`, "number", `1`, "array", `[]`, "array of an object", `[{"jkt":"x"}]`, "true", `true`, "object with jkt, which is null", `{"jkt":null}`, "object with JKT", `{"JKT":"x"}`,
		"object with jwk and jku", `{"jwk":{},"jku":"x"}`) {
		r.add("binding", "P05 T03", cnf, "cnf has the value: "+name, one("cnf", text))
	}
	r.accepted("P05", cnf, "cnf is missing", r.token(nil, nil))
	r.accepted("P05", "RFC 7800 3.1; Keycloak", "cnf has only a member that Profile.InertConfirmation lists", one("cnf", `{"kc-jkt-type":"DPoP"}`), withVerifier("kc-jkt-type"))
	r.add("binding", "P05", cnf, "cnf has a member that Profile.InertConfirmation lists and a member that it does not list", one("cnf", `{"kc-jkt-type":"DPoP","jkt":"x"}`), withVerifier("kc-jkt-type"))
	r.add("binding", "P05", cnf, "cnf is empty, and Profile.InertConfirmation lists a member", one("cnf", `{}`), withVerifier("kc-jkt-type"))
	r.add("malformed", "P05 T02", cnf, "cnf contains a member twice", r.tokenWithClaims(`{"cnf":{"kc-jkt-type":"x","kc-jkt-type":"x"},`+validClaims()+`}`), withVerifier("kc-jkt-type"))
}
