package main

import (
	"strings"
)

// timeRows adds values of exp, nbf and iat, relative to the fixed clock of the vectors.
func timeRows(r *rows) {
	const exp = "RFC 7519 4.1.4, 2"
	one := func(name, text string) string {
		return r.token(nil, members{name: raw(text)})
	}
	for name, text := range pairs("in a second", "946684801", "in half a second", "946684800.5", "fraction", "4102444800.25", "exponent", "4.1024448e9", "exponent form", "41024448E2",
		"end of 9999", "253402300799") {
		r.ok("T06 T09 R06 Z07", exp, "exp "+name, one("exp", text))
	}
	for name, text := range pairs("now", "946684800", "now, as a fraction", "946684800.0", "a second ago", "946684799", "0", "0", "-1", "-1", "-0", "-0", "0.0", "0.0", "1e0", "1e0",
		"0e99", "0e99", "1e-400", "1e-400", "long ago", "-62135596800", "minus fraction", "-0.5", "9e8", "9e8") {
		r.add("expired", "T06 T09 R06 R07 Z07", exp, "exp "+name, one("exp", text))
	}
	for name, text := range pairs("null", `null`, "string", `"4102444800"`, "empty string", `""`, "date", `"2100-01-01T00:00:00Z"`, "true", `true`, "false", `false`, "array", `[4102444800]`,
		"object", `{"exp":4102444800}`, "1e400", "1e400", "2^63", "9223372036854775808", "2^63-1", "9223372036854775807", "2^64", "18446744073709551616",
		"2^64 and a century", "18446744077812000000", "-2^63-1", "-9223372036854775809", "-1e400", "-1e400", "1e300", "1e300", "milliseconds", "4102444800000",
		"5000 digits", strings.Repeat("4", 5000), "0 and 5000 digits", "0."+strings.Repeat("4", 5000), "1e999999999", "1e999999999", "after 9999", "253402300800") {
		r.add("claims", "T06 T09", exp, "exp "+name, one("exp", text))
	}
	r.add("claims", "T06 R09", exp, "exp missing", r.token(nil, members{"exp": nil}))
	for name, text := range pairs("NaN", "NaN", "01", "01", "+1", "+4102444800", "Infinity", "Infinity", "hexadecimal", "0xf4865700", "underscores", "4_102_444_800") {
		r.add("malformed", "T09", exp, "exp "+name, r.payload(`{"exp":`+text+`,`+without("exp")+`}`))
	}

	const nbf = "RFC 7519 4.1.5"
	for name, text := range pairs("now", "946684800", "in 60 s", "946684860", "past", "1", "-1", "-1", "0", "0", "fraction", "946684799.5") {
		r.ok("T07 T09", nbf, "nbf "+name, one("nbf", text))
	}
	for name, text := range pairs("in 61 s", "946684861", "in 60.5 s", "946684860.5", "next century", "4102444799") {
		r.add("not_yet_valid", "T07", nbf, "nbf "+name, one("nbf", text))
	}
	bad := pairs("null", `null`, "string", `"1"`, "true", `true`, "array", `[1]`, "object", `{}`, "1e400", "1e400", "1e300", "1e300", "2^63", "9223372036854775808",
		"2^64", "18446744073709551616", "milliseconds", "946684800000", "5000 digits", strings.Repeat("1", 5000))
	for name, text := range bad {
		r.add("claims", "T07 T09", nbf+", 2", "nbf "+name, one("nbf", text))
		r.add("claims", "T08 T09", "RFC 7519 4.1.6, 2", "iat "+name, one("iat", text))
	}
	const iat = "RFC 7519 4.1.6"
	for name, text := range pairs("now", "946684800", "in 60 s", "946684860", "long ago", "1", "fraction", "946684700.125") {
		r.ok("T08 T09", iat, "iat "+name, one("iat", text))
	}
	for name, text := range pairs("in 61 s", "946684861", "next century", "4102444799") {
		r.add("not_yet_valid", "T08", iat, "iat "+name, one("iat", text))
	}
	const bound = "design: MaxLifetime and MaxAge"
	r.ok("T08", bound, "lifetime at the limit", r.token(nil, members{"iat": now - 100, "exp": now + 3500}), with("lifetime"))
	r.add("claims", "T08", bound, "lifetime over the limit", r.token(nil, members{"iat": now - 100, "exp": now + 3501}), with("lifetime"))
	r.add("claims", "T08", bound, "exp in milliseconds, with a lifetime limit", r.token(nil, members{"exp": raw("946688400000")}), with("lifetime"))
	r.ok("T08", bound, "age at the limit", r.token(nil, members{"iat": now - 600}), with("age"))
	r.add("expired", "T08", bound, "age over the limit", r.token(nil, members{"iat": now - 601}), with("age"))
}

// without returns the members of a good claims set except one claim, without braces.
func without(name string) string {
	return strings.Trim(string(claims(members{name: nil})), "{}")
}
