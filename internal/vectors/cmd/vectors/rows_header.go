package main

import (
	"maps"
	"slices"
	"strings"
)

// headerRows adds header members other than alg and kid.
func headerRows(r *rows) {
	const critical = "RFC 7515 4.1.11; CVE-2025-59420; CVE-2026-32597; CVE-2026-35042"
	crits := map[string]members{
		"unknown":                  {"crit": []string{"x-policy"}, "x-policy": 1},
		"unknown and absent":       {"crit": []string{"x-policy"}},
		"exp":                      {"crit": []string{"exp"}, "exp": later},
		"registered names":         {"crit": []string{"alg", "kid"}},
		"typ":                      {"crit": []string{"typ"}},
		"crit itself":              {"crit": []string{"crit"}},
		"twice":                    {"crit": []string{"x", "x"}, "x": 1},
		"empty":                    {"crit": []string{}},
		"a string":                 {"crit": "exp"},
		"a number":                 {"crit": 1},
		"null":                     {"crit": raw("null")},
		"an object":                {"crit": members{}},
		"array of numbers":         {"crit": []int{1}},
		"array of null":            {"crit": raw("[null]")},
		"array of an empty string": {"crit": []string{""}},
		"false":                    {"crit": false},
	}
	for _, name := range slices.Sorted(maps.Keys(crits)) {
		r.add("malformed", "J07 J08 J09 J10", critical, "crit "+name, r.token(crits[name], nil))
	}
	r.ok("J07 J08 J09 J10", "RFC 7515 4", "no crit", r.token(nil, nil))
	r.ok("J10 J07", "RFC 7515 4; names are exact", "CRIT is unknown", r.token(members{"CRIT": []string{"x"}}, nil))

	const b64 = "RFC 7797 6, 7"
	plain := func(h members) string {
		in := encode(header("EdDSA", "ed25519-1", h)) + "." + string(claims(nil))
		return in + "." + encode(sign(r.keys["ed25519-1"], "EdDSA", in))
	}
	r.request("J17", b64, "b64 false and critical, raw payload", plain(members{"b64": false, "crit": []string{"b64"}}))
	r.add("malformed", "J17", b64, "b64 false and critical, encoded payload", r.token(members{"b64": false, "crit": []string{"b64"}}, nil))
	r.add("malformed", "J17", b64, "b64 true and critical", r.token(members{"b64": true, "crit": []string{"b64"}}, nil))
	r.add("malformed", "J17", b64, "b64 false", r.token(members{"b64": false}, nil))
	r.add("malformed", "J17", b64, "b64 true", r.token(members{"b64": true}, nil))
	r.add("malformed", "J17", b64, "b64 null", r.token(members{"b64": raw("null")}, nil))
	r.ok("J17", b64, "no b64", r.token(nil, nil))
	r.add("malformed", "J09 P16", "RFC 7516 4.1.3; CVE-2024-33664", "zip", r.token(members{"zip": "DEF"}, nil))
	r.add("malformed", "J09 T13", "RFC 7516 4.1.2", "enc", r.token(members{"enc": "A256GCM"}, nil))

	const ignored = "RFC 7515 4"
	others := map[string]members{
		"unknown member": {"x": 1}, "unknown object": {"x": members{"y": []int{1}}}, "unknown null": {"x": raw("null")},
		"x5t": {"x5t": "AAAA"}, "nonce": {"nonce": "x"}, "url": {"url": "https://evil.example"},
		"nonce that is a number": {"nonce": 5}, "jwk that is a secret": {"jwk": members{"kty": "oct", "k": "AAAA"}}, "x5c that is no certificate": {"x5c": []string{"MIIB"}}, "unknown number with a huge exponent": {"x": raw("1e999")},
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		r.ok("J10", ignored, name, r.token(others[name], nil))
	}

	const typ = "RFC 9068 4; RFC 8725 3.11; RFC 7515 4.1.9"
	for name, value := range pairs("at+jwt", "at+jwt", "AT+JWT", "AT+JWT", "at+JWT", "at+JWT", "application/at+jwt", "application/at+jwt",
		"Application/AT+jwt", "Application/AT+jwt") {
		r.ok("R01 J14 P13 P14 R11", typ, "typ "+name, r.token(members{"typ": value}, nil))
	}
	for name, value := range pairs(
		"JWT", `"JWT"`, "jwt", `"jwt"`, "JOSE", `"JOSE"`, "dpop+jwt", `"dpop+jwt"`, "logout+jwt", `"logout+jwt"`, "secevent+jwt", `"secevent+jwt"`,
		"token-introspection+jwt", `"token-introspection+jwt"`, "oauth-authz-req+jwt", `"oauth-authz-req+jwt"`, "client-authentication+jwt", `"client-authentication+jwt"`,
		"vc+sd-jwt", `"vc+sd-jwt"`, "id_token+jwt", `"id_token+jwt"`, "with a parameter", `"at+jwt;v=1"`, "with a space", `"at+jwt "`, "prefix", `"at+jw"`,
		"longer", `"at+jwts"`, "text/at+jwt", `"text/at+jwt"`, "application twice", `"application/application/at+jwt"`, "application alone", `"application/"`,
		"leading slash", `"/at+jwt"`, "empty", `""`, "dotted I", `"appl\u0130cation/at+jwt"`, "plus written as a space", `"at jwt"`,
		"array", `["at+jwt"]`, "null", `null`, "number", `1`, "object", `{}`,
	) {
		r.add("type", "R01 J14 P13", typ, "typ "+name, r.token(members{"typ": raw(value)}, nil))
	}
	r.add("type", "R01 P13", typ, "typ missing", r.token(members{"typ": nil}, nil))
	r.ok("R01", typ, "typ missing, allowed by configuration", r.token(members{"typ": nil}, nil), with("typ-optional"))
	r.add("type", "R01", typ, "typ empty, missing typ allowed", r.token(members{"typ": ""}, nil), with("typ-optional"))
	r.add("type", "R01", typ, "TYP instead of typ", r.token(members{"typ": nil, "TYP": "at+jwt"}, nil))
	r.ok("R01", "the vendor's tokens", "typ JWT, Scalekit", r.token(members{"typ": "JWT"}, members{"oid": "org_1"}), with("scalekit"))
	r.add("type", "R01 P13", typ, "typ dpop+jwt, Scalekit", r.token(members{"typ": "dpop+jwt"}, members{"oid": "org_1"}), with("scalekit"))

	id := members{"nonce": "n", "at_hash": "x", "azp": "client-1", "auth_time": now, "aud": "client-1"}
	r.add("type", "P13 P14 R11", "RFC 8725 3.12", "ID token", r.token(members{"typ": "JWT"}, id))
	r.add("type", "P13 P14", "RFC 8725 3.12", "ID token without typ", r.token(members{"typ": nil}, id))
	r.add("audience", "P14 P11", "RFC 8725 3.12", "ID token with typ at+jwt", r.token(nil, id))
	r.add("type", "P13 P14", "RFC 9449 4.2", "DPoP proof", r.token(members{"typ": "dpop+jwt", "jwk": r.keys.jwk("ed25519-1", "x", nil)},
		members{"htm": "GET", "htu": "https://api.example/"}))
	r.add("type", "P13 P14", "OpenID Connect Back-Channel Logout 2.4", "logout token", r.token(members{"typ": "logout+jwt"},
		members{"events": members{"http://schemas.openid.net/event/backchannel-logout": members{}}, "sid": "s"}))

	const replicated = "RFC 7519 5.3"
	r.ok("T11", replicated, "iss, sub and aud in the header, equal", r.token(members{"iss": issuer, "sub": "client-1", "aud": []string{audience}}, nil))
	r.ok("T11", replicated, "aud in the header, equal with a space", r.token(members{"aud": raw(`[ "deployment-api" ]`)}, nil))
	r.add("claims", "T11", replicated, "iss in the header, different", r.token(members{"iss": "https://evil.example"}, nil))
	r.add("claims", "T11", replicated, "sub in the header, different", r.token(members{"sub": "admin"}, nil))
	r.add("claims", "T11", replicated, "aud in the header, different", r.token(members{"aud": []string{"other-api"}}, nil))
	r.add("claims", "T11", replicated, "aud in the header, a string instead of an array", r.token(members{"aud": audience}, nil))
	r.add("claims", "T11", replicated, "sub in the header, null", r.token(members{"sub": raw("null")}, nil))
	r.add("malformed", "J01", "size cap", "a header of 20 KiB", r.token(members{"x": strings.Repeat("x", 15<<10)}, nil))
}

func encode(b []byte) string { return b64.EncodeToString(b) }
