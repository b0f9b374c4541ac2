package main

import (
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// repeat appends text to the token several times. The vector file contains the text and
// the number of times, because the whole token is too long for the file.
func repeat(text string, times int) change {
	return func(v *conformance.Vector) { v.Append = &conformance.Repeat{Text: text, Times: times} }
}

// formRows adds texts that are not a compact JWS, and tokens whose parts are not canonical
// base64url.
func formRows(r *rows) {
	good := r.token(nil, nil)
	h, p, s := split(good)
	const compact = "RFC 7515 7.1"
	r.ok("J01 J02 P17 T13 P18 R02", compact, "three parts", good)
	r.add("malformed", "J01", compact, "no dot", "token")
	r.add("malformed", "J01", compact, "one dot", h+"."+p)
	r.add("malformed", "J01", compact, "three dots", good+".")
	r.add("malformed", "J01", compact, "leading dot", "."+good)
	r.add("malformed", "J01", compact, "two dots alone", "..")
	r.add("malformed", "J01", compact, "empty header", "."+p+"."+s)
	r.add("malformed", "J01 T01", compact, "empty payload", h+".."+s)
	r.add("malformed", "J01", "CVE-2025-30204", "only dots", ".", repeat(".", 1<<20))
	r.add("malformed", "J01", "CVE-2025-27144; CVE-2025-22868", "good token, then dots", good, repeat(".", 1<<20))
	r.add("malformed", "J01", "CVE-2025-30204", "good token, then dots, below the limit", good, repeat(".", 8<<10))
	r.add("malformed", "J01", "CVE-2025-30204", "a long header", h, repeat("A", 1<<20))
	r.add("malformed", "J01", "CVE-2025-30204", "a long signature", good, repeat("A", 1<<20))
	r.add("malformed", "J01", "size cap", "64 KiB", h+"."+p+".", repeat("A", 64<<10))

	const jwe = "RFC 7519 5.2; RFC 8725 3.3; CVE-2023-51774"
	dir := b64.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}`))
	r.add("malformed", "J01 T13 P18 R02", jwe, "JWE", dir+".AAAA.BBBB.CCCC.DDDD")
	r.add("malformed", "J01 T13 P18 R02", "CVE-2026-34986", "JWE with an empty key", dir+"..BBBB.CCCC.DDDD")
	r.add("malformed", "T13 P18", "CVE-2026-29000", "JWE around a token with alg none", dir+"..BBBB."+b64.EncodeToString([]byte(good))+".DDDD")
	r.add("malformed", "P15 P16 T13", "CVE-2024-33664; RFC 8725bis 3.13, 3.15", "JWE, password-based, many rounds, compressed",
		b64.EncodeToString([]byte(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"p2s":"AA","enc":"A128GCM","zip":"DEF"}`))+".AAAA.BBBB.CCCC.DDDD")
	r.ok("P15 P16", "RFC 8725bis 3.13", "not a JWE", good)
	r.add("malformed", "R02 P18", "RFC 9068 4", "JWE around the parts of a good token",
		b64.EncodeToString([]byte(`{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"at+jwt","kid":"rsa-1"}`))+"."+p+"."+s+"."+p+"."+s)
	for _, cty := range []string{"JWT", "jwt", "application/jwt"} {
		r.add("malformed", "T13", "RFC 7519 5.2", "nested, cty "+cty,
			r.compact("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", members{"cty": cty}), []byte(good)))
	}
	r.add("malformed", "T13", "RFC 7519 5.2", "cty JWT over claims", r.token(members{"cty": "JWT"}, nil))
	r.ok("T13", "RFC 7515 4.1.10", "cty json", r.token(members{"cty": "json"}, nil))

	const json = "RFC 7515 7.2; RFC 8725bis 3.14"
	r.request("J01 P17 B02", json, "JSON serialization", `{"protected":"`+h+`","payload":"`+p+`","signature":"`+s+`"}`)
	r.request("J01 P17 B02", json, "JSON serialization, general", `{"payload":"`+p+`","signatures":[{"protected":"`+h+`","signature":"`+s+`"}]}`)

	const text = "RFC 7515 2; RFC 4648 3.3"
	for name, bad := range pairs("space", " ", "tab", "\t", "CR", "\r", "LF", "\n", "CRLF", "\r\n", "NUL", "\x00", "BOM", "\ufeff", "NBSP", "\u00a0",
		"quote", `"`, "percent", "%2E", "comma", ",", "semicolon", ";", "backslash", `\`, "brace", "{", "non-ASCII", "é", "DEL", "\x7f") {
		for where, token := range pairs("before the token", bad+good, "after the token", good+bad, "in the header", h[:4]+bad+h[4:]+"."+p+"."+s,
			"in the claims", h+"."+p+bad+"."+s, "in the signature", h+"."+p+"."+s[:8]+bad+s[8:]) {
			switch {
			case name == "space" && where == "before the token":
				continue // several spaces after the scheme are allowed
			case (where == "in the header" || where == "before the token") && len(bad) > 1:
				continue
			}
			r.request("J02 P17 B02", text, name+" "+where, token)
		}
	}
	const alphabet = "RFC 7515 2; RFC 4648 5"
	for name, bad := range pairs("plus", "+", "slash", "/", "tilde", "~") {
		r.add("malformed", "J02 P17", alphabet, name+" in the header", bad+h[1:]+"."+p+"."+s)
		r.add("malformed", "J02 P17", alphabet, name+" in the claims", h+"."+bad+p[1:]+"."+s)
		r.add("malformed", "J02 P17", alphabet, name+" in the signature", h+"."+p+"."+bad+s[1:])
	}
	r.add("malformed", "J02 P17", alphabet, "padding", good+"==")
	r.add("malformed", "J02 P17", alphabet, "padding, one equals sign", good+"=")
	r.request("J02 P17", alphabet, "padding in the header", h+"="+"."+p+"."+s)
	r.request("J02 P17", alphabet, "padding in the claims", h+"."+p+"=."+s)
	r.add("malformed", "J02", "RFC 4648 3.5", "part with one character too many", good+"AAA"[:(5-len(s)%4)%4])
	trailingBits(r, good)
}

// trailingBits adds tokens with a part whose unused bits, after the last byte, are not zero.
func trailingBits(r *rows, good string) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	h, p, s := split(good)
	last := func(part string) string {
		i := strings.IndexByte(alphabet, part[len(part)-1])
		return part[:len(part)-1] + string(alphabet[i^1])
	}
	const source = "RFC 4648 3.5; Wycheproof json_web_signature 375"
	r.add("malformed", "J02", source, "trailing bits of the signature", h+"."+p+"."+last(s))
	// Each space makes the header and the claims longer. At two of three lengths, a part has
	// unused bits.
	for _, pad := range []string{"", " ", "  "} {
		odd := r.compact("ed25519-1", "EdDSA", append(header("EdDSA", "ed25519-1", nil), pad...), append(claims(nil), pad...))
		h, p, s := split(odd)
		if len(p)%4 != 0 {
			r.add("malformed", "J02", source, "trailing bits of the claims, "+strconv.Itoa(len(pad))+" spaces", h+"."+last(p)+"."+s)
			in := h + "." + last(p)
			r.add("malformed", "J02", source, "trailing bits of the claims, signed, "+strconv.Itoa(len(pad))+" spaces", in+"."+b64.EncodeToString(sign(r.keys["ed25519-1"], "EdDSA", in)))
		}
		if len(h)%4 != 0 {
			r.add("malformed", "J02", source, "trailing bits of the header, "+strconv.Itoa(len(pad))+" spaces", last(h)+"."+p+"."+s)
			key := r.keys["ed25519-1"]
			in := last(h) + "." + p
			r.add("malformed", "J02", source, "trailing bits of the header, signed, "+strconv.Itoa(len(pad))+" spaces", in+"."+b64.EncodeToString(sign(key, "EdDSA", in)))
		}
	}
}
