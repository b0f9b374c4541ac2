package main

import (
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// wants sets the scope that the route of a row requires.
func wants(scope string) change { //nolint:unparam // the scope is visible in each row
	return func(v *conformance.Vector) { v.Scope = scope }
}

// scopeRows adds scope claims in many forms. A malformed scope claim grants no scopes, but
// the token is valid.
func scopeRows(r *rows) {
	one := func(text string) string { return r.token(nil, members{"scope": raw(text)}) }
	only := func(v *conformance.Vector) { v.Verify = "accepted" }
	const source = "RFC 6749 3.3; RFC 6750 3.1; RFC 9068 2.2.3"
	for name, text := range pairs("alone", `"read:things"`, "first", `"read:things a b"`, "last", `"a b read:things"`, "in the middle", `"a read:things b"`, "twice", `"read:things read:things"`,
		"escaped", `"read\u003athings"`) {
		r.ok("R10 R08 Z01 B12", source, "scope "+name, one(text), wants("read:things"))
	}
	for name, text := range pairs("another", `"write:things"`, "empty", `""`, "prefix", `"read"`, "longer", `"read:things:all"`, "upper case", `"READ:THINGS"`, "tab between", `"a\tread:things"`,
		"comma between", `"a,read:things"`, "NBSP between", `"a\u00a0read:things"`, "line feed between", `"a\nread:things"`, "two spaces between", `"a  read:things"`,
		"leading space", `" read:things"`, "trailing space", `"read:things "`, "with a quote", `"\" read:things"`, "with a backslash", `"\\ read:things"`, "with non-ASCII", `"é read:things"`,
		"DEL beside", `"\u007f read:things"`, "wildcard", `"*"`, "read:*", `"read:*"`, "null", `null`, "number", `1`, "true", `true`, "object", `{"read:things":true}`, "array", `["read:things"]`,
		"array of one string", `["a read:things"]`, "nested array", `[["read:things"]]`, "only a space", `" "`, "NUL", `"read:things\u0000"`) {
		r.add("scope", "R10 R08 B12 Z01", source, "scope "+name, one(text), wants("read:things"), only)
	}
	r.add("scope", "R10 B12 Z01", source, "scope missing", r.token(nil, nil), wants("read:things"), only)
	for _, name := range []string{"scp", "scopes", "permissions", "roles", "groups", "entitlements", "authorities", "Scope", "SCOPE", "ſcope"} {
		r.add("scope", "R10 R08", source, name+" instead of scope", r.token(nil, members{name: "read:things"}), wants("read:things"), only)
	}
	arrays := with("scope-arrays")
	r.ok("R10", "by configuration", "array, allowed by configuration", one(`["a","read:things"]`), wants("read:things"), arrays)
	r.ok("R10", "by configuration", "scp, allowed by configuration", r.token(nil, members{"scp": []string{"read:things"}}), wants("read:things"), arrays)
	r.ok("R10", "by configuration", "scopes, allowed by configuration", r.token(nil, members{"scopes": "a read:things"}), wants("read:things"), arrays)
	r.ok("R10", "the vendor's tokens", "scopes, Scalekit", r.token(members{"typ": "JWT"}, members{"scopes": []string{"read:things"}, "oid": "org_1"}), wants("read:things"), with("scalekit"))
	for name, text := range pairs("a space inside", `["a read:things"]`, "a number", `["read:things",1]`, "null", `["read:things",null]`, "nested", `[["read:things"]]`, "an empty string", `["read:things",""]`,
		"empty", `[]`, "a tab", `["read:things","a\tb"]`) {
		r.add("scope", "R10", source, "array with "+name, one(text), wants("read:things"), only, arrays)
	}
	r.ok("Z07 R08", source, "no scope required", r.token(nil, nil))
	r.ok("R10", source, "many scopes", one(`"`+strings.Repeat("a:b ", 500)+`read:things"`), wants("read:things"))
	r.add("expired", "R07 Z07", "RFC 9068 4", "scope present, token expired", r.token(nil, members{"scope": "read:things", "exp": now}), wants("read:things"))
	r.add("audience", "R07 Z01", "RFC 9068 4: 401, not 403", "scope present, other audience", r.token(nil, members{"scope": "read:things", "aud": "x"}), wants("read:things"))
}
