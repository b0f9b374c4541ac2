package main

import (
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// withScope sets the scopes that the route of a row requires.
func withScope(scope string) option {
	return func(v *conformance.Vector) { v.Scope = scope }
}

// scopeRows adds rows with scope claims of many forms. If a scope claim is malformed, the
// token is valid but grants no scopes.
func scopeRows(r *rows) {
	one := func(text string) string { return r.token(nil, members{"scope": raw(text)}) }
	validToken := func(v *conformance.Vector) { v.Verify = "accepted" }
	const source = "RFC 6749 3.3; RFC 6750 3.1; RFC 9068 2.2.3"
	for name, text := range pairs("only the required scope", `"read:things"`, "the required scope before two other scopes", `"read:things a b"`, "the required scope after two other scopes", `"a b read:things"`, "the required scope between two other scopes", `"a read:things b"`, "the required scope twice", `"read:things read:things"`,
		"the required scope with an escape", `"read\u003athings"`, "two scopes with two spaces between", `"a  read:things"`, "three scopes with many spaces between", `"a    b   read:things"`,
		"the required scope after a space", `" read:things"`, "the required scope before a space", `"read:things "`, "the required scope between several spaces", `"   read:things  "`, "two scopes with an escaped space between", `"a\u0020\u0020read:things"`) {
		r.accepted("R10 R08 Z01 B12", source, "scope is "+name, one(text), withScope("read:things"))
	}
	for name, text := range pairs("another scope", `"write:things"`, "an empty string", `""`, "the beginning of the required scope", `"read"`, "the required scope followed by :all", `"read:things:all"`, "the required scope in upper case", `"READ:THINGS"`, "two scopes with a tab between", `"a\tread:things"`,
		"two scopes with a comma between", `"a,read:things"`, "two scopes with an NBSP between", `"a\u00a0read:things"`, "two scopes with a line feed between", `"a\nread:things"`, "two scopes with a space and a tab between", `"a \tread:things"`,
		"a quote before the required scope", `"\" read:things"`, "a backslash before the required scope", `"\\ read:things"`, "a non-ASCII character before the required scope", `"é read:things"`,
		"DEL before the required scope", `"\u007f read:things"`, "a wildcard", `"*"`, "read:*", `"read:*"`, "null", `null`, "a number", `1`, "true", `true`, "an object", `{"read:things":true}`, "an array", `["read:things"]`,
		"an array of one string with two scopes", `["a read:things"]`, "an array in an array", `[["read:things"]]`, "only a space", `" "`, "only spaces", `"    "`, "the required scope followed by NUL", `"read:things\u0000"`) {
		r.add("scope", "R10 R08 B12 Z01", source, "scope is "+name, one(text), withScope("read:things"), validToken)
	}
	r.add("scope", "R10 B12 Z01", source, "scope is missing", r.token(nil, nil), withScope("read:things"), validToken)
	challengeRows(r)
	for _, name := range []string{"scp", "scopes", "permissions", "roles", "groups", "entitlements", "authorities", "Scope", "SCOPE", "ſcope"} {
		r.add("scope", "R10 R08", source, name+" instead of scope", r.token(nil, members{name: "read:things"}), withScope("read:things"), validToken)
	}
	arrays := withVerifier("scope-arrays")
	r.accepted("R10", "by configuration", "scope is an array, and the configuration allows this", one(`["a","read:things"]`), withScope("read:things"), arrays)
	r.accepted("R10", "by configuration", "scp instead of scope, and the configuration allows this", r.token(nil, members{"scp": []string{"read:things"}}), withScope("read:things"), arrays)
	r.accepted("R10", "by configuration", "scopes instead of scope, and the configuration allows this", r.token(nil, members{"scopes": "a read:things"}), withScope("read:things"), arrays)
	r.accepted("R10", "tokens of the vendor", "scopes instead of scope, profile is Scalekit", r.token(members{"typ": "JWT"}, members{"scopes": []string{"read:things"}, "oid": "org_1"}), withScope("read:things"), withVerifier("scalekit"))
	for name, text := range pairs("a space in the element", `["a read:things"]`, "spaces around the element", `[" read:things "]`, "a number", `["a",1]`, "an array in the array", `[["read:things"]]`, "an object", `[{"read:things":true}]`,
		"no elements", `[]`, "an empty string", `[""]`, "a tab in the element", `["a\tread:things"]`, "null", `[null]`) {
		r.add("scope", "R10", source, "scope is an array with "+name, one(text), withScope("read:things"), validToken, arrays)
	}
	for name, text := range pairs("an element with a space", `["a b","read:things"]`, "a number", `["read:things",1]`, "null", `["read:things",null]`, "an array in the array", `["read:things",["a"]]`, "an object", `[{"a":true},"read:things"]`,
		"an empty string", `["read:things",""]`, "empty strings", `["","read:things",""]`, "an element with a tab", `["read:things","a\tb"]`, "a non-ASCII element", `["é","read:things"]`) {
		r.accepted("R10", "by configuration", "scope is an array with the required scope and "+name, one(text), withScope("read:things"), arrays)
	}
	r.accepted("Z07 R08", source, "route requires no scope", r.token(nil, nil))
	r.accepted("R10", source, "scope has 501 scopes", one(`"`+strings.Repeat("a:b ", 500)+`read:things"`), withScope("read:things"))
	r.add("expired", "R07 Z07", "RFC 9068 4", "token has the scope and has expired", r.token(nil, members{"scope": "read:things", "exp": now}), withScope("read:things"))
	r.add("audience", "R07 Z01", "RFC 9068 4: 401, not 403", "token has the scope and a different audience", r.token(nil, members{"scope": "read:things", "aud": "x"}), withScope("read:things"))
}

// challengeRows adds rows whose tokens have some of the required scopes. The challenge names all
// required scopes.
func challengeRows(r *rows) {
	const source, required = "RFC 6750 3.1", "read:things write:things delete:things"
	for name, granted := range pairs("the first of three required scopes", "read:things", "the last of three required scopes", "delete:things",
		"two of three required scopes", "delete:things read:things", "two of three required scopes and another scope", "write:things a read:things", "another scope, and three are required", "a") {
		r.add("scope", "R10 B12 Z01", source, "scope is "+name, r.token(nil, members{"scope": granted}), withScope(required), func(v *conformance.Vector) { v.Verify = "accepted" })
	}
	r.accepted("R10 B12", source, "scope is three required scopes in another order", r.token(nil, members{"scope": "write:things delete:things a read:things"}), withScope(required))
}
