package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

const (
	audience = "deployment-api"
	scope    = "deploy:applications"
)

// The groups of cases, in the order of the page.
const (
	forged   = "forged"
	form     = "form"
	claims   = "claims"
	keys     = "keys"
	requests = "requests"
	purpose  = "purpose"
	accepted = "valid"
	issuers  = "issuers"
)

// testCase is a request with its verdict.
type testCase struct {
	group, name string
	// token is sent in the Authorization field, if send is nil.
	token string
	// send adds the credentials to the request.
	send func(r *http.Request)
	// setup is the setup of the libraries for this case. If it is nil, the case has the common setup.
	setup *peers.Setup
}

// valid reports whether a library must accept the request.
func (c testCase) valid() bool { return c.group == accepted || c.group == issuers }

type object = map[string]any

type adder = func(group, name, token string)

// cases returns the requests. The issuer signs the tokens, except in the group forged.
func cases(issuer *bearertest.Issuer) []testCase {
	var list []testCase
	add := func(group, name, token string) {
		list = append(list, testCase{group: group, name: name, token: token})
	}
	addForged(add, issuer)
	addForms(add, issuer)
	addClaims(add, issuer)
	addPurposes(add, issuer)
	addValid(add, issuer)
	return append(list, requestCases(issuer)...)
}

// jwtType is a header that every library accepts.
var jwtType = object{"typ": "JWT"}

// valid returns the claims of a valid token. Each call returns a new token, so that no cache answers.
func valid() object { return object{"aud": audience, "scope": scope, "client_id": "ci", "sub": "ci"} }

// expired returns the change that makes a token invalid for an hour.
func expired() object { return object{"exp": time.Now().Add(-time.Hour).Unix()} }

func with(changes object) object {
	all := valid()
	for name, value := range changes {
		all[name] = value
	}
	return all
}

func addForged(add adder, issuer *bearertest.Issuer) {
	trusted := issuer.Keys()[0]
	attacker := bearertest.NewKey("RS256", "attacker")
	add(forged, "alg none", issuer.Mint(object{"typ": "JWT", "alg": "none"}, valid()))
	add(forged, "alg None, in different case", encode(marshal(object{"typ": "JWT", "alg": "None"}))+"."+encode(payloadOf(issuer))+".")
	if public, err := x509.MarshalPKIXPublicKey(trusted.Public()); err == nil {
		add(forged, "HS256 with the public key (PEM) as the secret", hs256(issuer, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
		add(forged, "HS256 with the public key (DER) as the secret", hs256(issuer, public))
	}
	add(forged, "HS256 with the key set as the secret", hs256(issuer, issuer.JWKS()))
	add(forged, "signed with a different key", issuer.Forge(jwtType, valid()))
	add(forged, "changed claims", bearertest.Tamper(issuer.Mint(jwtType, valid()), object{"sub": "admin"}))
	add(forged, "empty signature", cutSignature(issuer.Mint(jwtType, valid())))
	add(forged, "the key of the attacker in the header (jwk)", sign(attacker, object{"typ": "JWT", "alg": "RS256", "jwk": jsontext.Value(attacker.JWK())}, issuer))
	add(forged, "an address of the attacker in the header (jku)", sign(attacker, object{"typ": "JWT", "alg": "RS256", "kid": "attacker", "jku": "http://127.0.0.1:9/keys"}, issuer))
	add(forged, "unknown kid", sign(attacker, object{"typ": "JWT", "alg": "RS256", "kid": "attacker"}, issuer))
	add(forged, "no kid, signed with a different key", sign(attacker, object{"typ": "JWT", "alg": "RS256"}, issuer))
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func addForms(add adder, issuer *bearertest.Issuer) {
	key := issuer.Keys()[0]
	header := marshal(object{"typ": "JWT", "alg": "RS256", "kid": key.ID()})
	payload := payloadOf(issuer)
	twice := strings.Replace(payload, `"sub":"ci"`, `"sub":"ci","sub":"admin"`, 1)
	add(form, "the same claim twice", key.Sign([]byte(header), []byte(twice)))
	add(form, "alg twice in the header", key.Sign([]byte(strings.Replace(header, `"alg":`, `"alg":"none","alg":`, 1)), []byte(payload)))
	add(form, "an unknown critical extension (crit)", key.Sign([]byte(marshal(object{"typ": "JWT", "alg": "RS256", "kid": key.ID(), "crit": []string{"x"}, "x": 1})), []byte(payload)))
	add(form, "b64 false and crit", key.Sign([]byte(marshal(object{"typ": "JWT", "alg": "RS256", "kid": key.ID(), "crit": []string{"b64"}, "b64": false})), []byte(payload)))
	add(form, "data after the claims", key.Sign([]byte(header), []byte(payload+`{"sub":"admin"}`)))
	add(form, "claims that are not UTF-8", key.Sign([]byte(header), []byte(strings.Replace(payload, `"sub":"ci"`, "\"sub\":\"ci\xff\"", 1))))
	add(form, "alg RS512, with an RS256 signature", sign(key, object{"typ": "JWT", "alg": "RS512", "kid": key.ID()}, issuer))
	add(form, "padding after the signature", issuer.Mint(jwtType, valid())+"==")
	token := issuer.Mint(jwtType, valid())
	add(form, "a different last character, with the same signature", token[:len(token)-1]+string(alphabet[strings.IndexByte(alphabet, token[len(token)-1])^1]))
	add(form, "a fourth part", issuer.Mint(jwtType, valid())+".e30")
}

func addClaims(add adder, issuer *bearertest.Issuer) {
	now := time.Now()
	for _, c := range []struct {
		name    string
		changes object
	}{
		{"expired an hour ago", expired()},
		{"no exp", object{"exp": nil}},
		{"exp in different case (EXP), and expired", object{"exp": now.Add(-time.Hour).Unix(), "EXP": now.Add(time.Hour).Unix()}},
		{"exp is a string", object{"exp": "9999999999"}},
		{"valid from in an hour (nbf)", object{"nbf": now.Add(time.Hour).Unix()}},
		{"nbf beyond the range of int64", object{"nbf": jsontext.Value("9223372036854775808")}},
		{"a different issuer", object{"iss": "https://attacker.example"}},
		{"the issuer with a slash at the end", object{"iss": issuer.URL() + "/"}},
		{"no iss", object{"iss": nil}},
		{"a different audience", object{"aud": "billing-api"}},
		{"no aud", object{"aud": nil}},
		{"aud is an empty array", object{"aud": []string{}}},
		{"the audience in a longer name", object{"aud": audience + "-staging"}},
		{"the audience in different case", object{"aud": strings.ToUpper(audience)}},
	} {
		add(claims, c.name, issuer.Mint(jwtType, with(c.changes)))
	}
}

func addPurposes(add adder, issuer *bearertest.Issuer) {
	add(purpose, "an ID token for this audience", issuer.Mint(jwtType, with(object{"nonce": "n", "at_hash": "h", "scope": nil, "client_id": nil})))
	add(purpose, "a logout token (typ)", issuer.Mint(object{"typ": "logout+jwt"}, valid()))
	add(purpose, "an answer of an introspection endpoint (typ)", issuer.Mint(object{"typ": "token-introspection+jwt"}, valid()))
	add(purpose, "bound to a DPoP key, without a proof", issuer.Mint(jwtType, with(object{"cnf": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}})))
	add(purpose, "bound to a certificate, without the certificate", issuer.Mint(jwtType, with(object{"cnf": object{"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}})))
	add(purpose, "without the scope of the route", issuer.Mint(jwtType, with(object{"scope": "read:deployments"})))
}

func addValid(add adder, issuer *bearertest.Issuer) {
	now := time.Now()
	add(accepted, "typ at+jwt", issuer.Mint(object{"typ": "at+jwt"}, valid()))
	add(accepted, "typ JWT", issuer.Mint(jwtType, valid()))
	add(accepted, "several audiences", issuer.Mint(jwtType, with(object{"aud": []string{"billing-api", audience}})))
	add(accepted, "exp with a fraction", issuer.Mint(jwtType, with(object{"exp": float64(now.Add(time.Hour).Unix()) + 0.5})))
	add(accepted, "iat 5 s ahead, because clocks differ", issuer.Mint(jwtType, with(object{"iat": now.Add(5 * time.Second).Unix()})))
	add(accepted, "6 KiB of further claims", issuer.Mint(jwtType, with(object{"groups": strings.Repeat("g", 6<<10)})))
	add(accepted, "unknown members in the header", issuer.Mint(object{"typ": "JWT", "x": 1}, valid()))
}

// hs256 returns a token that is signed with a secret that everyone knows.
func hs256(issuer *bearertest.Issuer, secret []byte) string {
	input := encode(marshal(object{"typ": "JWT", "alg": "HS256", "kid": issuer.Keys()[0].ID()})) + "." + encode(payloadOf(issuer))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sign returns a valid claims set with a header, signed with key.
func sign(key *bearertest.Key, header object, issuer *bearertest.Issuer) string {
	return key.Sign([]byte(marshal(header)), []byte(payloadOf(issuer)))
}

// payloadOf returns the claims set of a new valid token.
func payloadOf(issuer *bearertest.Issuer) string {
	parts := strings.Split(issuer.Mint(jwtType, valid()), ".")
	text, err := decode(parts[1])
	if err != nil {
		panic(err) //nolint:forbidigo // Mint returns valid tokens
	}
	return string(text)
}

func cutSignature(token string) string { return token[:strings.LastIndexByte(token, '.')+1] }

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) //nolint:forbidigo // all values are known
	}
	return string(text)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(text string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(text) }
