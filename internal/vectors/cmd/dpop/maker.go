package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// clock is the time of the first request. It is the start time of a testing/synctest bubble.
var clock = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

type object = map[string]any

// Vector is a row of the file. Package dpop reads it in its tests.
type Vector struct {
	Name  string   `json:"name"`
	Rules []string `json:"rules"`
	// Setup names the configuration. Empty: both schemes are accepted at https://api.example.
	Setup string `json:"setup,omitempty"`
	// HTTP has the requests to GET /orders, in their order, and GRPC the same calls of a method.
	HTTP []Request `json:"http,omitempty"`
	GRPC []Request `json:"grpc,omitempty"`
}

// Request is one request. Each character of a value stands for one byte.
type Request struct {
	After         float64  `json:"after,omitempty"` // seconds since the first request
	Method        string   `json:"method"`
	Target        string   `json:"target"` // of the request line
	Host          string   `json:"host,omitempty"`
	Plain         bool     `json:"plain,omitempty"` // without TLS
	Upgrade       bool     `json:"upgrade,omitempty"`
	Authorization []string `json:"authorization,omitempty"`
	Proofs        []string `json:"proofs,omitempty"`
	Reason        string   `json:"reason"`
	Code          string   `json:"code,omitempty"` // the error code in the challenge
}

// testCase makes a vector.
type testCase struct {
	name  string
	rules string // separated by spaces
	setup string
	// only is "http" or "grpc" if the case is for one transport.
	only string
	// requests makes the requests for a transport.
	requests func(e *env) []Request
}

// env is what a case knows about its transport.
type env struct {
	m           *maker
	method, uri string // of the target
	path        string
	http        bool
}

type key struct {
	alg  string
	priv crypto.Signer
	jwk  object
}

type maker struct {
	issuer, attacker                  ed25519.PrivateKey
	client, thief, ed, rsa, p384, big *key
	small                             *key
	count                             int
}

func newMaker() (*maker, error) {
	m := &maker{}
	for _, to := range []*ed25519.PrivateKey{&m.issuer, &m.attacker} {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		*to = private
	}
	for _, next := range []struct {
		to    **key
		curve elliptic.Curve
		alg   string
	}{{&m.client, elliptic.P256(), "ES256"}, {&m.thief, elliptic.P256(), "ES256"}, {&m.p384, elliptic.P384(), "ES384"}} {
		private, err := ecdsa.GenerateKey(next.curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		size := len(point) / 2
		*next.to = &key{next.alg, private, object{"kty": "EC", "crv": next.curve.Params().Name, "x": encode(point[1 : 1+size]), "y": encode(point[1+size:])}}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	m.ed = &key{"EdDSA", private, object{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}}
	for _, next := range []struct {
		to   **key
		bits int
	}{{&m.rsa, 2048}, {&m.big, 4096}, {&m.small, 1024}} {
		private, err := rsa.GenerateKey(rand.Reader, next.bits)
		if err != nil {
			return nil, err
		}
		*next.to = &key{"PS256", private, object{"kty": "RSA", "n": encode(private.N.Bytes()), "e": encode(big.NewInt(int64(private.E)).Bytes())}}
	}
	return m, nil
}

// jwks returns the key set of the issuer.
func (m *maker) jwks() string {
	public := m.issuer.Public().(ed25519.PublicKey) //nolint:errcheck,forcetypeassert // the type of every Ed25519 key
	return fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"issuer","x":%q}]}`, encode(public))
}

// vector makes the vector of a case.
func (m *maker) vector(c testCase) (v Vector, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	v = Vector{Name: c.name, Rules: strings.Fields(c.rules), Setup: c.setup}
	if c.only != "grpc" {
		v.HTTP = c.requests(&env{m: m, method: "GET", path: "/orders", uri: "https://api.example/orders", http: true})
	}
	if c.only != "http" {
		const method = "/test.v1.Orders/List"
		v.GRPC = c.requests(&env{m: m, method: "POST", path: method, uri: "https://api.example" + method})
	}
	return v, nil
}

// token returns an access token that is bound to a key. Changes that are nil remove a claim.
func (e *env) token(to *key, changes object) string {
	return e.signToken(e.m.issuer, to, changes)
}

func (e *env) signToken(issuer ed25519.PrivateKey, to *key, changes object) string {
	claims := object{
		"iss": "https://issuer.example", "aud": "api", "sub": "client", "client_id": "client", "jti": e.id(), "scope": "a",
		"iat": clock.Unix() - 60, "exp": clock.Unix() + 3600,
	}
	if to != nil {
		claims["cnf"] = object{"jkt": thumbprint(to.jwk)}
	}
	return sign(issuer, object{"typ": "at+jwt", "alg": "EdDSA", "kid": "issuer"}, with(claims, changes))
}

// id returns a new identifier.
func (e *env) id() string {
	e.m.count++
	return fmt.Sprintf("id-%d", e.m.count)
}

// proof returns a proof for the target. The changes replace members of the header and claims.
func (e *env) proof(k *key, token string, header, claims object) string {
	return sign(k.priv, with(e.header(k), header), with(e.claims(token), claims))
}

func (e *env) header(k *key) object {
	return object{"typ": "dpop+jwt", "alg": k.alg, "jwk": k.jwk}
}

func (e *env) claims(token string) object {
	hash := sha256.Sum256([]byte(token))
	return object{"jti": e.id(), "htm": e.method, "htu": e.uri, "iat": clock.Unix(), "ath": encode(hash[:])}
}

// request returns a request to the target.
func (e *env) request(authorization string, proofs ...string) Request {
	r := Request{Method: e.method, Target: e.path, Proofs: proofs}
	if authorization != "" {
		r.Authorization = []string{authorization}
	}
	return r
}

// with returns the members with the changes. A change to nil removes a member; the text null stands
// for the value null.
func with(members, changes object) object {
	for name, value := range changes {
		switch value {
		case nil:
			delete(members, name)
		case null:
			members[name] = nil
		default:
			members[name] = value
		}
	}
	return members
}

// null stands for the JSON value null in changes.
const null = "\x00null"

func marshal(v any) string {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) //nolint:forbidigo // vector recovers it
	}
	return string(text)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// sign returns a compact JWS. It signs with the algorithm that fits the key, whatever "alg" says.
func sign(private crypto.Signer, header, claims object) string {
	return signText(private, header, marshal(header), marshal(claims))
}

func signText(private crypto.Signer, header object, headerText, claims string) string {
	signed := encode([]byte(headerText)) + "." + encode([]byte(claims))
	alg, _ := header["alg"].(string)
	var method jwt.SigningMethod
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		method = map[int]jwt.SigningMethod{256: jwt.SigningMethodES256, 384: jwt.SigningMethodES384}[private.Params().BitSize]
	case ed25519.PrivateKey:
		method = jwt.SigningMethodEdDSA
	default:
		method = jwt.SigningMethodPS256
		if alg == "RS256" {
			method = jwt.SigningMethodRS256
		}
	}
	signature, err := method.Sign(signed, private)
	if err != nil {
		panic(err) //nolint:forbidigo // vector recovers it
	}
	return signed + "." + encode(signature)
}

// thumbprint returns the thumbprint of a JWK (RFC 7638).
func thumbprint(jwk object) string {
	var names []string
	for _, name := range []string{"crv", "e", "kty", "n", "x", "y"} {
		if jwk[name] != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var members []string
	for _, name := range names {
		members = append(members, marshal(name)+":"+marshal(jwk[name]))
	}
	return hashText("{" + strings.Join(members, ",") + "}")
}

func hashText(text string) string {
	hash := sha256.Sum256([]byte(text))
	return encode(hash[:])
}
