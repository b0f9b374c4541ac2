package main

import (
	"iter"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
)

// members is a JSON object; nil takes a member away, a jsontext.Value is JSON as
// it is.
type members = map[string]any

func raw(s string) jsontext.Value { return jsontext.Value(s) }

const (
	issuer   = "https://issuer.example"
	audience = "deployment-api"
	now      = 946684800 // 2000-01-01, the clock of the vectors
)

// later is 2100-01-01. An int of 32 bits is too small for it.
const later int64 = 4102444800

// claims returns those of a token that is good for a century, and what is changed.
func claims(changes members) []byte {
	return object(members{
		"iss": issuer, "aud": []string{audience}, "sub": "client-1", "client_id": "client-1",
		"iat": now - 60, "exp": later, "jti": "vector",
	}, changes)
}

// header returns that of a token under a key, and what is changed.
func header(alg, kid string, changes members) []byte {
	return object(members{"alg": alg, "kid": kid, "typ": "at+jwt"}, changes)
}

func object(base, changes members) []byte {
	maps.Copy(base, changes)
	maps.DeleteFunc(base, func(_ string, v any) bool { return v == nil })
	return must(json.Marshal(base, json.Deterministic(true), jsontext.AllowDuplicateNames(true)))
}

// compact signs exactly these bytes.
func (r *rows) compact(key, alg string, header, payload []byte) string {
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(payload)
	return input + "." + b64.EncodeToString(sign(r.keys[key], alg, input))
}

// token is a good token under ed25519-1 but for what is changed.
func (r *rows) token(h, c members) string {
	return r.compact("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", h), claims(c))
}

// by is a good token under another key, whose name is its kid.
func (r *rows) by(key, alg string, h members) string {
	return r.compact(key, alg, header(alg, key, h), claims(nil))
}

// payload is a token with these bytes for claims.
func (r *rows) payload(text string) string {
	return r.compact("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", nil), []byte(text))
}

// head is a token with these bytes for a header.
func (r *rows) head(text string) string {
	return r.compact("ed25519-1", "EdDSA", []byte(text), claims(nil))
}

// split returns the three parts of a token.
func split(token string) (h, p, s string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

// body is the inside of a good claims set, without braces.
func body() string { return strings.Trim(string(claims(nil)), "{}") }

// headBody is the inside of a good header, without braces.
func headBody() string { return strings.Trim(string(header("EdDSA", "ed25519-1", nil)), "{}") }

// resigned puts another signature under a token.
func resigned(token string, signature []byte) string {
	return token[:strings.LastIndex(token, ".")+1] + b64.EncodeToString(signature)
}

// signature returns the bytes of a token's signature.
func signature(token string) []byte {
	_, _, s := split(token)
	return must(b64.DecodeString(s))
}

// input returns what a token's signature is made over.
func input(token string) string { return token[:strings.LastIndex(token, ".")] }

// pairs yields names and values in the order in which they are written.
func pairs(list ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(list[i], list[i+1]) {
				return
			}
		}
	}
}

// reasonOf is the reason of a row. It is a function so that rows stay short.
func reasonOf(reason string) bearer.Reason { return bearer.Reason(reason) }
