package main

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// jsonRows adds rows with headers and claims that two parsers can read differently.
func jsonRows(r *rows) {
	const object = "RFC 7519 7.2; RFC 7515 5.2 (3)"
	// Each % stands for the members of a valid object.
	for name, text := range pairs(
		"null", `null`, "array", `[]`, "object in an array", `[{%}]`, "string", `"x"`, "number", `1`, "true", `true`, "only a space", ` `, "only a brace", `{`,
		"object that is cut off", `{%`, "two objects", `{%}{%}`, "data after the object", `{%}x`, "empty object after the object", `{%}{}`, "NUL after the object", "{%}\x00", "comma after the object", `{%},`,
		"data before the object", `x{%}`, "comma after the last member", `{%,}`, "comment", `{/* x */%}`, "line comment", "{%}// x", "hash comment", "{%}# x",
		"single quotes", `{'x':1,%}`, "name without quotes", `{x:1,%}`, "semicolon between members", `{"x":1;%}`, "name without a colon", `{"x" 1,%}`, "BOM before the object", "\ufeff{%}",
		"XML", `<xml/>`, "form feed before the object", "\f{%}", "NBSP before the object", "\u00a0{%}", "vertical tab before the object", "\v{%}", "line separator before the object", "\u2028{%}",
		"control character in a string", "{\"x\":\"a\nb\",%}", "tab in a string", "{\"x\":\"a\tb\",%}", "NUL in a string", "{\"x\":\"\x00\",%}",
		"invalid escape", `{"x":"\x41",%}`, "invalid Unicode escape", `{"x":"\u12",%}`, "NaN", `{"x":NaN,%}`, "Infinity", `{"x":Infinity,%}`,
		"minus Infinity", `{"x":-Infinity,%}`, "hexadecimal number", `{"x":0x1,%}`, "number with a leading zero", `{"x":01,%}`, "number with a plus sign", `{"x":+1,%}`, "number that begins with a dot", `{"x":.5,%}`,
		"bare letter", `{"x":y,%}`, "letter after a number", `{"x":1y,%}`, "letter after true", `{"x":truey,%}`, "object that is not closed", `{"x":{y,%}`,
		"array that is not closed", `{"x":[y,%}`, "object closed as an array", `{"x":{],%}`, "array closed as an object", `{"x":[},%}`, "string that is not closed", `{"x":"y,%}`,
		"comma after an element", `{"x":[1,],%}`, "comma after a nested member", `{"x":{"y":1,},%}`, "comma before an element", `{"x":[,1],%}`, "two commas", `{"x":1,,%}`,
		"number that ends with a dot", `{"x":1.,%}`, "exponent without digits", `{"x":1e,%}`, "True", `{"x":True,%}`, "undefined", `{"x":undefined,%}`,
	) {
		r.add("malformed", "T01 P08", object, "claims: "+name, r.tokenWithClaims(strings.ReplaceAll(text, "%", validClaims())))
		r.add("malformed", "J03 P08", object, "header: "+name, r.tokenWithHeader(strings.ReplaceAll(text, "%", validHeader())))
	}
	wide := string(utf16be("{" + validClaims() + "}"))
	r.add("malformed", "P08 T01", "RFC 8725 3.7", "claims in UTF-16", r.tokenWithClaims(wide))
	r.add("malformed", "P08 T01", "RFC 8725 3.7", "claims in UTF-16 with a BOM", r.tokenWithClaims("\xfe\xff"+wide))
	r.add("malformed", "P08 J03", "RFC 8725 3.7", "header in UTF-16", r.tokenWithHeader(string(utf16be("{"+validHeader()+"}"))))
	r.accepted("T01 J03 P08", object, "white space around the members", r.sign("ed25519-1", "EdDSA", []byte("\n { "+validHeader()+" }\t"), []byte(" \r\n{ "+validClaims()+" } ")))
	r.accepted("T03", "RFC 7519 4", "unknown claims", r.token(nil, members{"x": 1, "y": []any{nil, members{"z": "é€😀"}}, "roles": []string{"admin"}}))
	r.accepted("T03 P08", "RFC 8259 7", "claim with escapes", r.tokenWithClaims(`{"x":"\ud83d\ude00\u00e9\/\b",`+validClaims()+`}`))
	r.accepted("T03", "RFC 8259 7", "name of a claim with an escape", r.tokenWithClaims(strings.Replace("{"+validClaims()+"}", `"sub"`, `"s\u0075b"`, 1)))
	r.accepted("P08", "RFC 3629", "claim with a character of four bytes", r.token(nil, members{"sub": "😀"}))

	const twice = "RFC 7515 4; RFC 7519 4; RFC 8725 2.4"
	for name, text := range pairs("iss", `"iss":"https://evil.example"`, "sub", `"sub":"admin"`, "aud", `"aud":"other-api"`, "exp", `"exp":1`,
		"exp with the same value", `"exp":4102444800`, "nbf", `"nbf":1,"nbf":4000000000`, "scope", `"scope":"a","scope":"b"`, "cnf", `"cnf":{},"cnf":{}`,
		"jti", `"jti":"x"`, "client_id", `"client_id":"x"`, "unknown claim", `"x":1,"x":2`, "sub with an escape", `"s\u0075b":"admin"`, "member in an object", `"x":{"y":1,"y":2}`,
		"member at depth 4", `"x":[{"y":[{"z":1,"z":1}]}]`, "member in an object, with an escape", `"x":{"a":1,"\u0061":2}`, "claim with an empty name", `"":1,"":2`) {
		r.add("malformed", "T02", twice, "token contains a claim twice: "+name+", first in the text", r.tokenWithClaims(`{`+text+`,`+validClaims()+`}`))
		r.add("malformed", "T02", twice, "token contains a claim twice: "+name+", last in the text", r.tokenWithClaims(`{`+validClaims()+`,`+text+`}`))
	}
	r.accepted("T02 J04", twice, "each name is unique in its object", r.tokenWithClaims(`{"x":{"y":1},"z":{"y":1},`+validClaims()+`}`))
	for name, text := range pairs("alg", `"alg":"none"`, "alg with the same value", `"alg":"EdDSA"`, "kid", `"kid":"x"`, "typ", `"typ":"JWT"`,
		"alg with an escape", `"\u0061lg":"none"`, "crit", `"crit":[],"crit":[]`, "unknown member", `"x":1,"x":2`, "member of jwk", `"jwk":{"kty":"oct","kty":"RSA"}`) {
		r.add("malformed", "J04", twice, "header contains a member twice: "+name+", first in the text", r.tokenWithHeader(`{`+text+`,`+validHeader()+`}`))
		r.add("malformed", "J04", twice, "header contains a member twice: "+name+", last in the text", r.tokenWithHeader(`{`+validHeader()+`,`+text+`}`))
	}

	const folded = "RFC 7515 4: names are compared exactly; Trail of Bits 2025-06; hashicorp/cap#191"
	r.add("expired", "T02 T06", folded, "EXP in addition to an expired exp", r.token(nil, members{"exp": now - 1, "EXP": farFuture}))
	r.add("claims", "T02", folded, "EXP instead of exp", r.token(nil, members{"exp": nil, "EXP": farFuture}))
	r.add("audience", "T02 T05", folded, "Aud instead of aud", r.token(nil, members{"aud": nil, "Aud": audience}))
	r.add("issuer", "T02 T04", folded, "ISS instead of iss", r.token(nil, members{"iss": nil, "ISS": issuer}))
	r.add("issuer", "T02 T04", folded, "iss is spelled with a long s", r.token(nil, members{"iss": nil, "iſſ": issuer}))
	r.add("claims", "T02", folded, "sub is spelled with a long s", r.token(nil, members{"sub": nil, "ſub": "admin"}))
	r.accepted("T02 T03", folded, "Sub in addition to sub", r.token(nil, members{"Sub": "admin", "ſub": "admin", "SUB": 1}))
	r.add("algorithm", "J04 J05", folded, "Alg in addition to alg", r.token(members{"alg": "none", "Alg": "EdDSA"}, nil))
	r.add("malformed", "J04 J13", folded, "Kid in addition to an empty kid", r.token(members{"kid": "", "Kid": "ed25519-1"}, nil))

	const utf8 = "RFC 8725 3.7; RFC 3629"
	for name, text := range pairs("invalid byte", "\xff", "incomplete character", "\xc3", "overlong dot", "\xc0\xae", "overlong slash", "\xe0\x80\xaf", "surrogate in UTF-8", "\xed\xa0\x80",
		"character above U+10FFFF", "\xf4\x90\x80\x80", "character in Latin 1", "\xe9", "lone high surrogate", `\ud800`, "lone low surrogate", `\udc00`,
		"surrogates in the wrong order", `\udc00\ud800`, "high surrogate before text", `\ud800x`) {
		r.add("malformed", "P08 T01", utf8, "claims: "+name, r.tokenWithClaims(`{"x":"`+text+`",`+validClaims()+`}`))
		r.add("malformed", "P08 T01", utf8, "name of a claim: "+name, r.tokenWithClaims(`{"`+text+`":1,`+validClaims()+`}`))
		r.add("malformed", "P08 J03", utf8, "header: "+name, r.tokenWithHeader(`{"x":"`+text+`",`+validHeader()+`}`))
	}
	deepRows(r)
}

func deepRows(r *rows) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	const depth = "limit on work: CVE-2022-23772"
	r.accepted("T03", depth, "claim of 15 nested arrays", r.tokenWithClaims(`{"x":`+nested(15)+`,`+validClaims()+`}`))
	r.add("malformed", "T01", depth, "claim of 16 nested arrays", r.tokenWithClaims(`{"x":`+nested(16)+`,`+validClaims()+`}`))
	r.add("malformed", "T01", depth, "claim of 101 nested objects", r.tokenWithClaims(`{"x":`+strings.Repeat(`{"x":`, 100)+`1`+strings.Repeat("}", 100)+`,`+validClaims()+`}`))
	r.add("malformed", "T01", depth, "claim of 5000 nested arrays", r.tokenWithClaims(`{"x":`+nested(5000)+`,`+validClaims()+`}`))
	r.add("malformed", "J03", depth, "header member of 3000 nested arrays", r.tokenWithHeader(`{"x":`+nested(3000)+`,`+validHeader()+`}`))
	r.add("malformed", "T01", depth, "claims set of arrays that are not closed", r.tokenWithClaims(strings.Repeat(`[`, 10000)))
	r.add("malformed", "J03", depth, "header of arrays that are not closed", r.tokenWithHeader(strings.Repeat(`[`, 10000)))
	r.accepted("T03", depth, "unknown claim of 5000 digits", r.tokenWithClaims(`{"x":`+strings.Repeat("9", 5000)+`,`+validClaims()+`}`))
	r.accepted("T03", depth, "unknown claim with a huge exponent", r.tokenWithClaims(`{"x":1e999999999,`+validClaims()+`}`))
	r.add("malformed", "T01", "size limit", "aud has 20,001 elements", r.tokenWithClaims(`{"aud":["`+strings.Repeat(`a","`, 20000)+`deployment-api"],"x":1}`))
}

func utf16be(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}
