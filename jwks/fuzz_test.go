package jwks_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// FuzzParse compares the keys of a parsed key set with the values that encoding/json, math/big
// and crypto read from the document. It also compares them with the keys that the strict reader of
// reference_test.go reads.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("../testdata/vectors/verifiers.json")
	if err != nil {
		f.Fatal(err)
	}
	var verifiers map[string]struct{ Keys json.RawMessage }
	if err := json.Unmarshal(data, &verifiers); err != nil {
		f.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, v := range verifiers {
		if seen[string(v.Keys)] {
			continue
		}
		seen[string(v.Keys)] = true
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(v.Keys, &set); err != nil {
			f.Fatal(err)
		}
		for _, key := range set.Keys { // each document has one key, because fuzzing small inputs is faster
			if !seen[string(key)] {
				f.Add([]byte(`{"keys":[` + string(key) + `]}`))
			}
			seen[string(key)] = true
		}
	}
	for _, document := range []string{`{"keys":[]}`, `{}`, `[]`, `null`, `{"keys":[{}],"keys":[]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"},null]}x`} {
		f.Add([]byte(document))
	}
	for _, doc := range oddDocuments() {
		f.Add([]byte(doc)[:min(len(doc), 2000)])
	}
	for _, odd := range oddKeys() {
		f.Add(rawDocument(f, odd))
	}
	for _, doc := range toleratedDocuments() {
		f.Add([]byte(doc))
	}
	for _, name := range memberNames {
		f.Add([]byte(`{"keys":[` + changedKey(name, "\"\n\"") + "]}"))
	}
	for _, key := range encodings(keyWithZeros(elliptic.P521(), true, false)) {
		f.Add(document(key))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		set, err := jwks.Parse(bytes.Clone(document))
		compareStrict(t, document, set)
		if err != nil {
			if set != nil {
				t.Errorf("Parse: got a set and error %v, want either a set or an error", err)
			}
			return
		}
		document = plainDocument(document)
		if !json.Valid(document) {
			t.Fatal("Parse of a document that is invalid JSON for encoding/json: got no error, want an error")
		}
		var doc map[string]json.RawMessage
		var elements []json.RawMessage
		if json.Unmarshal(document, &doc) != nil || json.Unmarshal(doc["keys"], &elements) != nil {
			t.Fatal("Parse of a document without an array of keys: got no error, want an error")
		}
		keys, skipped := set.Keys(), set.Skipped()
		if len(keys) == 0 || len(keys)+len(skipped) != len(elements) {
			t.Fatalf("got %d keys and %d skipped elements, want a sum of %d and at least one key", len(keys), len(skipped), len(elements))
		}
		for _, s := range slices.Backward(skipped) {
			elements = slices.Delete(elements, s.Index, s.Index+1)
			if strings.ContainsAny(s.Reason, "\r\n") || s.Reason == "" {
				t.Errorf("Reason of a skipped element: got %q, want one line", s.Reason)
			}
		}
		for i, key := range keys {
			compareKey(t, key, elements[i])
			found, err := set.Lookup(key.ID(), key.Algorithms()[0])
			if key.ID() != "" && (err != nil || !slices.Contains(found, key)) {
				t.Errorf("Lookup of kid %q: got keys %v and error %v, want the key with this kid and no error", key.ID(), found, err)
			}
		}
	})
}

// compareKey compares a key with its JWK.
func compareKey(t *testing.T, key *jwks.Key, element json.RawMessage) {
	t.Helper()
	var jwk map[string]json.RawMessage
	if err := json.Unmarshal(element, &jwk); err != nil {
		t.Fatal(err)
	}
	text := func(name string) string {
		var s string
		if v := jwk[name]; v != nil && json.Unmarshal(v, &s) != nil {
			t.Errorf("%q of a usable key: got %s, want a string", name, v)
		}
		return s
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth", "priv"} {
		if v := string(jwk[name]); v != "" && v != "null" && v != `""` {
			t.Errorf("element with the private member %q: got a usable key, want a skipped element", name)
		}
	}
	if use := text("use"); use != "" && use != "sig" && use != "jwt-svid" {
		t.Errorf("element with use %q: got a usable key, want a skipped element", use)
	}
	var ops []string
	if v := string(jwk["key_ops"]); v != "" && v != "null" && v != `""` && (json.Unmarshal(jwk["key_ops"], &ops) != nil || !slices.Contains(ops, "verify")) {
		t.Errorf("element with key_ops %s: got a usable key, want a skipped element", v)
	}
	if key.ID() != text("kid") {
		t.Errorf("ID: got %q, want %q", key.ID(), text("kid"))
	}
	algorithms := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "HS256", "none", ""}
	for _, alg := range algorithms {
		own := text("alg")
		if key.Verifies(alg) && own != "" && own != alg && (!strings.HasPrefix(own, "Ed") || !strings.HasPrefix(alg, "Ed")) {
			t.Errorf("Verifies(%q) of a key with alg %s: got true, want false", alg, own)
		}
	}
	number := func(name string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text(name), "="))
		if err != nil || len(b) == 0 {
			t.Errorf("%q of a usable key: got %q, want a number in base64url", name, text(name))
		}
		return new(big.Int).SetBytes(b)
	}
	only := func(family string) {
		for _, alg := range algorithms {
			if key.Verifies(alg) && !strings.Contains(family, "|"+alg+"|") {
				t.Errorf("Verifies(%q) of a key of type %s: got true, want false", alg, key.Type())
			}
		}
	}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		only("|RS256|RS384|RS512|PS256|PS384|PS512|")
		if text("kty") != "RSA" || public.N.Cmp(number("n")) != 0 || number("e").Cmp(big.NewInt(int64(public.E))) != 0 {
			t.Errorf("public key: got %v, want the key of JWK %s", public, element)
		}
		if bits := public.N.BitLen(); bits < 2048 || bits > 8192 || public.E < 3 || public.E%2 == 0 || public.N.Bit(0) == 0 {
			t.Errorf("element with an RSA key of %d bits and exponent %d: got a usable key, want a skipped element", bits, public.E)
		}
	case *ecdsa.PublicKey:
		only(map[string]string{"P-256": "|ES256|", "P-384": "|ES384|", "P-521": "|ES512|"}[text("crv")])
		point, err := public.Bytes() // Bytes returns an error if the point is not on the curve
		if err != nil || text("kty") != "EC" || public.Curve.Params().Name != text("crv") {
			t.Fatalf("public key: got %v and error %v, want the key of JWK %s and no error", public, err, element)
		}
		half := len(point) / 2
		x, y := new(big.Int).SetBytes(point[1:1+half]), new(big.Int).SetBytes(point[1+half:])
		if x.Cmp(number("x")) != 0 || y.Cmp(number("y")) != 0 {
			t.Errorf("public key: got %v, want the key of JWK %s", public, element)
		}
	case ed25519.PublicKey:
		only("|EdDSA|Ed25519|")
		if len(public) != ed25519.PublicKeySize || text("kty") != "OKP" || text("crv") != "Ed25519" || new(big.Int).SetBytes(public).Cmp(number("x")) != 0 {
			t.Errorf("public key: got %v, want the key of JWK %s", public, element)
		}
	default:
		t.Errorf("public key: got type %T, want a type of RSA, ECDSA or Ed25519", public)
	}
}
