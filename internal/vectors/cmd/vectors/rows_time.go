package main

import (
	"strings"
)

// timeRows adds rows with values of exp, nbf and iat. In the tests of the vectors, the
// current time is always the constant now.
func timeRows(r *rows) {
	const exp = "RFC 7519 4.1.4, 2"
	one := func(name, text string) string {
		return r.token(nil, members{name: raw(text)})
	}
	for name, text := range pairs("in a second", "946684801", "in half a second", "946684800.5", "a time with a fraction", "4102444800.25", "a time with a fraction and an exponent", "4.1024448e9", "a time with an exponent", "41024448E2",
		"the end of 9999", "253402300799") {
		r.accepted("T06 T09 R06 Z07", exp, "exp is "+name, one("exp", text))
	}
	for name, text := range pairs("now", "946684800", "now with a fraction of 0", "946684800.0", "a second ago", "946684799", "0", "0", "-1", "-1", "-0", "-0", "0.0", "0.0", "1e0", "1e0",
		"0e99", "0e99", "1e-400", "1e-400", "the start of the year 1", "-62135596800", "a negative fraction", "-0.5", "9e8", "9e8") {
		r.add("expired", "T06 T09 R06 R07 Z07", exp, "exp is "+name, one("exp", text))
	}
	for name, text := range pairs("null", `null`, "a string", `"4102444800"`, "an empty string", `""`, "a date", `"2100-01-01T00:00:00Z"`, "true", `true`, "false", `false`, "an array", `[4102444800]`,
		"an object", `{"exp":4102444800}`, "1e400", "1e400", "2^63", "9223372036854775808", "2^63-1", "9223372036854775807", "2^64", "18446744073709551616",
		"2^64 and the year 2100", "18446744077812000000", "-2^63-1", "-9223372036854775809", "-1e400", "-1e400", "1e300", "1e300", "a time in milliseconds", "4102444800000",
		"a number of 5000 digits", strings.Repeat("4", 5000), "a fraction of 5000 digits", "0."+strings.Repeat("4", 5000), "1e999999999", "1e999999999", "the first second after 9999", "253402300800") {
		r.add("claims", "T06 T09", exp, "exp is "+name, one("exp", text))
	}
	r.add("claims", "T06 R09", exp, "exp is missing", r.token(nil, members{"exp": nil}))
	for name, text := range pairs("NaN", "NaN", "01", "01", "+1", "+4102444800", "Infinity", "Infinity", "a hexadecimal number", "0xf4865700", "a number with underscores", "4_102_444_800") {
		r.add("malformed", "T09", exp, "exp is "+name, r.tokenWithClaims(`{"exp":`+text+`,`+claimsWithout("exp")+`}`))
	}

	const nbf = "RFC 7519 4.1.5"
	for name, text := range pairs("now", "946684800", "in 60 s", "946684860", "a time in the past", "1", "-1", "-1", "0", "0", "a time in the past with a fraction", "946684799.5") {
		r.accepted("T07 T09", nbf, "nbf is "+name, one("nbf", text))
	}
	for name, text := range pairs("in 61 s", "946684861", "in 60.5 s", "946684860.5", "a time in the next century", "4102444799") {
		r.add("not_yet_valid", "T07", nbf, "nbf is "+name, one("nbf", text))
	}
	invalidTimes := pairs("null", `null`, "a string", `"1"`, "true", `true`, "an array", `[1]`, "an object", `{}`, "1e400", "1e400", "1e300", "1e300", "2^63", "9223372036854775808",
		"2^64", "18446744073709551616", "a time in milliseconds", "946684800000", "a number of 5000 digits", strings.Repeat("1", 5000))
	for name, text := range invalidTimes {
		r.add("claims", "T07 T09", nbf+", 2", "nbf is "+name, one("nbf", text))
		r.add("claims", "T08 T09", "RFC 7519 4.1.6, 2", "iat is "+name, one("iat", text))
	}
	const iat = "RFC 7519 4.1.6"
	for name, text := range pairs("now", "946684800", "in 60 s", "946684860", "a time in the past", "1", "a time with a fraction", "946684700.125") {
		r.accepted("T08 T09", iat, "iat is "+name, one("iat", text))
	}
	for name, text := range pairs("in 61 s", "946684861", "a time in the next century", "4102444799") {
		r.add("not_yet_valid", "T08", iat, "iat is "+name, one("iat", text))
	}
	const bound = "design: MaxLifetime and MaxAge"
	r.accepted("T08", bound, "lifetime is at the limit", r.token(nil, members{"iat": now - 100, "exp": now + 3500}), withVerifier("lifetime"))
	r.add("claims", "T08", bound, "lifetime exceeds the limit", r.token(nil, members{"iat": now - 100, "exp": now + 3501}), withVerifier("lifetime"))
	r.add("claims", "T08", bound, "exp is in milliseconds, and the lifetime is limited", r.token(nil, members{"exp": raw("946688400000")}), withVerifier("lifetime"))
	r.accepted("T08", bound, "age is at the limit", r.token(nil, members{"iat": now - 600}), withVerifier("age"))
	r.add("expired", "T08", bound, "age exceeds the limit", r.token(nil, members{"iat": now - 601}), withVerifier("age"))
	leewayRows(r)
}

// leewayRows adds rows of a verifier with a Leeway of 120 s and a MaxAge of 600 s.
func leewayRows(r *rows) {
	const source = "design: Leeway"
	leeway := withVerifier("leeway")
	r.accepted("T06", source, "exp was 119 s ago, and the leeway is 120 s", r.token(nil, members{"exp": now - 119}), leeway)
	r.add("expired", "T06", source, "exp was 120 s ago, and the leeway is 120 s", r.token(nil, members{"exp": now - 120}), leeway)
	r.accepted("T06", source, "exp was 120 s ago with a fraction, and the leeway is 120 s", r.token(nil, members{"exp": raw("946684680.5")}), leeway)
	for _, name := range []string{"nbf", "iat"} {
		rule := map[string]string{"nbf": "T07", "iat": "T08"}[name]
		r.accepted(rule, source, name+" is in 180 s, and the leeway is 120 s", r.token(nil, members{name: now + 180}), leeway)
		r.add("not_yet_valid", rule, source, name+" is in 181 s, and the leeway is 120 s", r.token(nil, members{name: now + 181}), leeway)
	}
	r.add("expired", "T08", source, "age exceeds the limit by 1 s, and the leeway is 120 s", r.token(nil, members{"iat": now - 601}), leeway)
}

// claimsWithout returns the members of a valid claims set except one claim, without braces.
func claimsWithout(name string) string {
	return strings.Trim(string(claims(members{name: nil})), "{}")
}
