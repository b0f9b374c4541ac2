package main

import (
	"iter"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
)

// members is a JSON object. A nil value removes the member; a jsontext.Value is written
// unchanged.
type members = map[string]any

func raw(s string) jsontext.Value { return jsontext.Value(s) }

const (
	issuer   = "https://issuer.example"
	audience = "deployment-api"
	now      = 946684800 // 2000-01-01, the clock of the vectors
)

// later is 2100-01-01. It exceeds an int of 32 bits.
const later int64 = 4102444800

// claims returns the claims set of a token that is valid for 100 years, with changes.
func claims(changes members) []byte {
	return object(members{
		"iss": issuer, "aud": []string{audience}, "sub": "client-1", "client_id": "client-1",
		"iat": now - 60, "exp": later, "jti": "vector",
	}, changes)
}

// header returns the header of a token, with changes.
func header(alg, kid string, changes members) []byte {
	return object(members{"alg": alg, "kid": kid, "typ": "at+jwt"}, changes)
}

func object(base, changes members) []byte {
	maps.Copy(base, changes)
	maps.DeleteFunc(base, func(_ string, v any) bool { return v == nil })
	return must(json.Marshal(base, json.Deterministic(true), jsontext.AllowDuplicateNames(true)))
}

// compact returns a token with exactly these bytes as header and payload, signed with the
// named key.
func (r *rows) compact(key, alg string, header, payload []byte) string {
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(payload)
	return input + "." + b64.EncodeToString(sign(r.keys[key], alg, input))
}

// token returns a valid token, signed with the key ed25519-1, after the changes h to the
// header and c to the claims.
func (r *rows) token(h, c members) string {
	return r.compact("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", h), claims(c))
}

// by returns a valid token, signed with the named key, after the changes h to the header.
// The kid is the name of the key.
func (r *rows) by(key, alg string, h members) string {
	return r.compact(key, alg, header(alg, key, h), claims(nil))
}

// payload returns a signed token with text as its claims set.
func (r *rows) payload(text string) string {
	return r.compact("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", nil), []byte(text))
}

// head returns a signed token with text as its header.
func (r *rows) head(text string) string {
	return r.compact("ed25519-1", "EdDSA", []byte(text), claims(nil))
}

// split returns the three parts of a token.
func split(token string) (h, p, s string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

// body returns the members of a valid claims set, without braces.
func body() string { return strings.Trim(string(claims(nil)), "{}") }

// headBody returns the members of a valid header, without braces.
func headBody() string { return strings.Trim(string(header("EdDSA", "ed25519-1", nil)), "{}") }

// resigned returns the token with the given signature instead of its own.
func resigned(token string, signature []byte) string {
	return token[:strings.LastIndex(token, ".")+1] + b64.EncodeToString(signature)
}

// signature returns the bytes of a token's signature.
func signature(token string) []byte {
	_, _, s := split(token)
	return must(b64.DecodeString(s))
}

// input returns the part of a token that is signed: the header and the payload.
func input(token string) string { return token[:strings.LastIndex(token, ".")] }

// pairs yields pairs of a name and a value, in the order of list.
func pairs(list ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(list[i], list[i+1]) {
				return
			}
		}
	}
}

// reasonOf converts a string to a Reason. The rows pass strings, because these are short.
func reasonOf(reason string) bearer.Reason { return bearer.Reason(reason) }
