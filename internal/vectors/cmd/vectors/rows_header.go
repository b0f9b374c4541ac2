package main

import (
	"bytes"
	"compress/flate"
	"maps"
	"slices"
	"strings"
)

// headerRows adds rows with header members other than alg and kid.
func headerRows(r *rows) {
	const critical = "RFC 7515 4.1.11; CVE-2025-59420; CVE-2026-32597; CVE-2026-35042"
	crits := map[string]members{
		"lists an unknown member":        {"crit": []string{"x-policy"}, "x-policy": 1},
		"lists a missing member":         {"crit": []string{"x-policy"}},
		"lists exp":                      {"crit": []string{"exp"}, "exp": farFuture},
		"lists registered names":         {"crit": []string{"alg", "kid"}},
		"lists typ":                      {"crit": []string{"typ"}},
		"lists crit":                     {"crit": []string{"crit"}},
		"lists a member twice":           {"crit": []string{"x", "x"}, "x": 1},
		"is an empty array":              {"crit": []string{}},
		"is a string":                    {"crit": "exp"},
		"is a number":                    {"crit": 1},
		"is null":                        {"crit": raw("null")},
		"is an object":                   {"crit": members{}},
		"is an array of numbers":         {"crit": []int{1}},
		"is an array of null":            {"crit": raw("[null]")},
		"is an array of an empty string": {"crit": []string{""}},
		"is false":                       {"crit": false},
	}
	for _, name := range slices.Sorted(maps.Keys(crits)) {
		r.add("malformed", "J07 J08 J09 J10", critical, "crit "+name, r.token(crits[name], nil))
	}
	r.accepted("J07 J08 J09 J10", "RFC 7515 4", "crit is missing", r.token(nil, nil))
	r.accepted("J10 J07", "RFC 7515 4; names are compared exactly", "CRIT is an unknown member", r.token(members{"CRIT": []string{"x"}}, nil))

	const b64 = "RFC 7797 6, 7"
	withRawPayload := func(h members) string {
		in := encode(header("EdDSA", "ed25519-1", h)) + "." + string(claims(nil))
		return in + "." + encode(signBytes(r.keys["ed25519-1"], "EdDSA", in))
	}
	r.badRequest("J17", b64, "b64 is false and critical, payload is not encoded", withRawPayload(members{"b64": false, "crit": []string{"b64"}}))
	r.add("malformed", "J17", b64, "b64 is false and critical, payload is encoded", r.token(members{"b64": false, "crit": []string{"b64"}}, nil))
	r.add("malformed", "J17", b64, "b64 is true and critical", r.token(members{"b64": true, "crit": []string{"b64"}}, nil))
	r.add("malformed", "J17", b64, "b64 is false", r.token(members{"b64": false}, nil))
	r.add("malformed", "J17", b64, "b64 is true", r.token(members{"b64": true}, nil))
	r.add("malformed", "J17", b64, "b64 is null", r.token(members{"b64": raw("null")}, nil))
	r.accepted("J17", b64, "b64 is missing", r.token(nil, nil))
	zipRows(r)
	r.add("malformed", "J09 T13", "RFC 7516 4.1.2", "header has enc", r.token(members{"enc": "A256GCM"}, nil))

	const ignored = "RFC 7515 4"
	others := map[string]members{
		"unknown member": {"x": 1}, "unknown member that is an object": {"x": members{"y": []int{1}}}, "unknown member that is null": {"x": raw("null")},
		"x5t": {"x5t": "AAAA"}, "nonce": {"nonce": "x"}, "url": {"url": "https://evil.example"},
		"nonce that is a number": {"nonce": 5}, "jwk that is a secret": {"jwk": members{"kty": "oct", "k": "AAAA"}}, "x5c that is no certificate": {"x5c": []string{"MIIB"}}, "unknown member with a huge exponent": {"x": raw("1e999")},
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		r.accepted("J10", ignored, "header member: "+name, r.token(others[name], nil))
	}

	const typ = "RFC 9068 4; RFC 8725 3.11; RFC 7515 4.1.9"
	for name, value := range pairs("at+jwt", "at+jwt", "AT+JWT", "AT+JWT", "at+JWT", "at+JWT", "application/at+jwt", "application/at+jwt",
		"Application/AT+jwt", "Application/AT+jwt") {
		r.accepted("R01 J14 P13 P14 R11", typ, "typ is "+name, r.token(members{"typ": value}, nil))
	}
	for name, value := range pairs(
		"JWT", `"JWT"`, "jwt", `"jwt"`, "JOSE", `"JOSE"`, "dpop+jwt", `"dpop+jwt"`, "logout+jwt", `"logout+jwt"`, "secevent+jwt", `"secevent+jwt"`,
		"token-introspection+jwt", `"token-introspection+jwt"`, "oauth-authz-req+jwt", `"oauth-authz-req+jwt"`, "client-authentication+jwt", `"client-authentication+jwt"`,
		"vc+sd-jwt", `"vc+sd-jwt"`, "id_token+jwt", `"id_token+jwt"`, "at+jwt with a parameter", `"at+jwt;v=1"`, "at+jwt and a space", `"at+jwt "`, "the beginning of at+jwt", `"at+jw"`,
		"longer than at+jwt", `"at+jwts"`, "text/at+jwt", `"text/at+jwt"`, "at+jwt with application/ twice", `"application/application/at+jwt"`, "only application/", `"application/"`,
		"at+jwt after a slash", `"/at+jwt"`, "an empty string", `""`, "application/at+jwt with a dotted I", `"appl\u0130cation/at+jwt"`, "at+jwt with a space instead of the plus", `"at jwt"`,
	) {
		r.add("type", "R01 J14 P13", typ, "typ is "+name, r.token(members{"typ": raw(value)}, nil))
	}
	for name, value := range pairs("an array", `["at+jwt"]`, "null", `null`, "a number", `1`, "an object", `{}`) {
		r.add("type", "R01 J14 P13", typ, "typ is "+name, r.token(members{"typ": raw(value)}, nil), notVerified) // such a header cannot be read
	}
	r.add("type", "R01 P13", typ, "typ is missing", r.token(members{"typ": nil}, nil))
	r.accepted("R01", typ, "typ is missing, and the configuration allows this", r.token(members{"typ": nil}, nil), withVerifier("typ-optional"))
	r.add("type", "R01", typ, "typ is empty, and the configuration allows a missing typ", r.token(members{"typ": ""}, nil), withVerifier("typ-optional"))
	r.add("type", "R01", typ, "TYP instead of typ", r.token(members{"typ": nil, "TYP": "at+jwt"}, nil))
	r.accepted("R01", "tokens of the vendor", "typ is JWT, profile is Scalekit", r.token(members{"typ": "JWT"}, members{"oid": "org_1"}), withVerifier("scalekit"))
	r.add("type", "R01 P13", typ, "typ is dpop+jwt, profile is Scalekit", r.token(members{"typ": "dpop+jwt"}, members{"oid": "org_1"}), withVerifier("scalekit"))

	id := members{"nonce": "n", "at_hash": "x", "azp": "client-1", "auth_time": now, "aud": "client-1"}
	r.add("type", "P13 P14 R11", "RFC 8725 3.12", "ID token", r.token(members{"typ": "JWT"}, id))
	r.add("type", "P13 P14", "RFC 8725 3.12", "ID token without typ", r.token(members{"typ": nil}, id))
	r.add("audience", "P14 P11", "RFC 8725 3.12", "ID token with typ at+jwt", r.token(nil, id))
	r.add("type", "P13 P14", "RFC 9449 4.2", "DPoP proof", r.token(members{"typ": "dpop+jwt", "jwk": r.keys.jwk("ed25519-1", "x", nil)},
		members{"htm": "GET", "htu": "https://api.example/"}))
	r.add("type", "P13 P14", "OpenID Connect Back-Channel Logout 2.4", "logout token", r.token(members{"typ": "logout+jwt"},
		members{"events": members{"http://schemas.openid.net/event/backchannel-logout": members{}}, "sid": "s"}))

	const replicated = "RFC 7519 5.3"
	r.accepted("T11", replicated, "iss, sub and aud in the header are equal to the claims", r.token(members{"iss": issuer, "sub": "client-1", "aud": []string{audience}}, nil))
	r.accepted("T11", replicated, "aud in the header is equal to the claim, except for white space", r.token(members{"aud": raw(`[ "deployment-api" ]`)}, nil))
	r.add("claims", "T11", replicated, "iss in the header differs from the claim", r.token(members{"iss": "https://evil.example"}, nil))
	r.add("claims", "T11", replicated, "sub in the header differs from the claim", r.token(members{"sub": "admin"}, nil))
	r.add("claims", "T11", replicated, "aud in the header differs from the claim", r.token(members{"aud": []string{"other-api"}}, nil))
	r.add("claims", "T11", replicated, "aud in the header is a string, the claim is an array", r.token(members{"aud": audience}, nil))
	r.add("claims", "T11", replicated, "sub in the header is null", r.token(members{"sub": raw("null")}, nil))
	r.add("malformed", "J01", "size limit", "header of 20 KiB", r.token(members{"x": strings.Repeat("x", 15<<10)}, nil))
}

// zipRows adds rows with "zip" in the header of a signed token, where it has no meaning.
func zipRows(r *rows) {
	const zip = "RFC 7515 4; RFC 7516 4.1.3"
	for name, value := range pairs("NONE, as ForgeRock writes it", `"NONE"`, "DEF", `"DEF"`, "an empty string", `""`, "null", "null", "a number", "1", "an array", `["DEF"]`, "an object", `{"zip":"DEF"}`) {
		r.accepted("J09 J10", zip, "zip is "+name, r.token(members{"zip": raw(value)}, nil))
	}
	r.add("malformed", "J07 J09", "RFC 7515 4.1.11", "zip is NONE and critical", r.token(members{"zip": "NONE", "crit": []string{"zip"}}, nil))
	r.add("malformed", "J17 J09", "RFC 7797 6, 7", "zip is NONE, and b64 is true", r.token(members{"zip": "NONE", "b64": true}, nil))
	r.add("malformed", "J09 T13", "RFC 7516 4.1.2", "zip is DEF, and header has enc", r.token(members{"zip": "DEF", "enc": "A256GCM"}, nil))

	var packed bytes.Buffer
	deflate, _ := flate.NewWriter(&packed, flate.BestCompression) // the level is valid
	_, _ = deflate.Write(claims(nil))                             // a bytes.Buffer returns no error
	_ = deflate.Close()
	in := encode(header("EdDSA", "ed25519-1", members{"zip": "DEF"})) + "." + encode(packed.Bytes())
	r.add("malformed", "J09 P16", zip+"; CVE-2024-33664", "zip is DEF, and the claims are compressed", in+"."+encode(signBytes(r.keys["ed25519-1"], "EdDSA", in)))
}

func encode(b []byte) string { return b64.EncodeToString(b) }
