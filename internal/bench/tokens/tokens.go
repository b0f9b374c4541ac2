// Package tokens creates the credentials that the benchmark sends to the peers. They are
// access tokens of a machine client, in the form that a real issuer uses, and hostile values
// of the Authorization field.
package tokens

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

const (
	issuerName = "https://acme.scalekit.dev"
	audience   = "deployment-api.acmecorp.com"
	scope      = "deploy:applications"
)

// Mint is an issuer that serves its keys on the loopback interface.
type Mint struct {
	issuer *bearertest.Issuer
	alg    string
	n      int
}

// New returns an issuer with a new key for the algorithm.
func New(alg string) *Mint {
	return &Mint{alg: alg, issuer: bearertest.NewIssuer(&bearertest.Options{
		Issuer: issuerName, Algorithms: []string{alg}, KeyID: func() string { return "snk_59615193906282636" },
	})}
}

// Close stops the issuer.
func (m *Mint) Close() { m.issuer.Close() }

// Setup returns the setup of a peer for this issuer.
func (m *Mint) Setup() peers.Setup {
	return peers.Setup{Issuer: issuerName, Audience: audience, KeysURL: m.issuer.KeysURL(), Alg: m.alg, Scope: scope}
}

// Token returns a new token. A token signed with RS256 has 926 characters.
func (m *Mint) Token() string { return m.issuer.Mint(header, m.claims(nil)) }

var header = map[string]any{"typ": "JWT"}

func (m *Mint) claims(change map[string]any) map[string]any {
	m.n++
	claims := map[string]any{
		"aud":           []string{audience},
		"client_id":     "m2morg_68315758685323697",
		"sub":           "m2morg_68315758685323697",
		"oid":           "org_59615193906282635",
		"custom_claims": map[string]string{"environment": "production-europe-west", "tier": "gold"},
		"scopes":        []string{scope, "read:deployments"},
		"jti":           fmt.Sprintf("tkn_%017d", m.n),
		"nbf":           1767222300,
	}
	maps.Copy(claims, change)
	return claims
}

// Hostile is one kind of hostile request.
type Hostile struct {
	Name string
	// Authorization returns a value of the Authorization field. If the value contains a
	// complete token, each call returns a different token.
	Authorization func() string
}

// UnknownKid is the name of the kind of request whose token has an unknown "kid".
const UnknownKid = "token with an unknown kid"

// Hostile returns all kinds of hostile requests.
func (m *Mint) Hostile() []Hostile {
	bearer := func(token func() string) func() string { return func() string { return "Bearer " + token() } }
	same := func(s string) func() string { return func() string { return s } }
	with := func(header, claims map[string]any) func() string {
		return bearer(func() string { return m.issuer.Mint(header, m.claims(claims)) })
	}
	return []Hostile{
		{"text that is not a token", same("Bearer garbage")},
		{"Basic instead of Bearer", same("Basic dXNlcjpwYXNzd29yZA==")},
		{"1 MiB of letters", same("Bearer " + strings.Repeat("a", 1<<20))},
		{"1 MiB of dots", same("Bearer " + strings.Repeat(".", 1<<20))},
		{"1 MiB of encoded JSON", same("Bearer " + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("[", 1<<20))))},
		{"token with alg none", with(map[string]any{"alg": "none"}, nil)},
		{"token of an unknown issuer", with(header, map[string]any{"iss": "https://evil.example"})},
		{UnknownKid, with(map[string]any{"typ": "JWT", "kid": "snk_0"}, nil)},
		// One bit of the signature is wrong. A signature with a different RSA key is not
		// suitable. If the modulus of the different key is larger, some signatures are too
		// large, and are refused before they are verified.
		{"token with a bad signature", bearer(func() string { return bearertest.Tamper(m.issuer.Mint(header, m.claims(nil)), nil) })},
		{"expired token", with(header, map[string]any{"exp": 1767225900})},
		{"token with a wrong audience", with(header, map[string]any{"aud": []string{"other-api.acmecorp.com"}})},
	}
}

// Key returns the public key of the issuer.
func (m *Mint) Key() crypto.PublicKey { return m.issuer.SigningKey(m.alg).Public() }

// Raw returns a function that verifies only the signature of a token. The decoded signature
// and the key are already in memory. Every library must do at least this work. For ECDSA, the
// function calls golang-jwt, which splits the signature into R and S.
func Raw(token, alg string, public crypto.PublicKey) (func() bool, error) {
	dot := strings.LastIndexByte(token, '.')
	text, signed := token[:dot], []byte(token[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		return nil, err
	}
	switch key := public.(type) {
	case *rsa.PublicKey:
		if alg == "RS256" {
			return func() bool {
				sum := sha256.Sum256(signed)
				return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
			}, nil
		}
		opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return func() bool {
			sum := sha256.Sum256(signed)
			return rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, opts) == nil
		}, nil
	case *ecdsa.PublicKey:
		return func() bool { return jwt.SigningMethodES256.Verify(text, signature, key) == nil }, nil
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(key, signed, signature) }, nil
	}
	return nil, errors.New("the key has an unknown type")
}
