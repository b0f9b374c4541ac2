package main

import (
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// credentialRows adds rows with the values of Authorization that the guards receive.
func credentialRows(r *rows) {
	token := r.token(nil, nil)
	add := func(reason, rules, source, name string, values ...string) {
		for i := range values {
			values[i] = chars(values[i])
		}
		if values == nil {
			values = []string{}
		}
		v := r.add(reason, rules, source, name, "")
		v.Authorization = &values
	}
	const scheme = "RFC 6750 2.1; RFC 9110 11.1, 11.4"
	add("", "B01 B06 B10 B11 B15 G01 G02 R07", scheme, "scheme Bearer", "Bearer "+token)
	add("", "B01 G01", scheme, "scheme bearer", "bearer "+token)
	add("", "B01", scheme, "scheme BEARER", "BEARER "+token)
	add("", "B01", scheme, "scheme bEaReR", "bEaReR "+token)
	add("", "B01 B02 B03", scheme, "two spaces after the scheme", "Bearer  "+token)
	add("", "B01", scheme, "obs-fold that HAProxy replaced with spaces", "Bearer   "+token)

	const none = "RFC 6750 3.1"
	add("no_token", "B11 B06 B15 G02", none, "no value")
	add("no_token", "B11", none, "empty value", "")
	add("no_token", "B11", none, "scheme Basic", "Basic dXNlcjpwYXNz")
	add("no_token", "B11", none, "scheme Digest", `Digest username="u", realm="r", uri="/", response="x"`)
	add("no_token", "B11", none, "scheme DPoP", "DPoP "+token)
	add("no_token", "B11", none, "scheme JWT", "JWT "+token)
	add("no_token", "B11", none, "scheme Token", "Token "+token)
	add("no_token", "B11", none, "scheme Negotiate", "Negotiate YII=")
	add("no_token", "B11", none, "token without a scheme", token)
	add("no_token", "B01 B11", none, "scheme BearerX", "BearerX "+token)
	add("no_token", "B01 B11", none, "scheme Bearer-", "Bearer- "+token)
	add("no_token", "B01 B11", none, "scheme XBearer", "XBearer "+token)
	add("no_token", "B01 B11", none, "scheme Beare", "Beare "+token)
	add("no_token", "B01 B11", none, "scheme Bearerx", "Bearerx "+token)
	add("no_token", "B01 B11", none, "scheme Bearer1", "Bearer1 "+token)
	add("no_token", "B11", none, "value of one letter", "x")
	add("no_token", "B11", none, "scheme without its last letter", "Beare")
	add("no_token", "B11", "size limit", "list of 17 KiB that begins with Basic", "Basic "+strings.Repeat("a", 17<<10)+", Bearer "+token)
	add("no_token", "B11", "size limit", "64 KiB of the scheme Basic", "Basic "+strings.Repeat("a", 64<<10))

	const grammar = "RFC 6750 2.1, 3.1"
	for name, value := range pairs("scheme without a token", "Bearer", "scheme and a space", "Bearer ", "scheme and spaces", "Bearer    ", "tab after the scheme", "Bearer\t"+token,
		"space and tab", "Bearer \t"+token, "two tokens", "Bearer "+token+" "+token, "word after the token", "Bearer "+token+" x", "space after the token", "Bearer "+token+" ", "tab after the token", "Bearer "+token+"\t",
		"space before the scheme", " Bearer "+token, "tab before the scheme", "\tBearer "+token, "token in quotes", `Bearer "`+token+`"`, "token as a parameter", `Bearer token="`+token+`"`, "comma after the token", "Bearer "+token+",",
		"comma after the scheme", "Bearer,"+token, "colon after the scheme", "Bearer: "+token, "equals sign after the scheme", "Bearer="+token, "slash after the scheme", "Bearer/"+token, "slash and a space", "Bearer/ "+token, "NUL after the token", "Bearer "+token+"\x00", "CRLF after the token", "Bearer "+token+"\r\nX-Admin: 1",
		"non-ASCII character before the token", "Bearer é"+token, "NBSP after the scheme", "Bearer\u00a0"+token, "token in brackets", "Bearer <"+token+">", "percent-encoded NUL after the token", "Bearer "+token+"%00", "padding without a token", "Bearer ====",
		"padding inside the token", "Bearer ab==cd", "scheme twice", "Bearer Bearer "+token, "parameter after the token", "Bearer "+token+"; charset=utf-8", "token that is not UTF-8", "Bearer \xff\xfe") {
		add("request", "B02 B12 G02", grammar, name, value)
	}
	const several = "RFC 6750 2, 3.1"
	add("request", "B03 G01", several, "two tokens in a list", "Bearer "+token+", Bearer "+token)
	add("request", "B03 G01", several, "two tokens in a list without spaces", "Bearer "+token+",Bearer "+token)
	add("request", "B03 G01", several, "Basic and Bearer in a list", "Basic dXNlcjpwYXNz, Bearer "+token)
	add("request", "B03 G01", several, "Bearer and Basic in a list", "Bearer "+token+", Basic dXNlcjpwYXNz")
	add("request", "B03 G01", several, "DPoP and Bearer in a list", "DPoP "+token+", Bearer "+token)
	add("request", "B03 G01", several, "two equal values", "Bearer "+token, "Bearer "+token)
	add("request", "B03 G01", several, "two values, a valid token first", "Bearer "+token, "Bearer x")
	add("request", "B03 G01", several, "two values, a valid token last", "Bearer x", "Bearer "+token)
	add("request", "B03 G01", several, "two values, Basic first", "Basic dXNlcjpwYXNz", "Bearer "+token)
	add("request", "B03 G01", several, "two values, Basic last", "Bearer "+token, "Basic dXNlcjpwYXNz")
	add("request", "B03 G01", several, "two values, an empty value first", "", "Bearer "+token)
	add("request", "B03 G01", several, "three values", "Bearer a", "Bearer b", "Bearer c")

	const opaque = "RFC 6750 3.1: invalid_token"
	for name, value := range pairs("opaque token", "Bearer 2YotnFZFEjr1zCsicMWpAA", "token of one character", "Bearer x", "token that ends with padding", "Bearer abc==", "token of all allowed characters", "Bearer AZaz09-._~+/==", "token of dots", "Bearer ...",
		"opaque token of a cloud vendor", "Bearer ya29.a0AfH6SMB") {
		add("malformed", "B02 B10 B12 J01", opaque, name, value)
	}
	r.add("malformed", "B02", "size limit", "token of 1 MiB", "a", func(v *conformance.Vector) { v.Append = &conformance.Repeat{Text: "a", Times: 1 << 20} })
}
