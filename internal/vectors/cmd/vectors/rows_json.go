package main

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// jsonRows adds headers and claims that two parsers may read differently.
func jsonRows(r *rows) {
	const object = "RFC 7519 7.2; RFC 7515 5.2 (3)"
	for name, text := range pairs(
		"null", `null`, "array", `[]`, "object in an array", `[{%}]`, "string", `"x"`, "number", `1`, "true", `true`, "only a space", ` `, "only a brace", `{`,
		"cut off", `{%`, "two objects", `{%}{%}`, "trailing data", `{%}x`, "trailing empty object", `{%}{}`, "trailing NUL", "{%}\x00", "comma after the object", `{%},`,
		"leading data", `x{%}`, "trailing comma", `{%,}`, "comment", `{/* x */%}`, "line comment", "{%}// x", "hash comment", "{%}# x",
		"single quotes", `{'x':1,%}`, "no quotes", `{x:1,%}`, "semicolon", `{"x":1;%}`, "no colon", `{"x" 1,%}`, "BOM", "\ufeff{%}",
		"XML", `<xml/>`, "form feed", "\f{%}", "leading NBSP", "\u00a0{%}", "vertical tab", "\v{%}", "line separator", "\u2028{%}",
		"control character in a string", "{\"x\":\"a\nb\",%}", "tab in a string", "{\"x\":\"a\tb\",%}", "NUL in a string", "{\"x\":\"\x00\",%}",
		"bad escape", `{"x":"\x41",%}`, "bad unicode escape", `{"x":"\u12",%}`, "NaN", `{"x":NaN,%}`, "Infinity", `{"x":Infinity,%}`,
		"minus Infinity", `{"x":-Infinity,%}`, "hexadecimal", `{"x":0x1,%}`, "leading zero", `{"x":01,%}`, "plus", `{"x":+1,%}`, "leading dot", `{"x":.5,%}`,
		"bare letter", `{"x":y,%}`, "letter after a number", `{"x":1y,%}`, "letter after true", `{"x":truey,%}`, "object that is not closed", `{"x":{y,%}`,
		"array that is not closed", `{"x":[y,%}`, "object closed as an array", `{"x":{],%}`, "array closed as an object", `{"x":[},%}`, "string that is not closed", `{"x":"y,%}`,
		"comma after an element", `{"x":[1,],%}`, "comma after a nested member", `{"x":{"y":1,},%}`, "comma before an element", `{"x":[,1],%}`, "two commas", `{"x":1,,%}`,
		"trailing dot", `{"x":1.,%}`, "exponent without digits", `{"x":1e,%}`, "upper-case true", `{"x":True,%}`, "undefined", `{"x":undefined,%}`,
	) {
		r.add("malformed", "T01 P08", object, "claims, "+name, r.payload(strings.ReplaceAll(text, "%", body())))
		r.add("malformed", "J03 P08", object, "header, "+name, r.head(strings.ReplaceAll(text, "%", headBody())))
	}
	wide := string(utf16be("{" + body() + "}"))
	r.add("malformed", "P08 T01", "RFC 8725 3.7", "claims in UTF-16", r.payload(wide))
	r.add("malformed", "P08 T01", "RFC 8725 3.7", "claims in UTF-16 with a BOM", r.payload("\xfe\xff"+wide))
	r.add("malformed", "P08 J03", "RFC 8725 3.7", "header in UTF-16", r.head(string(utf16be("{"+headBody()+"}"))))
	r.ok("T01 J03 P08", object, "space around the members", r.compact("ed25519-1", "EdDSA", []byte("\n { "+headBody()+" }\t"), []byte(" \r\n{ "+body()+" } ")))
	r.ok("T03", "RFC 7519 4", "unknown claims", r.token(nil, members{"x": 1, "y": []any{nil, members{"z": "é€😀"}}, "roles": []string{"admin"}}))
	r.ok("T03 P08", "RFC 8259 7", "escaped text", r.payload(`{"x":"\ud83d\ude00\u00e9\/\b",`+body()+`}`))
	r.ok("T03", "RFC 8259 7", "escaped claim name", r.payload(strings.Replace("{"+body()+"}", `"sub"`, `"s\u0075b"`, 1)))
	r.ok("P08", "RFC 3629", "character of four bytes", r.token(nil, members{"sub": "😀"}))

	const twice = "RFC 7515 4; RFC 7519 4; RFC 8725 2.4"
	for name, text := range pairs("iss", `"iss":"https://evil.example"`, "sub", `"sub":"admin"`, "aud", `"aud":"other-api"`, "exp", `"exp":1`,
		"exp, the same value", `"exp":4102444800`, "nbf", `"nbf":1,"nbf":4000000000`, "scope", `"scope":"a","scope":"b"`, "cnf", `"cnf":{},"cnf":{}`,
		"jti", `"jti":"x"`, "client_id", `"client_id":"x"`, "unknown", `"x":1,"x":2`, "escaped", `"s\u0075b":"admin"`, "nested", `"x":{"y":1,"y":2}`,
		"deeply nested", `"x":[{"y":[{"z":1,"z":1}]}]`, "nested, escaped", `"x":{"a":1,"\u0061":2}`, "empty name", `"":1,"":2`) {
		r.add("malformed", "T02", twice, "claim twice, "+name, r.payload(`{`+text+`,`+body()+`}`))
		r.add("malformed", "T02", twice, "claim twice, "+name+", last", r.payload(`{`+body()+`,`+text+`}`))
	}
	r.ok("T02 J04", twice, "every name once per object", r.payload(`{"x":{"y":1},"z":{"y":1},`+body()+`}`))
	for name, text := range pairs("alg", `"alg":"none"`, "alg, the same value", `"alg":"EdDSA"`, "kid", `"kid":"x"`, "typ", `"typ":"JWT"`,
		"alg escaped", `"\u0061lg":"none"`, "crit", `"crit":[],"crit":[]`, "unknown", `"x":1,"x":2`, "nested", `"jwk":{"kty":"oct","kty":"RSA"}`) {
		r.add("malformed", "J04", twice, "header member twice, "+name, r.head(`{`+text+`,`+headBody()+`}`))
		r.add("malformed", "J04", twice, "header member twice, "+name+", last", r.head(`{`+headBody()+`,`+text+`}`))
	}

	const folded = "RFC 7515 4: names are exact; Trail of Bits 2025-06; hashicorp/cap#191"
	r.add("expired", "T02 T06", folded, "EXP beside an expired exp", r.token(nil, members{"exp": now - 1, "EXP": later}))
	r.add("claims", "T02", folded, "EXP instead of exp", r.token(nil, members{"exp": nil, "EXP": later}))
	r.add("audience", "T02 T05", folded, "Aud instead of aud", r.token(nil, members{"aud": nil, "Aud": audience}))
	r.add("issuer", "T02 T04", folded, "ISS instead of iss", r.token(nil, members{"iss": nil, "ISS": issuer}))
	r.add("issuer", "T02 T04", folded, "iss with a long s", r.token(nil, members{"iss": nil, "iſſ": issuer}))
	r.add("claims", "T02", folded, "sub with a long s", r.token(nil, members{"sub": nil, "ſub": "admin"}))
	r.ok("T02 T03", folded, "Sub beside sub", r.token(nil, members{"Sub": "admin", "ſub": "admin", "SUB": 1}))
	r.add("algorithm", "J04 J05", folded, "Alg beside alg", r.token(members{"alg": "none", "Alg": "EdDSA"}, nil))
	r.add("malformed", "J04 J13", folded, "Kid beside an empty kid", r.token(members{"kid": "", "Kid": "ed25519-1"}, nil))

	const utf8 = "RFC 8725 3.7; RFC 3629"
	for name, text := range pairs("invalid", "\xff", "incomplete character", "\xc3", "overlong", "\xc0\xae", "overlong slash", "\xe0\x80\xaf", "surrogate in UTF-8", "\xed\xa0\x80",
		"over U+10FFFF", "\xf4\x90\x80\x80", "Latin 1", "\xe9", "lone high surrogate", `\ud800`, "lone low surrogate", `\udc00`,
		"surrogates in the wrong order", `\udc00\ud800`, "high surrogate and text", `\ud800x`) {
		r.add("malformed", "P08 T01", utf8, "claims, "+name, r.payload(`{"x":"`+text+`",`+body()+`}`))
		r.add("malformed", "P08 T01", utf8, "name of a claim, "+name, r.payload(`{"`+text+`":1,`+body()+`}`))
		r.add("malformed", "P08 J03", utf8, "header, "+name, r.head(`{"x":"`+text+`",`+headBody()+`}`))
	}
	deepRows(r)
}

func deepRows(r *rows) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	const depth = "bounded work: CVE-2022-23772"
	r.ok("T03", depth, "15 arrays deep", r.payload(`{"x":`+nested(15)+`,`+body()+`}`))
	r.add("malformed", "T01", depth, "16 arrays deep", r.payload(`{"x":`+nested(16)+`,`+body()+`}`))
	r.add("malformed", "T01", depth, "100 objects deep", r.payload(`{"x":`+strings.Repeat(`{"x":`, 100)+`1`+strings.Repeat("}", 100)+`,`+body()+`}`))
	r.add("malformed", "T01", depth, "5000 arrays deep", r.payload(`{"x":`+nested(5000)+`,`+body()+`}`))
	r.add("malformed", "J03", depth, "header 3000 arrays deep", r.head(`{"x":`+nested(3000)+`,`+headBody()+`}`))
	r.add("malformed", "T01", depth, "arrays that are not closed", r.payload(strings.Repeat(`[`, 10000)))
	r.add("malformed", "J03", depth, "header of arrays that are not closed", r.head(strings.Repeat(`[`, 10000)))
	r.ok("T03", depth, "an unknown number of 5000 digits", r.payload(`{"x":`+strings.Repeat("9", 5000)+`,`+body()+`}`))
	r.ok("T03", depth, "an unknown number with a huge exponent", r.payload(`{"x":1e999999999,`+body()+`}`))
	r.add("malformed", "T01", "size cap", "aud of 20000 elements", r.payload(`{"aud":["`+strings.Repeat(`a","`, 20000)+`deployment-api"],"x":1}`))
}

func utf16be(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}
