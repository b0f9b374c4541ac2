package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

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
		want string // algorithms that the key may verify
		typ  string
	}{
		{"RSA", rsaKey, "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"RSA with alg", rsaKey.with("alg", "PS384"), "PS384", "RSA 2048"},
		{"P-256", ecKey("e"), "ES256", "EC P-256"},
		{"P-384", p384, "ES384", "EC P-384"},
		{"P-521", p521.with("alg", "ES512"), "ES512", "EC P-521"},
		{"Ed25519", edKey("o"), "EdDSA Ed25519", "Ed25519"},
		{"Ed25519, old name", edKey("o").with("alg", "EdDSA"), "EdDSA Ed25519", "Ed25519"},
		{"Ed25519, new name", edKey("o").with("alg", "Ed25519"), "EdDSA Ed25519", "Ed25519"},
		{"SPIFFE", ecKey("e").with("use", "jwt-svid"), "ES256", "EC P-256"},
		{"no use", ecKey("e").with("use", nil), "ES256", "EC P-256"},
		{"key_ops", ecKey("e").with("use", nil, "key_ops", []string{"verify"}), "ES256", "EC P-256"},
		{"use and key_ops", ecKey("e").with("key_ops", []string{"verify", "sign"}), "ES256", "EC P-256"},
		{"RSA, crv a number", rsaKey.with("crv", 1, "x", 1, "y", 1), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"P-256, n a number", ecKey("e").with("n", 1, "e", 1), "ES256", "EC P-256"},
		{"Ed25519, y a number", edKey("o").with("y", 1, "n", 1), "EdDSA Ed25519", "Ed25519"},
		{"unknown members", ecKey("e").with("exp", 1, "x-y", []int{1}), "ES256", "EC P-256"},
		{"certificates", rsaKey.with("x5c", []string{"rubbish"}, "x5u", "http://127.0.0.1/", "x5t", 7), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"padding", rsaKey.with("e", "AQAB=="), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"leading zero", rsaKey.with("n", b64(append([]byte{0}, rsaPrivate().N.Bytes()...))), "RS256 RS384 RS512 PS256 PS384 PS512", "RSA 2048"},
		{"empty members", ecKey("e").with("alg", "", "x5t", ""), "ES256", "EC P-256"},
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
					t.Errorf("Lookup with %s: got %v, %v, want the key: %v", alg, keys, err, fits)
				}
			}
			switch key.Public().(type) {
			case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			default:
				t.Errorf("Public: got a %T, want a pointer to a public key, or an ed25519.PublicKey", key.Public())
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
	want(t, "Lookup", verdict(err), "ok")
}

// oddKeys returns elements that are not usable keys. They must not affect good keys.
func oddKeys() map[string]any {
	ec, ed, r := ecKey("odd"), edKey("odd"), public("odd", rsaPrivate().Public())
	short := new(big.Int).Rsh(rsaPrivate().N, 1024)
	short.SetBit(short, 0, 1)
	long := append([]byte{1}, make([]byte, 1024)...)
	long[1024] = 1
	odd := map[string]any{
		"a string":                     "key",
		"a number":                     7,
		"null":                         nil,
		"an array":                     []jwk{ec},
		"empty":                        jwk{},
		"no kty":                       ec.with("kty", nil),
		"kty in lower case":            ec.with("kty", "ec"),
		"unknown kty":                  jwk{"kty": "AKP", "kid": "odd", "alg": "ML-DSA-44", "pub": "AAAA"},
		"numeric kid":                  ec.with("kid", 7),
		"kid an object":                ec.with("kid", jwk{}),
		"symmetric":                    jwk{"kty": "oct", "kid": "odd", "k": "AAAA", "alg": "HS256"},
		"symmetric without k":          jwk{"kty": "oct", "kid": "odd"},
		"RSA with k":                   r.with("k", "AAAA"),
		"RSA without n":                r.with("n", nil),
		"RSA without e":                r.with("e", nil),
		"RSA n a number":               r.with("n", 7),
		"RSA n not base64":             r.with("n", "***"),
		"RSA n with line break":        r.with("n", "\n"+r["n"].(string)), //nolint:errcheck // an RSA key has n
		"RSA 1024":                     r.with("n", b64(short.Bytes())),
		"RSA 8193":                     r.with("n", b64(long)),
		"RSA 1 MiB":                    r.with("n", strings.Repeat("AQAB", 1000)),
		"RSA n even":                   r.with("n", b64(new(big.Int).Sub(rsaPrivate().N, big.NewInt(1)).Bytes())),
		"RSA n zero":                   r.with("n", "AAAA"),
		"RSA e=1":                      r.with("e", "AQ"),
		"RSA e=2":                      r.with("e", "Ag"),
		"RSA e=0":                      r.with("e", "AA"),
		"RSA e even":                   r.with("e", "AQAC"),
		"RSA e of 32 bits":             r.with("e", b64([]byte{0x80, 0, 0, 1})),
		"RSA e > 2^64":                 r.with("e", b64([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3})),
		"private RSA":                  r.with("d", b64(rsaPrivate().D.Bytes())),
		"private RSA, wrong d":         r.with("d", "AQAB"),
		"private RSA, only p":          r.with("p", "AQAB"),
		"private EC":                   ec.with("d", "AQAB"),
		"private OKP":                  ed.with("d", "AQAB"),
		"private, d a number":          ec.with("d", 1),
		"use enc":                      ec.with("use", "enc"),
		"use foo":                      ec.with("use", "foo"),
		"use x509-svid":                ec.with("use", "x509-svid"),
		"use an array":                 ec.with("use", []string{"sig"}),
		"key_ops encrypt":              ec.with("use", nil, "key_ops", []string{"encrypt"}),
		"key_ops foo":                  ec.with("use", nil, "key_ops", []string{"foo"}),
		"key_ops empty":                ec.with("use", nil, "key_ops", []string{}),
		"key_ops a string":             ec.with("use", nil, "key_ops", "verify"),
		"key_ops of a number":          ec.with("use", nil, "key_ops", []int{1}),
		"key_ops twice":                ec.with("use", nil, "key_ops", []string{"verify", "verify"}),
		"use contradicts key_ops":      ec.with("key_ops", []string{"verify", "encrypt"}),
		"alg RSA-OAEP":                 r.with("alg", "RSA-OAEP"),
		"alg HS256":                    r.with("alg", "HS256"),
		"alg none":                     r.with("alg", "none"),
		"alg of another type":          ec.with("alg", "RS256"),
		"alg of another curve":         ec.with("alg", "ES384"),
		"alg a number":                 ec.with("alg", 256),
		"issuer a number":              ec.with("issuer", 1),
		"EC off the curve":             ec.with("y", ec["x"]),
		"EC at infinity":               ec.with("x", b64(make([]byte, 32)), "y", b64(make([]byte, 32))),
		"EC without y":                 ec.with("y", nil),
		"EC x too short":               ec.with("x", b64(make([]byte, 31))),
		"EC x too long":                ec.with("x", b64(append([]byte{0}, make([]byte, 32)...))),
		"EC x with a leading zero":     ec.with("x", withZero(ec["x"])),
		"EC y with a leading zero":     ec.with("y", withZero(ec["y"])),
		"EC, x and y of another curve": ec.with("crv", "P-384"),
		"secp256k1":                    ec.with("crv", "secp256k1"),
		"EC without crv":               ec.with("crv", nil),
		"X25519":                       ed.with("crv", "X25519"),
		"Ed448":                        ed.with("crv", "Ed448"),
		"Ed25519 x too short":          ed.with("x", "AAAA"),
		"Ed25519 x zero":               ed.with("x", b64(make([]byte, 32))),
		"nested too deep":              ec.with("z", deep(100)),
	}
	return odd
}

// withZero returns a coordinate with a leading zero byte.
func withZero(coordinate any) string {
	b, err := base64.RawURLEncoding.DecodeString(fmt.Sprint(coordinate))
	if err != nil {
		panic(err)
	}
	return b64(append([]byte{0}, b...))
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
				want(t, "verdict under the good key", verdict(err), "ok")
				want(t, "usable keys", len(set.Keys()), 1)
				want(t, "skipped elements", len(set.Skipped()), len(order)-1)
				for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"} {
					_, err := set.Lookup("odd", alg)
					want(t, "verdict under the odd key", verdict(err), "unknown")
				}
				for _, s := range set.Skipped() {
					private := strings.HasPrefix(name, "private") || strings.HasPrefix(name, "symmetric") || name == "RSA with k"
					if s.Reason == "" || strings.Contains(s.Reason, "\n") || s.Private != private {
						t.Errorf("skipped element: got %+v, want a reason on one line, and Private: %v", s, private)
					}
				}
			}
			_, err := jwks.Parse(rawDocument(t, odd))
			wantText(t, err, "not a usable key set", "none of the 1 elements of \"keys\" can verify signatures")
		})
	}
}

// The elements of this test are not usable keys, and json.Marshal does not produce them.
func TestOddElements(t *testing.T) {
	good := string(document(ecKey("good")))
	for name, element := range map[string]string{
		"kid twice":           `{"kty":"EC","kid":"a","kid":"b"}`,
		"kid twice, escaped":  `{"kty":"EC","kid":"a","k\u0069d":"b"}`,
		"nested member twice": `{"kty":"EC","z":{"a":1,"a":2}}`,
		"invalid UTF-8":       "{\"kty\":\"EC\",\"kid\":\"\xff\"}",
		"lone surrogate":      `{"kty":"EC","kid":"\ud800"}`,
		"names in other case": `{"KTY":"EC","Kid":"a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := jwks.Parse([]byte(strings.Replace(good, `[`, `[`+element+`,`, 1)))
			if err != nil {
				t.Fatal(err)
			}
			_, err = set.Lookup("good", "ES256")
			want(t, "verdict under the good key", verdict(err), "ok")
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
		"empty document":        ``,
		"null":                  `null`,
		"empty object":          `{}`,
		"no keys":               `{"keys":[]}`,
		"error object":          `{"error":"temporarily_unavailable"}`,
		"keys null":             `{"keys":null}`,
		"keys an object":        `{"keys":{}}`,
		"keys a string":         `{"keys":"none"}`,
		"Keys":                  `{"Keys":` + inner + `}`,
		"keys twice":            `{"keys":` + inner + `,"keys":[]}`,
		"keys twice, escaped":   `{"keys":[],"k\u0065ys":` + inner + `}`,
		"another member twice":  `{"a":1,"a":1,"keys":` + inner + `}`,
		"an array":              inner,
		"a key, not a set":      strings.Trim(inner, `[]`),
		"HTML":                  `<!DOCTYPE html><title>Maintenance</title>`,
		"last byte missing":     good[:len(good)-1],
		"cut in the middle":     good[:len(good)/2],
		"data after the object": good + `{}`,
		"NUL after the object":  good + "\x00",
		"byte order mark":       "\xef\xbb\xbf" + good,
		"comment":               `/**/` + good,
		"1001 elements":         `{"keys":[` + many + `]}`,
		"more than 1 MiB":       good + strings.Repeat(" ", 1<<20),
		"nested 100,000 deep":   strings.Repeat(`{"keys":[`, 100_000),
	}
}

func TestOddDocuments(t *testing.T) {
	for name, doc := range oddDocuments() {
		t.Run(name, func(t *testing.T) {
			set, err := jwks.Parse([]byte(doc))
			if err == nil {
				t.Fatalf("got %v, want an error", set.Keys())
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
	want(t, "skipped", fmt.Sprint(set.Skipped()), "[{3 k false duplicate of an earlier key}]")
	keys, _ := set.Lookup("k", "ES256")
	rest, err := set.Key(t.Context(), "k", "ES256", keys[0])
	if err != nil || len(rest) != 1 || rest[0] != keys[1] {
		t.Errorf("Key after the first key was tried: got %v, %v, want the second key", rest, err)
	}
	_, err = set.Key(t.Context(), "k", "ES256", keys...)
	want(t, "Key after all keys were tried", verdict(err), "unknown")

	many := make([]jwk, 20)
	for i := range many {
		many[i] = ecKey("k")
	}
	keys, _ = parse(t, many...).Lookup("k", "ES256")
	want(t, "usable keys, of 20 keys under one kid", len(keys), 8)
}

func TestNoKid(t *testing.T) {
	noKid := ecKey("").with("kid", nil)
	set := parse(t, noKid, public("r", rsaPrivate().Public()).with("alg", "RS256"))
	for _, tt := range []struct{ kid, alg, want string }{
		{"", "ES256", "ok"},      // only one key fits; it has no kid
		{"", "RS256", "ok"},      // only one key fits; it has a kid
		{"", "PS256", "unknown"}, // the RSA key is for RS256 only
		{"", "HS256", "unknown"},
		{"x", "ES256", "unknown"}, // the token has a kid, but the key has none
		{"r", "RS256", "ok"},
	} {
		_, err := set.Lookup(tt.kid, tt.alg)
		want(t, fmt.Sprintf("kid %q, alg %s", tt.kid, tt.alg), verdict(err), tt.want)
	}
	_, err := parse(t, noKid, ecKey("other")).Lookup("", "ES256")
	want(t, "no kid, two keys fit", verdict(err), "unknown")
	_, err = parse(t, ecKey("a"), ecKey("a")).Lookup("", "ES256")
	want(t, "no kid, two keys under one kid fit", verdict(err), "unknown")
}

// A caller that changes returned slices does not change them for other callers.
func TestImmutable(t *testing.T) {
	set := parse(t, ecKey("a"), ecKey("b"), jwk{})
	set.Keys()[0], set.Skipped()[0].Reason = nil, ""
	want(t, "first key", set.Keys()[0].ID(), "a")
	want(t, "reason", set.Skipped()[0].Reason, `no "kty"`)
	a, _ := set.Lookup("a", "ES256")
	_ = append(a, set.Keys()[1])
	again, _ := set.Lookup("a", "ES256")
	want(t, "keys under kid a", len(again), 1)
}

// Keys of small order are refused: under them, crypto/ed25519 accepts one fixed signature for
// at least one in eight messages.
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
			t.Errorf("%s: no message of 200 verifies, want a point of small order", text)
		}
		_, err = jwks.Parse(document(jwk{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": b64(x)}))
		wantText(t, err, "small order")
	}
}
