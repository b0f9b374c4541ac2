package vectors_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/jwks"
)

var b64 = base64.RawURLEncoding.EncodeToString

// signer signs the headers and claims that the fuzzer generates.
type signer struct {
	kid, jwk string
	sign     func(input []byte) []byte
}

func newSigners(f *testing.F) []signer {
	f.Helper()
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	return []signer{
		{
			"ed25519-1", fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"ed25519-1","x":%q}`, b64(edPublic)),
			func(input []byte) []byte { return ed25519.Sign(edPrivate, input) },
		},
		{
			"p256-1", fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"p256-1","x":%q,"y":%q}`, b64(point[1:33]), b64(point[33:])),
			func(input []byte) []byte {
				digest := sha256.Sum256(input)
				r, s, err := ecdsa.Sign(rand.Reader, ec, digest[:])
				if err != nil {
					return nil
				}
				return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
			},
		},
		{
			"rsa-1", fmt.Sprintf(`{"kty":"RSA","kid":"rsa-1","n":%q,"e":"AQAB"}`, b64(rs.N.Bytes())),
			func(input []byte) []byte {
				digest := sha256.Sum256(input)
				signature, err := rsa.SignPKCS1v15(nil, rs, crypto.SHA256, digest[:])
				if err != nil {
					return nil
				}
				return signature
			},
		},
	}
}

// FuzzDifferential signs generated headers and claims. If bearer accepts a token, go-jose
// and golang-jwt must accept this token too, except for the known differences.
func FuzzDifferential(f *testing.F) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		f.Fatal(err)
	}
	signers := newSigners(f)
	seen := make(map[string]bool)
	for i, row := range vectors.Rows {
		parts := strings.Split(row.Text(), ".")
		if len(parts) != 3 || len(row.Text()) > 1<<12 || seen[parts[0]+parts[1]] || row.VerifyReason() != "" && i%4 != 0 {
			continue
		}
		seen[parts[0]+parts[1]] = true
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		claims, claimsErr := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || claimsErr != nil {
			continue
		}
		for i, s := range signers {
			if bytes.Contains(header, []byte(`"`+s.kid+`"`)) {
				f.Add(header, claims, uint8(i))
			}
		}
	}
	set, err := jwks.Parse([]byte(`{"keys":[` + signers[0].jwk + "," + signers[1].jwk + "," + signers[2].jwk + `]}`))
	if err != nil {
		f.Fatal(err)
	}
	const issuer, audience = "https://issuer.example", "deployment-api"
	v, err := bearer.New(bearer.Config{
		Issuer: issuer, Audience: []string{audience}, Keys: set,
		// The profile requires as little as possible, because the test compares parsers.
		Profile: bearer.Profile{Types: []string{"at+jwt", "JWT", ""}, Required: []string{}, Scopes: []string{"scope", "scp"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, claims []byte, signerIndex uint8) {
		if len(header)+len(claims) > 8<<10 {
			t.Skip()
		}
		input := b64(header) + "." + b64(claims)
		token := input + "." + b64(signers[int(signerIndex)%len(signers)].sign([]byte(input)))
		if _, err := v.Verify(t.Context(), token); err != nil {
			return
		}
		for _, r := range references {
			err := r.verify(token, set, issuer, []string{audience}, time.Now(), 0)
			if err != nil && knownDifference(r.name, token) != "" {
				// All known differences are about the header. So the library must accept
				// the claims with a plain header.
				input := b64(plainHeader(token)) + "." + b64(claims)
				plain := input + "." + b64(signers[int(signerIndex)%len(signers)].sign([]byte(input)))
				err = r.verify(plain, set, issuer, []string{audience}, time.Now(), 0)
			}
			if err != nil {
				t.Errorf("header %q with claims %q: bearer returned no error, and %s returned error %v; want no error from either", header, claims, r.name, err)
			}
		}
	})
}

// FuzzKeys parses keys. If bearer accepts a key, go-jose must read the same key from the
// members that bearer does not ignore, after the coordinates got their full length.
func FuzzKeys(f *testing.F) {
	vectors, err := conformance.Load("../../testdata/vectors")
	if err != nil {
		f.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, settings := range vectors.Verifiers {
		var document struct {
			Keys []jsontext.Value `json:"keys"`
		}
		if err := json.Unmarshal(settings.Keys, &document); err != nil {
			f.Fatal(err)
		}
		for _, key := range document.Keys {
			if !seen[string(key)] {
				f.Add([]byte(key))
			}
			seen[string(key)] = true
		}
	}
	f.Fuzz(func(t *testing.T, element []byte) {
		set, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[%s]}`, element))
		if err != nil || len(set.Keys()) != 1 || len(set.Skipped()) > 0 {
			return
		}
		if !jsontext.Value(element).IsValid() {
			return // bearer tolerates mistakes in members that it ignores; FuzzParse of jwks checks this
		}
		var members map[string]jsontext.Value
		if err := json.Unmarshal(element, &members); err != nil {
			t.Fatal(err)
		}
		var kty string
		if err := json.Unmarshal(members["kty"], &kty); err != nil {
			t.Fatal(err)
		}
		for name, value := range members {
			// Some serializers write null or "" for missing members.
			if !slices.Contains(keyMembers[kty], name) || value.Kind() == 'n' || string(value) == `""` {
				delete(members, name)
			}
		}
		if public, ok := set.Keys()[0].Public().(*ecdsa.PublicKey); ok {
			for _, name := range []string{"x", "y"} {
				members[name] = fullLength(t, members[name], (public.Params().BitSize+7)/8)
			}
		}
		plain, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		var other jose.JSONWebKey
		if err := other.UnmarshalJSON(plain); err != nil {
			t.Fatalf("key %s: bearer returned no error, and go-jose returned error %v; want no error from either", element, err)
		}
		key := set.Keys()[0]
		same, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !same.Equal(other.Key) || key.ID() != other.KeyID {
			t.Errorf("%s: bearer and go-jose read different keys, want equal keys", element)
		}
	})
}

// fullLength returns a coordinate with as many bytes as go-jose requires.
func fullLength(t *testing.T, coordinate jsontext.Value, size int) jsontext.Value {
	t.Helper()
	var text string
	if err := json.Unmarshal(coordinate, &text); err != nil {
		t.Fatal(err)
	}
	number, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		t.Fatal(err)
	}
	number = bytes.TrimLeft(number, "\x00")
	return jsontext.Value(`"` + b64(append(make([]byte, size-len(number)), number...)) + `"`)
}

// keyMembers lists, for each key type, the members that define a key and its use. bearer
// also reads "key_ops", "issuer" and the members of private keys, but these can only cause
// bearer to refuse the key. bearer ignores all other members (RFC 7517, section 4),
// including certificates and the members of other key types. go-jose decodes every member
// that it supports, in keys of all types. For example, go-jose refuses an EC key whose "e"
// is not base64url.
var keyMembers = map[string][]string{
	"RSA": {"kty", "kid", "alg", "use", "n", "e"},
	"EC":  {"kty", "kid", "alg", "use", "crv", "x", "y"},
	"OKP": {"kty", "kid", "alg", "use", "crv", "x"},
}

// plainHeader returns the header of a token, but keeps only the members that all libraries
// read.
func plainHeader(token string) []byte {
	members := headerOf(token)
	maps.DeleteFunc(members, func(name string, _ jsontext.Value) bool { return name != "alg" && name != "kid" && name != "typ" })
	if isEd25519(members["alg"]) {
		members["alg"] = jsontext.Value(`"EdDSA"`)
	}
	plain, _ := json.Marshal(members)
	return plain
}
