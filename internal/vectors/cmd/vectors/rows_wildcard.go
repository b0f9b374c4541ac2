package main

import (
	"maps"

	"github.com/bearerkit/bearer/internal/conformance"
)

// wildcardRows adds rows with wildcards in the scopes of a token. Each wildcard also has a row with
// a profile without wildcards, where it is a name like any other.
func wildcardRows(r *rows) {
	const source = "by configuration; rules of Stytch and Cloud Foundry UAA"
	validToken := func(v *conformance.Vector) { v.Verify = "accepted" }
	wildcards, stytch := withVerifier("wildcard-scopes"), withVerifier("stytch")
	ofStytch := func(more members) string { // a token of a machine client has no client_id
		claims := members{"client_id": nil}
		maps.Copy(claims, more)
		return r.token(nil, claims)
	}
	row := func(granted, required string) (name, token string, option option) {
		return granted + " at a route that requires " + required, r.token(nil, members{"scope": granted}), withScope(required)
	}
	for granted, required := range pairs("read:*", "read:things", "read:*", "read:things:all", "a b c d e read:* f", "read:things", "read:things:*", "read:things:all",
		"read.*", "read.things", "read/*", "read/things", "https://api.example/*", "https://api.example/things", "read:*", "read:a.b/c") {
		name, token, required := row(granted, required)
		r.accepted("R10", source, "wildcards are on: "+name, token, required, wildcards)
		r.accepted("R10", source, "profile is Stytch: "+name, ofStytch(members{"scope": granted}), required, stytch)
		r.add("scope", "R10", source, "wildcards are off: "+name, token, required, validToken)
	}
	for granted, required := range pairs("read:*", "read", "read:*", "read:", "read:*", "read::things", "read:*", "read:things:", "read:*", "read.things", "read:*", "READ:things", "read:*", "reads:things",
		"*", "read:things", "*", "read", "read*", "read:things", "read*", "reads", ":*", ":things", "read:**", "read:things", "read:*:*", "read:things:all", "read:*:all", "read:things:all",
		"*:things", "read:things", "read-*", "read-things", "read:things:*", "read:things", "read:things:*", "read:other:all", "write:*", "read:things") {
		name, token, required := row(granted, required)
		r.add("scope", "R10", source, "wildcards are on: "+name, token, required, wildcards, validToken)
		r.add("scope", "R10", source, "profile is Stytch: "+name, ofStytch(members{"scope": granted}), required, stytch, validToken)
	}
	r.add("claims", "P19", profileDocs, "a session JWT of a user, profile is Stytch", ofStytch(members{"https://stytch.com/session": members{"id": "session-test-1"}}), stytch)
	r.add("claims", "P19", profileDocs, "a session JWT of a member, profile is Stytch", ofStytch(members{"https://stytch.com/session": members{"id": "session-test-1"}, "https://stytch.com/organization": members{"organization_id": "organization-test-1"}}), stytch)
	r.add("claims", "P19", profileDocs, "a token of a Connected App, profile is Stytch", ofStytch(members{"client_id": "connected-app-test-1"}), stytch)
}
