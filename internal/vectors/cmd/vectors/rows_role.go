package main

import (
	"strings"

	"github.com/bearerkit/bearer/internal/conformance"
)

// roleRows adds rows with claims of roles in many forms. The route requires the role admin. A
// claim that has the wrong form grants no role, and the token stays valid.
func roleRows(r *rows) {
	one := func(text string) string { return r.token(nil, members{"roles": raw(text)}) }
	roles, admin := withVerifier("roles"), func(v *conformance.Vector) { v.Role = "admin" }
	validToken := func(v *conformance.Vector) { v.Verify = "accepted" }
	const source = "RFC 9068 2.2.3.1; tokens of vendors"
	for name, text := range pairs("an array", `["user","admin"]`, "an array of one role", `["admin"]`, "an array with null", `[null,"admin"]`, "an array with a number", `["admin",1]`, "an array with an object", `[{"admin":false},"admin"]`,
		"an array with an empty string", `["","admin"]`, "an array with an escape", `["\u0061dmin"]`, "a string", `"admin"`, "a string with an escape", `"\u0061dmin"`, "an object with the value true", `{"user":false,"admin":true}`,
		"an object with an object of strings", `{"admin":{"328859038232151180":"acme.example"}}`, "an object with an object of two strings", `{"admin":{"1":"a","2":""}}`, "an object with an escape", `{"\u0061dmin":true}`,
		"the role twice", `["admin","admin"]`) {
		r.accepted("R08", source, "roles is "+name, one(text), roles, admin)
	}
	for name, text := range pairs("false", `false`, "null", `null`, "0", `0`, "1", `1`, "-1", `-1`, "the text false", `"false"`, "the text true", `"true"`, "the text True", `"True"`, "an empty text", `""`, "the text no", `"no"`, "an empty object", `{}`, "an empty array", `[]`,
		"an array of a text", `["true"]`, "an array with true", `[true]`, "an object with true", `{"a":true}`, "an object with null", `{"a":null}`, "an object with a text and null", `{"a":"b","c":null}`, "an object with an object", `{"a":{"b":"c"}}`, "an object with an empty array", `{"a":[]}`) {
		r.add("scope", "R08", source, "roles is an object with the value "+name, one(`{"user":true,"admin":`+text+`}`), roles, admin, validToken)
	}
	for name, text := range pairs("another role", `["user"]`, "the role in upper case", `["ADMIN"]`, "the beginning of the role", `["adm"]`, "a string of two roles", `"user admin"`, "a string with a comma", `"user,admin"`, "an element with two roles", `["user admin"]`,
		"an array of an object with the value true", `[{"admin":true}]`, "an array of an object with the value false", `[{"name":"user","admin":false}]`, "an array of an object of objects", `[{"admin":{"1":"acme.example"}}]`,
		"an array of an object with the name in a value", `[{"name":"admin"}]`, "an array in an array", `[["admin"]]`, "an object with the role one level deeper", `{"a":{"admin":true}}`, "an object with the role as a value", `{"role":"admin"}`,
		"true", `true`, "a number", `1`, "null", `null`, "an empty string", `""`, "an empty array", `[]`, "an empty object", `{}`, "a JSON text in a string", `"[\"admin\"]"`, "an array of the values true and null", `[true,null]`) {
		r.add("scope", "R08", source, "roles is "+name, one(text), roles, admin, validToken)
	}
	r.add("scope", "R08", source, "roles is missing", r.token(nil, nil), roles, admin, validToken)
	r.add("scope", "R08", source, "scope has the name of the role", r.token(nil, members{"scope": "admin"}), roles, admin, validToken)
	for _, name := range []string{"role", "groups", "permissions", "Roles", "ROLES", "realm_access.roles"} {
		r.add("scope", "R08", source, name+" instead of roles", r.token(nil, members{name: []string{"admin"}}), roles, admin, validToken)
	}
	nested := func(text string) string { return r.token(nil, members{"realm_access": raw(`{"roles":` + text + `}`)}) }
	r.accepted("R08", "tokens of Keycloak", "roles in an object is an array", nested(`["admin"]`), roles, admin)
	r.accepted("R08", "tokens of Keycloak", "roles in an object is a string", nested(`"admin"`), roles, admin)
	r.add("scope", "R08", "tokens of Keycloak", "roles in an object is an object with false", nested(`{"admin":false}`), roles, admin, validToken)
	r.accepted("R08", source, "roles has 1001 elements", one(`[`+strings.Repeat(`"r",1,`, 500)+`"admin"]`), roles, admin)
	r.accepted("R08", source, "roles is an object with 501 members", one(`{`+manyFalse(500)+`"admin":true}`), roles, admin)
	r.add("scope", "R08", source, "roles is an object with 501 members without the role", one(`{`+manyFalse(500)+`"admin":0}`), roles, admin, validToken)
}

// manyFalse returns n members of an object, each with the value false and a comma after it.
func manyFalse(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"r` + strings.Repeat("x", i%8) + string(rune('a'+i/8%26)) + string(rune('a'+i/208)) + `":false,`)
	}
	return b.String()
}
