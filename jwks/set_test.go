package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// parse calls Parse with a document that contains the given keys.
func parse(t *testing.T, keys ...jwk) *jwks.Set {
	t.Helper()
	set, err := jwks.Parse(document(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestKey(t *testing.T) {
	p384, p521 := public("e3", newEC(elliptic.P384()).Public()), public("e5", newEC(elliptic.P521()).Public())
	rsaKey := public("r", rsaPrivate().Public())
	all := []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
		"HS256", "none", "", "rs256", "RSA-OAEP", "ES256K", "Ed448",
	}
	for _, tt := range []struct {
		name string
		key  jwk
		want string // names of the algorithms that the key may verify
		typ  string
	}{
		{"RSA key", rsaKey, "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"RSA key with alg", rsaKey.with("alg", "PS384"), "PS384", "RSA 2048"},
		{"P-256 key", ecKey("e"), "ES256", "EC P-256"},
		{"P-384 key", p384, "ES384", "EC P-384"},
		{"P-521 key", p521.with("alg", "ES512"), "ES512", "EC P-521"},
		{"Ed25519 key", edKey("o"), "EdDSA Ed25519", "Ed25519"},
		{"Ed25519 key with the old name of the algorithm", edKey("o").with("alg", "EdDSA"), "EdDSA Ed25519", "Ed25519"},
		{"Ed25519 key with the new name of the algorithm", edKey("o").with("alg", "Ed25519"), "EdDSA Ed25519", "Ed25519"},
		{"key with the use of SPIFFE", ecKey("e").with("use", "jwt-svid"), "ES256", "EC P-256"},
		{"key without use", ecKey("e").with("use", nil), "ES256", "EC P-256"},
		{"key_ops without use", ecKey("e").with("use", nil, "key_ops", []string{"verify"}), "ES256", "EC P-256"},
		{"key_ops of Oracle's identity domains", ecKey("e").with("use", nil, "key_ops", []string{"encrypt", "verify"}), "ES256", "EC P-256"},
		{"use and key_ops", ecKey("e").with("key_ops", []string{"verify", "sign"}), "ES256", "EC P-256"},
		{"RSA key whose crv is a number", rsaKey.with("crv", 1, "x", 1, "y", 1), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"P-256 key whose n is a number", ecKey("e").with("n", 1, "e", 1), "ES256", "EC P-256"},
		{"Ed25519 key whose y is a number", edKey("o").with("y", 1, "n", 1), "EdDSA Ed25519", "Ed25519"},
		{"unknown members", ecKey("e").with("exp", 1, "x-y", []int{1}), "ES256", "EC P-256"},
		{"certificates", rsaKey.with("x5c", []string{"rubbish"}, "x5u", "http://127.0.0.1/", "x5t", 7), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"e with padding", rsaKey.with("e", "AQAB=="), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"n with a leading zero", rsaKey.with("n", b64(append([]byte{0}, rsaPrivate().N.Bytes()...))), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"members that are empty", ecKey("e").with("alg", "", "x5t", ""), "ES256", "EC P-256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := parse(t, tt.key)
			key := set.Keys()[0]
			want(t, "ID", key.ID(), tt.key["kid"].(string)) //nolint:errcheck // all rows have a kid
			want(t, "Type", key.Type(), tt.typ)
			allowed := strings.Fields(tt.want)
			for _, alg := range all {
				fits := slices.Contains(allowed, alg)
				want(t, "Verifies "+alg, key.Verifies(alg), fits)
				keys, err := set.Lookup(key.ID(), alg)
				if fits != (err == nil) || fits && (len(keys) != 1 || keys[0] != key) {
					t.Errorf("Lookup with alg %s: returned only this key = %v, want %v; keys: %v, error: %v", alg, !fits, fits, keys, err)
				}
			}
			switch key.Public().(type) {
			case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			default:
				t.Errorf("type of Public: got %T, want *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey", key.Public())
			}
		})
	}
}

// A member that is null counts as absent.
func TestNullMembers(t *testing.T) {
	key := ecKey("a")
	doc := fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":%q,"y":%q,"alg":null,"use":null,"key_ops":null,"d":null,"k":null,"x5c":null,"issuer":null}]}`, key["x"], key["y"])
	set, err := jwks.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Lookup("a", "ES256")
	want(t, "Lookup", outcome(err), "ok")
}

// oddKeys returns elements that are not usable keys. These elements must not affect good keys.
func oddKeys() map[string]any {
	ec, ed, r := ecKey("odd"), edKey("odd"), public("odd", rsaPrivate().Public())
	short := new(big.Int).Rsh(rsaPrivate().N, 1024)
	short.SetBit(short, 0, 1)
	long := append([]byte{1}, make([]byte, 1024)...)
	long[1024] = 1
	odd := map[string]any{
		"element is a string":                "key",
		"element is a number":                7,
		"element is null":                    nil,
		"element is an array":                []jwk{ec},
		"element is empty":                   jwk{},
		"no kty":                             ec.with("kty", nil),
		"kty in lower case":                  ec.with("kty", "ec"),
		"unknown kty":                        jwk{"kty": "AKP", "kid": "odd", "alg": "ML-DSA-44", "pub": "AAAA"},
		"kid is a number":                    ec.with("kid", 7),
		"kid is an object":                   ec.with("kid", jwk{}),
		"symmetric key":                      jwk{"kty": "oct", "kid": "odd", "k": "AAAA", "alg": "HS256"},
		"symmetric key without k":            jwk{"kty": "oct", "kid": "odd"},
		"RSA with k":                         r.with("k", "AAAA"),
		"RSA without n":                      r.with("n", nil),
		"RSA without e":                      r.with("e", nil),
		"RSA n is a number":                  r.with("n", 7),
		"RSA n is not base64url":             r.with("n", "***"),
		"RSA n contains a line break":        r.with("n", "\n"+r["n"].(string)), //nolint:errcheck // every RSA key has the member n
		"RSA n of 1024 bits":                 r.with("n", b64(short.Bytes())),
		"RSA n of 8193 bits":                 r.with("n", b64(long)),
		"RSA n of 4000 characters":           r.with("n", strings.Repeat("AQAB", 1000)),
		"RSA n is even":                      r.with("n", b64(new(big.Int).Sub(rsaPrivate().N, big.NewInt(1)).Bytes())),
		"RSA n is zero":                      r.with("n", "AAAA"),
		"RSA e is 1":                         r.with("e", "AQ"),
		"RSA e is 2":                         r.with("e", "Ag"),
		"RSA e is 0":                         r.with("e", "AA"),
		"RSA e is even":                      r.with("e", "AQAC"),
		"RSA e of 32 bits":                   r.with("e", b64([]byte{0x80, 0, 0, 1})),
		"RSA e greater than 2^64":            r.with("e", b64([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})),
		"private RSA key":                    r.with("d", b64(rsaPrivate().D.Bytes())),
		"private RSA key with a wrong d":     r.with("d", "AQAB"),
		"private RSA key with only p":        r.with("p", "AQAB"),
		"private EC key":                     ec.with("d", "AQAB"),
		"private Ed25519 key":                ed.with("d", "AQAB"),
		"private EC key whose d is a number": ec.with("d", 1),
		"use is enc":                         ec.with("use", "enc"),
		"use is foo":                         ec.with("use", "foo"),
		"use is x509-svid":                   ec.with("use", "x509-svid"),
		"use is an array":                    ec.with("use", []string{"sig"}),
		"key_ops encrypt":                    ec.with("use", nil, "key_ops", []string{"encrypt"}),
		"key_ops foo":                        ec.with("use", nil, "key_ops", []string{"foo"}),
		"key_ops is empty":                   ec.with("use", nil, "key_ops", []string{}),
		"key_ops is a string":                ec.with("use", nil, "key_ops", "verify"),
		"key_ops contains a number":          ec.with("use", nil, "key_ops", []int{1}),
		"key_ops contains verify twice":      ec.with("use", nil, "key_ops", []string{"verify", "verify"}),
		"use contradicts key_ops":            ec.with("key_ops", []string{"verify", "encrypt"}),
		"alg is RSA-OAEP":                    r.with("alg", "RSA-OAEP"),
		"alg is HS256":                       r.with("alg", "HS256"),
		"alg is none":                        r.with("alg", "none"),
		"alg is for a different type of key": ec.with("alg", "RS256"),
		"alg is for a different curve":       ec.with("alg", "ES384"),
		"alg is a number":                    ec.with("alg", 256),
		"issuer is a number":                 ec.with("issuer", 1),
		"EC point is not on the curve":       ec.with("y", ec["x"]),
		"EC point is at infinity":            ec.with("x", b64(make([]byte, 32)), "y", b64(make([]byte, 32))),
		"EC without y":                       ec.with("y", nil),
		"EC x too short":                     ec.with("x", b64(make([]byte, 31))),
		"EC x too long":                      ec.with("x", b64(append([]byte{0}, make([]byte, 32)...))),
		"EC x and y of a different curve":    ec.with("crv", "P-384"),
		"EC crv is secp256k1":                ec.with("crv", "secp256k1"),
		"EC without crv":                     ec.with("crv", nil),
		"OKP crv is X25519":                  ed.with("crv", "X25519"),
		"OKP crv is Ed448":                   ed.with("crv", "Ed448"),
		"Ed25519 x too short":                ed.with("x", "AAAA"),
		"Ed25519 x is zero":                  ed.with("x", b64(make([]byte, 32))),
		"nested too deeply":                  ec.with("z", deep(100)),
	}
	return odd
}

func deep(n int) any {
	if n == 0 {
		return 1
	}
	return []any{deep(n - 1)}
}

func TestOddKeys(t *testing.T) {
	good := ecKey("good")
	for name, odd := range oddKeys() {
		t.Run(name, func(t *testing.T) {
			for _, order := range [][]any{{odd, good}, {good, odd}, {good, odd, odd, odd}} {
				set, err := jwks.Parse(rawDocument(t, order...))
				if err != nil {
					t.Fatal(err)
				}
				_, err = set.Lookup("good", "ES256")
				want(t, "lookup of the good key", outcome(err), "ok")
				want(t, "usable keys", len(set.Keys()), 1)
				want(t, "skipped elements", len(set.Skipped()), len(order)-1)
				for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"} {
					_, err := set.Lookup("odd", alg)
					want(t, "lookup of the odd key", outcome(err), "unknown")
				}
				for _, s := range set.Skipped() {
					private := strings.HasPrefix(name, "private") || strings.HasPrefix(name, "symmetric") || name == "RSA with k"
					if s.Reason == "" || strings.Contains(s.Reason, "\n") || s.Private != private {
						t.Errorf("skipped element: got %+v, want a Reason of one line, and Private %v", s, private)
					}
				}
			}
			_, err := jwks.Parse(rawDocument(t, odd))
			wantText(t, err, "not a usable key set", `"keys" has no key that can verify signatures (elements: 1, problem of the first element: `)
		})
	}
}

// This test is similar to TestOddKeys. It has elements that json.Marshal cannot produce.
func TestOddElements(t *testing.T) {
	good := string(document(ecKey("good")))
	for name, element := range map[string]string{
		"element contains kid twice":               `{"kty":"EC","kid":"a","kid":"b"}`,
		"element contains kid twice, once escaped": `{"kty":"EC","kid":"a","k\u0069d":"b"}`,
		"kid contains invalid UTF-8":               "{\"kty\":\"EC\",\"kid\":\"\xff\"}",
		"kid contains half of a surrogate pair":    `{"kty":"EC","kid":"\ud800"}`,
		"member names in the wrong case":           `{"KTY":"EC","Kid":"a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := jwks.Parse([]byte(strings.Replace(good, `[`, `[`+element+`,`, 1)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = set.Lookup("good", "ES256")
			want(t, "lookup of the good key", outcome(err), "ok")
			want(t, "skipped elements", len(set.Skipped()), 1)
		})
	}
}

// oddDocuments returns documents that are not usable key sets.
func oddDocuments() map[string]string {
	good := string(document(ecKey("good")))
	inner := strings.TrimSuffix(strings.TrimPrefix(good, `{"keys":`), `}`)
	many := strings.Repeat(`{},`, 1000) + `{}`
	return map[string]string{
		"empty document":                             ``,
		"document is null":                           `null`,
		"empty object":                               `{}`,
		"keys is an empty array":                     `{"keys":[]}`,
		"OAuth error":                                `{"error":"temporarily_unavailable"}`,
		"keys is null":                               `{"keys":null}`,
		"keys is an object":                          `{"keys":{}}`,
		"keys is a string":                           `{"keys":"none"}`,
		"keys in the wrong case":                     `{"Keys":` + inner + `}`,
		"document contains keys twice":               `{"keys":` + inner + `,"keys":[]}`,
		"document contains keys twice, once escaped": `{"keys":[],"k\u0065ys":` + inner + `}`,
		"document is an array":                       inner,
		"document is a key":                          strings.Trim(inner, `[]`),
		"document is HTML":                           `<!DOCTYPE html><title>Maintenance</title>`,
		"last byte missing":                          good[:len(good)-1],
		"second half missing":                        good[:len(good)/2],
		"data after the object":                      good + `{}`,
		"NUL after the object":                       good + "\x00",
		"two byte order marks before the object":     bom + bom + good,
		"comment before the object":                  `/**/` + good,
		"1,001 elements":                             `{"keys":[` + many + `]}`,
		"more than 1 MiB":                            good + strings.Repeat(" ", 1<<20),
		"100,000 nested objects":                     strings.Repeat(`{"keys":[`, 100_000),
	}
}

func TestOddDocuments(t *testing.T) {
	for name, doc := range oddDocuments() {
		t.Run(name, func(t *testing.T) {
			set, err := jwks.Parse([]byte(doc))
			if err == nil {
				t.Fatalf("Parse: got keys %v, want an error", set.Keys())
			}
			wantText(t, err, "not a usable key set")
			if len(err.Error()) > 300 || strings.Contains(err.Error(), "\n") {
				t.Errorf("error text: got %q, want one line of at most 300 bytes", err)
			}
		})
	}
}

func TestSeveralKeysUnderOneKid(t *testing.T) {
	a, b, c := ecKey("k"), ecKey("k"), public("k", rsaPrivate().Public())
	set := parse(t, a, c.with("alg", "RS256"), b, a, c.with("alg", "PS256"))
	for alg, n := range map[string]int{"ES256": 2, "RS256": 1, "PS256": 1, "RS512": 0, "ES384": 0} {
		keys, _ := set.Lookup("k", alg)
		want(t, "number of keys for "+alg, len(keys), n)
		for _, key := range keys {
			want(t, "Verifies "+alg, key.Verifies(alg), true)
		}
	}
	want(t, "Skipped", fmt.Sprint(set.Skipped()), "[{3 k false duplicate of an earlier key}]")
	keys, _ := set.Lookup("k", "ES256")
	rest, err := set.Key(t.Context(), "k", "ES256", keys[0])
	if err != nil || len(rest) != 1 || rest[0] != keys[1] {
		t.Errorf("Key after the first key was tried: got keys %v and error %v, want only the second key and no error", rest, err)
	}
	_, err = set.Key(t.Context(), "k", "ES256", keys...)
	want(t, "outcome of Key after all keys were tried", outcome(err), "unknown")

	many := make([]jwk, 20)
	for i := range many {
		many[i] = ecKey("k")
	}
	keys, _ = parse(t, many...).Lookup("k", "ES256")
	want(t, "number of usable keys if 20 keys have the same kid", len(keys), 8)
}

func TestNoKid(t *testing.T) {
	noKid := ecKey("").with("kid", nil)
	set := parse(t, noKid, public("r", rsaPrivate().Public()).with("alg", "RS256"))
	for _, tt := range []struct{ kid, alg, want string }{
		{"", "ES256", "ok"},      // only one key fits, and it has no kid
		{"", "RS256", "ok"},      // only one key fits, and it has a kid
		{"", "PS256", "unknown"}, // the RSA key is for RS256 only
		{"", "HS256", "unknown"},
		{"x", "ES256", "unknown"}, // the lookup has a kid, but the key has no kid
		{"r", "RS256", "ok"},
	} {
		_, err := set.Lookup(tt.kid, tt.alg)
		want(t, fmt.Sprintf("lookup of kid %q and alg %s", tt.kid, tt.alg), outcome(err), tt.want)
	}
}

// If a caller changes a returned slice, the results of later calls do not change.
func TestImmutable(t *testing.T) {
	set := parse(t, ecKey("a"), ecKey("b"), jwk{})
	set.Keys()[0], set.Skipped()[0].Reason = nil, ""
	want(t, "ID of the first key", set.Keys()[0].ID(), "a")
	want(t, "Reason of the skipped element", set.Skipped()[0].Reason, `no member "kty"`)
	a, _ := set.Lookup("a", "ES256")
	_ = append(a, set.Keys()[1])
	again, _ := set.Lookup("a", "ES256")
	want(t, "number of keys with kid a", len(again), 1)
}

// Parse skips keys that are points of small order. With such a key, crypto/ed25519 accepts the
// same signature for many messages.
func TestWeakEd25519(t *testing.T) {
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		x, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		forged := 0
		signature := make([]byte, 64)
		signature[0] = 1 // R is the neutral element, S is 0
		for n := range 200 {
			if ed25519.Verify(x, []byte{byte(n)}, signature) {
				forged++
			}
		}
		if forged == 0 {
			t.Errorf("forged signatures that key %s verifies: got 0 of 200, want at least 1", text)
		}
		_, err = jwks.Parse(document(jwk{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": b64(x)}))
		wantText(t, err, "small order")
	}
}
