package main

import (
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// credentialRows adds values of Authorization, as the guards receive them.
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
	add("", "B01 B06 B10 B11 B15 G01 G02 R07", scheme, "Bearer", "Bearer "+token)
	add("", "B01 G01", scheme, "bearer", "bearer "+token)
	add("", "B01", scheme, "BEARER", "BEARER "+token)
	add("", "B01", scheme, "bEaReR", "bEaReR "+token)
	add("", "B01 B02 B03", scheme, "two spaces", "Bearer  "+token)
	add("", "B01", scheme, "obs-fold as HAProxy passes it on", "Bearer   "+token)

	const none = "RFC 6750 3.1"
	add("no_token", "B11 B06 B15 G02", none, "none")
	add("no_token", "B11", none, "empty", "")
	add("no_token", "B11", none, "Basic", "Basic dXNlcjpwYXNz")
	add("no_token", "B11", none, "Digest", `Digest username="u", realm="r", uri="/", response="x"`)
	add("no_token", "B11", none, "DPoP", "DPoP "+token)
	add("no_token", "B11", none, "JWT", "JWT "+token)
	add("no_token", "B11", none, "Token", "Token "+token)
	add("no_token", "B11", none, "Negotiate", "Negotiate YII=")
	add("no_token", "B11", none, "token without a scheme", token)
	add("no_token", "B01 B11", none, "BearerX", "BearerX "+token)
	add("no_token", "B01 B11", none, "Bearer-", "Bearer- "+token)
	add("no_token", "B01 B11", none, "XBearer", "XBearer "+token)
	add("no_token", "B01 B11", none, "Beare", "Beare "+token)
	add("no_token", "B01 B11", none, "Bearerx", "Bearerx "+token)
	add("no_token", "B01 B11", none, "Bearer1", "Bearer1 "+token)
	add("no_token", "B11", none, "one letter", "x")
	add("no_token", "B11", none, "scheme without its last letter", "Beare")
	add("no_token", "B11", "size cap", "a list of 17 KiB", "Basic "+strings.Repeat("a", 17<<10)+", Bearer "+token)
	add("no_token", "B11", "size cap", "64 KiB of another scheme", "Basic "+strings.Repeat("a", 64<<10))

	const grammar = "RFC 6750 2.1, 3.1"
	for name, value := range pairs("scheme alone", "Bearer", "scheme and a space", "Bearer ", "scheme and spaces", "Bearer    ", "tab after the scheme", "Bearer\t"+token,
		"space and tab", "Bearer \t"+token, "two tokens", "Bearer "+token+" "+token, "trailing word", "Bearer "+token+" x", "trailing space", "Bearer "+token+" ", "trailing tab", "Bearer "+token+"\t",
		"leading space", " Bearer "+token, "leading tab", "\tBearer "+token, "quotes", `Bearer "`+token+`"`, "parameter", `Bearer token="`+token+`"`, "trailing comma", "Bearer "+token+",",
		"comma after the scheme", "Bearer,"+token, "colon after the scheme", "Bearer: "+token, "equals sign after the scheme", "Bearer="+token, "slash after the scheme", "Bearer/"+token, "slash and a space", "Bearer/ "+token, "NUL", "Bearer "+token+"\x00", "CRLF", "Bearer "+token+"\r\nX-Admin: 1",
		"non-ASCII", "Bearer é"+token, "NBSP after the scheme", "Bearer\u00a0"+token, "brackets", "Bearer <"+token+">", "percent", "Bearer "+token+"%00", "only padding", "Bearer ====",
		"padding inside", "Bearer ab==cd", "scheme twice", "Bearer Bearer "+token, "semicolon", "Bearer "+token+"; charset=utf-8", "invalid UTF-8", "Bearer \xff\xfe") {
		add("request", "B02 B12 G02", grammar, name, value)
	}
	const several = "RFC 6750 2, 3.1"
	add("request", "B03 G01", several, "list", "Bearer "+token+", Bearer "+token)
	add("request", "B03 G01", several, "list without spaces", "Bearer "+token+",Bearer "+token)
	add("request", "B03 G01", several, "Basic and Bearer in a list", "Basic dXNlcjpwYXNz, Bearer "+token)
	add("request", "B03 G01", several, "Bearer and Basic in a list", "Bearer "+token+", Basic dXNlcjpwYXNz")
	add("request", "B03 G01", several, "DPoP and Bearer in a list", "DPoP "+token+", Bearer "+token)
	add("request", "B03 G01", several, "two values, the same", "Bearer "+token, "Bearer "+token)
	add("request", "B03 G01", several, "two values, good and bad", "Bearer "+token, "Bearer x")
	add("request", "B03 G01", several, "two values, bad and good", "Bearer x", "Bearer "+token)
	add("request", "B03 G01", several, "two values, Basic first", "Basic dXNlcjpwYXNz", "Bearer "+token)
	add("request", "B03 G01", several, "two values, Basic last", "Bearer "+token, "Basic dXNlcjpwYXNz")
	add("request", "B03 G01", several, "two values, one empty", "", "Bearer "+token)
	add("request", "B03 G01", several, "three values", "Bearer a", "Bearer b", "Bearer c")

	const opaque = "RFC 6750 3.1: invalid_token"
	for name, value := range pairs("opaque", "Bearer 2YotnFZFEjr1zCsicMWpAA", "one character", "Bearer x", "trailing padding", "Bearer abc==", "all allowed characters", "Bearer AZaz09-._~+/==", "only dots", "Bearer ...",
		"opaque, of a cloud vendor", "Bearer ya29.a0AfH6SMB") {
		add("malformed", "B02 B10 B12 J01", opaque, name, value)
	}
	r.add("malformed", "B02", "size cap", "1 MiB", "a", func(v *conformance.Vector) { v.Append = &conformance.Repeat{Text: "a", Times: 1 << 20} })
}
