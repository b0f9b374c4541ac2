package main

import (
	"iter"
	"maps"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// members is a JSON object, or a list of changes to a JSON object. In a list of changes, a
// nil value removes the member. A value of type jsontext.Value is written unchanged.
type members = map[string]any

func raw(s string) jsontext.Value { return jsontext.Value(s) }

const (
	issuer   = "https://issuer.example"
	audience = "deployment-api"
	now      = 946684800 // 2000-01-01, the clock of the vectors
)

// farFuture is 2100-01-01. This number does not fit into an int of 32 bits.
const farFuture int64 = 4102444800

// claims returns the claims set of a token that is valid for 100 years. It first applies
// changes to the claims set.
func claims(changes members) []byte {
	return object(members{
		"iss": issuer, "aud": []string{audience}, "sub": "client-1", "client_id": "client-1",
		"iat": now - 60, "exp": farFuture, "jti": "vector",
	}, changes)
}

// header returns the header of a token. It first applies changes to the header.
func header(alg, kid string, changes members) []byte {
	return object(members{"alg": alg, "kid": kid, "typ": "at+jwt"}, changes)
}

func object(base, changes members) []byte {
	maps.Copy(base, changes)
	maps.DeleteFunc(base, func(_ string, v any) bool { return v == nil })
	return must(json.Marshal(base, json.Deterministic(true), jsontext.AllowDuplicateNames(true)))
}

// sign returns a token whose header and payload are exactly these bytes. key is the name of
// the key that signs the token.
func (r *rows) sign(key, alg string, header, payload []byte) string {
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(payload)
	return input + "." + b64.EncodeToString(signBytes(r.keys[key], alg, input))
}

// The method token returns a token that is signed with the key ed25519-1. First, it applies
// the changes to the header and to the claims. Without changes, the token is valid.
func (r *rows) token(headerChanges, claimChanges members) string {
	return r.sign("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", headerChanges), claims(claimChanges))
}

// signedBy returns a token that is signed with the named key. The kid is the name of the
// key. First, signedBy applies the changes to the header. Without changes, the token is
// valid.
func (r *rows) signedBy(key, alg string, headerChanges members) string {
	return r.sign(key, alg, header(alg, key, headerChanges), claims(nil))
}

// tokenWithClaims returns a signed token whose claims set is text.
func (r *rows) tokenWithClaims(text string) string {
	return r.sign("ed25519-1", "EdDSA", header("EdDSA", "ed25519-1", nil), []byte(text))
}

// tokenWithHeader returns a signed token whose header is text.
func (r *rows) tokenWithHeader(text string) string {
	return r.sign("ed25519-1", "EdDSA", []byte(text), claims(nil))
}

// split returns the three parts of a token.
func split(token string) (h, p, s string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

// validClaims returns the members of a valid claims set, without braces.
func validClaims() string { return strings.Trim(string(claims(nil)), "{}") }

// validHeader returns the members of a valid header, without braces.
func validHeader() string { return strings.Trim(string(header("EdDSA", "ed25519-1", nil)), "{}") }

// replaceSignature replaces the signature of a token.
func replaceSignature(token string, signature []byte) string {
	return token[:strings.LastIndex(token, ".")+1] + b64.EncodeToString(signature)
}

// signatureOf returns the decoded signature of a token.
func signatureOf(token string) []byte {
	_, _, s := split(token)
	return must(b64.DecodeString(s))
}

// signedPart returns the part of a token that is signed: the header and the payload.
func signedPart(token string) string { return token[:strings.LastIndex(token, ".")] }

// pairs divides list into pairs of a name and a value.
func pairs(list ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(list[i], list[i+1]) {
				return
			}
		}
	}
}
