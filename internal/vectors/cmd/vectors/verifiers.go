package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"maps"
	"math/big"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/conformance"
)

// jwk returns the public part of the named key as a JWK with this kid. It first applies
// changes to the JWK.
func (k keyRing) jwk(name, kid string, changes members) jsontext.Value {
	m := members{"kid": kid}
	switch public := k[name].Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64.EncodeToString(public.N.Bytes()), b64.EncodeToString(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point := must(public.Bytes())
		size := len(point) / 2
		m["kty"], m["crv"] = "EC", public.Params().Name
		m["x"], m["y"] = b64.EncodeToString(point[1:1+size]), b64.EncodeToString(point[1+size:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64.EncodeToString(public)
	}
	return object(m, changes)
}

// ecJWK returns the public part of the named EC key as a JWK with this kid. It applies the function
// change to the bytes of the coordinates.
func (k keyRing) ecJWK(name, kid string, change func([]byte) []byte) jsontext.Value {
	point := must(as[*ecdsa.PrivateKey](k[name]).PublicKey.Bytes())
	size := len(point) / 2
	return k.jwk(name, kid, members{"x": b64.EncodeToString(change(point[1 : 1+size])), "y": b64.EncodeToString(change(point[1+size:]))})
}

// set returns a JWK Set of the keys.
func set(keys ...jsontext.Value) jsontext.Value {
	return must(json.Marshal(members{"keys": keys}, json.Deterministic(true), jsontext.AllowDuplicateNames(true)))
}

// usableKeys returns usable keys of each type. The kid of most keys is their name.
func (k keyRing) usableKeys() []jsontext.Value {
	use := func(name, alg string) jsontext.Value { return k.jwk(name, name, members{"alg": alg, "use": "sig"}) }
	return []jsontext.Value{
		use("rsa-1", "RS256"), use("rsa-2", "PS256"), k.jwk("rsa-3", "rsa-3", nil),
		use("p256-1", "ES256"), use("p384-1", "ES384"), use("p521-1", "ES512"),
		use("ed25519-1", "EdDSA"), use("ed25519-2", "Ed25519"),
		k.jwk("rsa-1", "ops", members{"key_ops": []string{"verify"}}),
		k.jwk("rsa-1", "twin", nil), k.jwk("p256-1", "twin", nil), // two keys of different types with the same kid
		k.jwk("rsa-1", "twins", nil), k.jwk("rsa-2", "twins", nil), // two keys of the same type with the same kid
		k.ecJWK("p256-1", "sign-byte", func(b []byte) []byte { return append([]byte{0}, b...) }),
		k.ecJWK("p521-zero", "no-leading-zeros", func(b []byte) []byte { return bytes.TrimLeft(b, "\x00") }),
	}
}

// unusableKeys returns keys that must not verify any token. These keys must not prevent the
// use of the other keys in the set.
func (k keyRing) unusableKeys() []jsontext.Value {
	private := b64.EncodeToString(as[*rsa.PrivateKey](k["rsa-1"]).D.Bytes())
	return []jsontext.Value{
		raw(`null`), raw(`17`), raw(`"key"`), raw(`[]`), raw(`{}`),
		k.jwk("rsa-1", "enc", members{"use": "enc"}),
		k.jwk("rsa-1", "ops-encrypt", members{"key_ops": []string{"encrypt"}}),
		k.jwk("rsa-1", "ops-sign", members{"key_ops": []string{"sign"}}),
		k.jwk("rsa-1", "ops-twice", members{"key_ops": []string{"verify", "verify"}}),
		k.jwk("rsa-1", "ops-contradiction", members{"use": "sig", "key_ops": []string{"verify", "decrypt"}}),
		k.jwk("rsa-1", "oaep", members{"alg": "RSA-OAEP"}),
		k.jwk("rsa-1", "hs-alg", members{"alg": "HS256"}),
		k.jwk("rsa-1", "lower-kty", members{"kty": "rsa"}),
		k.jwk("rsa-1", "no-kty", members{"kty": nil}),
		k.jwk("rsa-1", "KTY", members{"kty": nil, "KTY": "RSA"}),
		k.jwk("rsa-1", "no-n", members{"n": nil}),
		k.jwk("rsa-1", "e-1", members{"e": "AQ"}),
		k.jwk("rsa-1", "e-even", members{"e": "AQAA"}),
		k.jwk("rsa-1", "e-huge", members{"e": "AQAAAAE"}),
		k.jwk("weak-rsa", "weak-rsa", nil),
		k.jwk("roca-rsa", "roca-rsa", nil),
		k.jwk("p256-1", "off-curve", members{"y": b64.EncodeToString(make([]byte, 32))}),
		k.jwk("p256-1", "no-y", members{"y": nil}),
		k.jwk("p256-1", "short-x", members{"x": "AQ"}),
		k.jwk("p256-1", "wrong-curve", members{"crv": "P-384"}),
		k.jwk("p256-1", "secp256k1", members{"crv": "secp256k1"}),
		k.jwk("ed25519-1", "short-ed25519", members{"x": "AQ"}),
		k.jwk("ed25519-1", "small-order", members{"x": b64.EncodeToString(make([]byte, 32))}),
		k.jwk("ed25519-1", "x25519", members{"crv": "X25519"}),
		k.jwk("rsa-1", "private", members{"d": private}),
		k.jwk("rsa-1", "numeric-alg", members{"alg": 256}),
		must(json.Marshal(members{"kty": "oct", "kid": "oct", "k": b64.EncodeToString([]byte(octSecret)), "alg": "HS256"}, json.Deterministic(true))),
	}
}

// bundle returns the bundle of a SPIFFE trust domain. It has keys for JWT-SVIDs and a key for
// certificates, and keys as SPIRE's discovery provider publishes them.
func (k keyRing) bundle() jsontext.Value {
	svid := func(name string) jsontext.Value { return k.jwk(name, name, members{"use": "jwt-svid"}) }
	return must(json.Marshal(members{
		"spiffe_sequence": 12, "spiffe_refresh_hint": 300,
		"keys": []jsontext.Value{
			svid("p256-1"), svid("rsa-1"), svid("ed25519-1"), k.jwk("p256-2", "p256-2", members{"use": "x509-svid"}),
			k.jwk("rsa-2", "rsa-2", members{"use": "sig"}), k.jwk("rsa-3", "rsa-3", nil),
		},
	}, json.Deterministic(true)))
}

// octSecret is a symmetric key that the issuer publishes by mistake.
const octSecret = "0123456789abcdef0123456789abcdef"

func verifiers(k keyRing) map[string]*conformance.Settings {
	keys := set(append(k.usableKeys(), k.unusableKeys()...)...)
	allAlgorithms := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	settings := func(change func(*conformance.Settings)) *conformance.Settings {
		s := &conformance.Settings{Issuer: issuer, Audience: []string{audience}, Keys: keys}
		change(s)
		return s
	}
	all := map[string]*conformance.Settings{
		"rfc9068":        settings(func(*conformance.Settings) {}),
		"all-algorithms": settings(func(s *conformance.Settings) { s.Algorithms = allAlgorithms }),
		"es256-only":     settings(func(s *conformance.Settings) { s.Algorithms = []string{"ES256"} }),
		"two-audiences":  settings(func(s *conformance.Settings) { s.Audience = []string{"other-api", audience} }),
		"scope-arrays":   settings(func(s *conformance.Settings) { s.Scopes = []string{"scope", "scopes", "scp"} }),
		"roles":          settings(func(s *conformance.Settings) { s.Roles = []string{"roles", "/realm_access/roles"} }),
		"kc-jkt-type":    settings(func(s *conformance.Settings) { s.InertConfirmation = []string{"kc-jkt-type"} }),
		"typ-optional":   settings(func(s *conformance.Settings) { s.Types = []string{"at+jwt", ""} }),
		"scalekit":       settings(func(s *conformance.Settings) { s.Profile = "Scalekit" }),
		"stytch":         settings(func(s *conformance.Settings) { s.Profile = "Stytch" }),
		"hierarchy": settings(func(s *conformance.Settings) {
			s.Hierarchy = map[string][]string{"admin": {"read", "write"}, "write": {"list"}}
		}),
		"wildcard-scopes": settings(func(s *conformance.Settings) { s.WildcardScopes = true }),
		"plain-jwt":       settings(func(s *conformance.Settings) { s.Profile = "PlainJWT" }),
		"ad-fs":           settings(func(s *conformance.Settings) { s.Profile, s.Issuer = "ADFS", adfsIssuer }),
		"oracle-idcs": settings(func(s *conformance.Settings) {
			s.Profile, s.Issuer, s.Tenants = "OracleIDCS", oracleIssuer, []string{"tenant=" + oracleDomain}
		}),
		"tenants": settings(func(s *conformance.Settings) {
			s.Issuer = sharedIssuer
			s.TenantClaims = map[string]string{"repository_id": `[1-9][0-9]*`, "repository_owner_id": `[1-9][0-9]*`}
			s.Tenants = []string{"repository_id=74", "repository_owner_id=65", "8"}
		}),
		"spiffe": settings(func(s *conformance.Settings) {
			s.Issuer, s.Profile, s.Keys = trustDomain, "SPIFFE", k.bundle()
		}),
		"svid-keys": settings(func(s *conformance.Settings) { s.Keys = k.bundle() }),
		"lifetime":  settings(func(s *conformance.Settings) { s.MaxLifetime = 3600 }),
		"age":       settings(func(s *conformance.Settings) { s.MaxAge = 600 }),
		"leeway":    settings(func(s *conformance.Settings) { s.Leeway, s.MaxAge = 120, 600 }),
		"one-key": settings(func(s *conformance.Settings) {
			s.Keys = set(k.jwk("rsa-1", "rsa-1", members{"alg": "RS256", "use": "sig"}), k.jwk("rsa-2", "enc", members{"use": "enc"}),
				k.jwk("rsa-2", "oaep", members{"alg": "RSA-OAEP"}), k.jwk("p256-1", "p256-1", nil))
			s.Algorithms = allAlgorithms
		}),
		"five-keys": settings(func(s *conformance.Settings) {
			s.Keys = set(k.jwk("p256-1", "p256-1", nil), k.jwk("p256-2", "p256-2", nil), k.jwk("p256-3", "p256-3", nil), k.jwk("p256-4", "p256-4", nil), k.jwk("p256-5", "p256-5", nil))
		}),
		"issuers": settings(func(s *conformance.Settings) { s.OtherIssuers = []string{"issuer-b"} }),
		// The keys of issuer-b have the kids of keys of the first issuer, but are different
		// keys.
		"issuer-b": settings(func(s *conformance.Settings) {
			s.Issuer, s.Keys = "https://issuer-b.example", set(k.jwk("ed25519-2", "ed25519-1", nil), k.jwk("rsa-2", "rsa-1", nil))
		}),
	}
	maps.Copy(all, entraVerifiers(k))
	return all
}
