package main

import (
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// appended appends text to the token several times. The vector file contains the text and
// the number of times, because the whole token is too long for the file.
func appended(text string, times int) option {
	return func(v *conformance.Vector) { v.Append = &conformance.Repeat{Text: text, Times: times} }
}

// formRows adds rows with texts that are not a compact JWS. It also adds rows with tokens
// whose parts are not canonical base64url.
func formRows(r *rows) {
	valid := r.token(nil, nil)
	h, p, s := split(valid)
	const compact = "RFC 7515 7.1"
	r.accepted("J01 J02 P17 T13 P18 R02", compact, "three parts", valid)
	r.add("malformed", "J01", compact, "text without a dot", "token")
	r.add("malformed", "J01", compact, "one dot", h+"."+p)
	r.add("malformed", "J01", compact, "three dots", valid+".")
	r.add("malformed", "J01", compact, "dot before the token", "."+valid)
	r.add("malformed", "J01", compact, "only two dots", "..")
	r.add("malformed", "J01", compact, "empty header", "."+p+"."+s)
	r.add("malformed", "J01 T01", compact, "empty payload", h+".."+s)
	r.add("malformed", "J01", "CVE-2025-30204", "1 MiB of dots", ".", appended(".", 1<<20))
	r.add("malformed", "J01", "CVE-2025-27144; CVE-2025-22868", "valid token and 1 MiB of dots", valid, appended(".", 1<<20))
	r.add("malformed", "J01", "CVE-2025-30204", "valid token and 8 KiB of dots", valid, appended(".", 8<<10))
	r.add("malformed", "J01", "CVE-2025-30204", "header of 1 MiB", h, appended("A", 1<<20))
	r.add("malformed", "J01", "CVE-2025-30204", "signature of 1 MiB", valid, appended("A", 1<<20))
	r.add("malformed", "J01", "size limit", "signature of 64 KiB", h+"."+p+".", appended("A", 64<<10))

	const jwe = "RFC 7519 5.2; RFC 8725 3.3; CVE-2023-51774"
	dir := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}`))
	r.add("malformed", "J01 T13 P18 R02", jwe, "JWE", dir+".AAAA.BBBB.CCCC.DDDD")
	r.add("malformed", "J01 T13 P18 R02", "CVE-2026-34986", "JWE with an empty key", dir+"..BBBB.CCCC.DDDD")
	r.add("malformed", "T13 P18", "CVE-2026-29000", "JWE that contains a token", dir+"..BBBB."+b64.EncodeToString([]byte(valid))+".DDDD")
	r.add("malformed", "P15 P16 T13", "CVE-2024-33664; RFC 8725bis 3.13, 3.15", "compressed JWE with a password and 2147483647 rounds",
		b64.EncodeToString([]byte(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"p2s":"AA","enc":"A128GCM","zip":"DEF"}`))+".AAAA.BBBB.CCCC.DDDD")
	r.accepted("P15 P16", "RFC 8725bis 3.13", "valid token that is not a JWE", valid)
	r.add("malformed", "R02 P18", "RFC 9068 4", "JWE that contains the parts of a valid token",
		b64.EncodeToString([]byte(`{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"at+jwt","kid":"rsa-1"}`))+"."+p+"."+s+"."+p+"."+s)
	for _, cty := range []string{"JWT", "jwt", "application/jwt"} {
		r.add("malformed", "T13", "RFC 7519 5.2", "token in a token, cty is "+cty,
			r.sign("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", members{"cty": cty}), []byte(valid)))
	}
	r.add("malformed", "T13", "RFC 7519 5.2", "cty is JWT, but the payload is a claims set", r.token(members{"cty": "JWT"}, nil))
	r.accepted("T13", "RFC 7515 4.1.10", "cty is json", r.token(members{"cty": "json"}, nil))

	const json = "RFC 7515 7.2; RFC 8725bis 3.14"
	r.badRequest("J01 P17 B02", json, "flattened JSON serialization", `{"protected":"`+h+`","payload":"`+p+`","signature":"`+s+`"}`)
	r.badRequest("J01 P17 B02", json, "general JSON serialization", `{"payload":"`+p+`","signatures":[{"protected":"`+h+`","signature":"`+s+`"}]}`)

	const text = "RFC 7515 2; RFC 4648 3.3"
	for name, bad := range pairs("space", " ", "tab", "\t", "CR", "\r", "LF", "\n", "CRLF", "\r\n", "NUL", "\x00", "BOM", "\ufeff", "NBSP", "\u00a0",
		"quote", `"`, "percent", "%2E", "comma", ",", "semicolon", ";", "backslash", `\`, "brace", "{", "non-ASCII", "é", "DEL", "\x7f") {
		for where, token := range pairs("before the token", bad+valid, "after the token", valid+bad, "in the header", h[:4]+bad+h[4:]+"."+p+"."+s,
			"in the claims", h+"."+p+bad+"."+s, "in the signature", h+"."+p+"."+s[:8]+bad+s[8:]) {
			switch {
			case name == "space" && where == "before the token":
				continue // the guards accept several spaces after the scheme
			case (where == "in the header" || where == "before the token") && len(bad) > 1:
				continue
			}
			r.badRequest("J02 P17 B02", text, name+" "+where, token)
		}
	}
	const alphabet = "RFC 7515 2; RFC 4648 5"
	for name, bad := range pairs("plus", "+", "slash", "/", "tilde", "~") {
		r.add("malformed", "J02 P17", alphabet, name+" in the header", bad+h[1:]+"."+p+"."+s)
		r.add("malformed", "J02 P17", alphabet, name+" in the claims", h+"."+bad+p[1:]+"."+s)
		r.add("malformed", "J02 P17", alphabet, name+" in the signature", h+"."+p+"."+bad+s[1:])
	}
	r.add("malformed", "J02 P17", alphabet, "padding of two characters", valid+"==")
	r.add("malformed", "J02 P17", alphabet, "padding of one character", valid+"=")
	r.badRequest("J02 P17", alphabet, "padding in the header", h+"="+"."+p+"."+s)
	r.badRequest("J02 P17", alphabet, "padding in the claims", h+"."+p+"=."+s)
	r.add("malformed", "J02", "RFC 4648 3.5", "signature with one character too many", valid+"AAA"[:(5-len(s)%4)%4])
	trailingBits(r, valid)
}

// trailingBits adds rows with tokens that are not canonical base64url. In one part of each
// token, the unused bits after the last byte are not zero.
func trailingBits(r *rows, valid string) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	h, p, s := split(valid)
	last := func(part string) string {
		i := strings.IndexByte(alphabet, part[len(part)-1])
		return part[:len(part)-1] + string(alphabet[i^1])
	}
	const source = "RFC 4648 3.5; Wycheproof json_web_signature 375"
	r.add("malformed", "J02", source, "unused bits of the signature are not zero", h+"."+p+"."+last(s))
	// The spaces change the lengths of the header and the claims, because a part has unused
	// bits only at two of three lengths.
	for _, pad := range []string{"", " ", "  "} {
		odd := r.sign("ed25519-1", "EdDSA", append(header("EdDSA", "ed25519-1", nil), pad...), append(claims(nil), pad...))
		h, p, s := split(odd)
		if len(p)%4 != 0 {
			r.add("malformed", "J02", source, "unused bits of the claims are not zero, spaces after the claims: "+strconv.Itoa(len(pad)), h+"."+last(p)+"."+s)
			in := h + "." + last(p)
			r.add("malformed", "J02", source, "unused bits of the signed claims are not zero, spaces after the claims: "+strconv.Itoa(len(pad)), in+"."+b64.EncodeToString(signBytes(r.keys["ed25519-1"], "EdDSA", in)))
		}
		if len(h)%4 != 0 {
			r.add("malformed", "J02", source, "unused bits of the header are not zero, spaces after the header: "+strconv.Itoa(len(pad)), last(h)+"."+p+"."+s)
			key := r.keys["ed25519-1"]
			in := last(h) + "." + p
			r.add("malformed", "J02", source, "unused bits of the signed header are not zero, spaces after the header: "+strconv.Itoa(len(pad)), in+"."+b64.EncodeToString(signBytes(key, "EdDSA", in)))
		}
	}
}
