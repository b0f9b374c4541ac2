package main

import "github.com/bearerkit/bearer/internal/conformance"

// alternativeRows adds rows whose route has alternatives, a hierarchy, or a claim that must include
// a value. If the scopes are not sufficient, the challenge names one alternative: the one that lacks
// fewest scopes, then the first one. With a hierarchy, it names the smallest that suffices.
func alternativeRows(r *rows) {
	const source = "RFC 6750 3.1: the scopes that are necessary"
	hierarchy := withVerifier("hierarchy")
	for _, row := range []struct {
		name, granted string
		alternatives  []string
		challenge     string
		missing       string
		options       []option
	}{
		{"no scope, two alternatives", "", []string{"x", "admin"}, "x", "x", nil},
		{"another scope, two alternatives", "y", []string{"x", "admin"}, "x", "x", nil},
		{"one of the two scopes of the second alternative", "b", []string{"x y", "a b"}, "a b", "a", nil},
		{"one scope of each alternative", "x b", []string{"x y z", "a b"}, "a b", "a", nil},
		{"one scope of each alternative, as many missing", "x b", []string{"x y", "a b"}, "x y", "y", nil},
		{"no scope, and the first alternative has more scopes", "", []string{"x y", "a"}, "a", "a", nil},
		{"no scope, and the first alternative implies the second", "", []string{"admin", "read"}, "read", "read", []option{hierarchy}},
		{"no scope, and the second alternative implies the first", "", []string{"read", "admin"}, "read", "read", []option{hierarchy}},
		{"no scope, and a scope implies another one", "", []string{"read admin"}, "admin", "admin", []option{hierarchy}},
		{"no scope, and a scope implies another one over a third", "", []string{"list admin"}, "admin", "admin", []option{hierarchy}},
		{"a scope that is implied, and another one is missing", "write", []string{"list read"}, "list read", "read", []option{hierarchy}},
	} {
		options := append([]option{func(v *conformance.Vector) {
			v.Alternatives, v.Challenge, v.Missing, v.Verify = row.alternatives, row.challenge, row.missing, "accepted"
		}}, row.options...)
		r.add("scope", "R10 B12 Z01", source, row.name, r.token(nil, members{"scope": row.granted}), options...)
	}
	either := func(v *conformance.Vector) { v.Alternatives = []string{"x y", "read"} }
	r.accepted("R10 Z01", source, "the scopes of the first alternative", r.token(nil, members{"scope": "y x"}), either)
	r.accepted("R10 Z01", source, "the scope of the second alternative", r.token(nil, members{"scope": "read"}), either)
	r.accepted("R10 Z01", source, "a scope that implies the second alternative", r.token(nil, members{"scope": "admin"}), either, hierarchy)

	const oneOrList = "AD FS, ASP.NET and others write one value as a string"
	includes := func(v *conformance.Vector) { v.Includes = "groups=admin" }
	valid := func(v *conformance.Vector) { v.Verify = "accepted" }
	for name, value := range pairs("is the value", `"admin"`, "is an array with the value", `["user","admin"]`, "is an array with the value and null", `[null,1,"admin"]`, "is the value with an escape", `"\u0061dmin"`) {
		r.accepted("R08", oneOrList, "the claim "+name, r.token(nil, members{"groups": raw(value)}), includes)
	}
	for name, value := range pairs("is another value", `"user"`, "contains the value with others in one string", `"user admin"`, "contains the value with a comma", `"user,admin"`, "is an object with the value as a name", `{"admin":true}`,
		"has the value in an object in an array", `[{"admin":true}]`, "has the value in an array in an array", `[["admin"]]`, "is true", `true`, "is null", `null`, "is empty", `""`, "is the value in upper case", `"ADMIN"`, "is the value and a blank", `"admin "`) {
		r.add("scope", "R08", oneOrList, "the claim "+name, r.token(nil, members{"groups": raw(value)}), includes, valid)
	}
}
