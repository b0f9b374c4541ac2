package proof_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/proof"
)

// TestNewPublic tests the keys of RFC 7638, section 3.1, RFC 8037, appendix A.3, and RFC 9449,
// sections 4.1 and 6.1.
func TestNewPublic(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64" +
		"tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS" +
		"D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	const x, y = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
	const ed = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	for _, row := range []struct {
		jwk, thumbprint string
		key             crypto.PublicKey
	}{
		{`{"e":"AQAB","kty":"RSA","n":"` + n + `"}`, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", &rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, n)), E: 65537}},
		{`{"crv":"Ed25519","kty":"OKP","x":"` + ed + `"}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", ed25519.PublicKey(decode(t, ed))},
		{`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", point(t, x, y)},
	} {
		got, err := proof.NewPublic(row.key)
		if err != nil || got.JWK != row.jwk || got.Thumbprint != row.thumbprint {
			t.Errorf("%T: got %+v and error %v, want %s and %s", row.key, got, err, row.jwk, row.thumbprint)
		}
	}
}

// TestNewPublicReads tests that Read computes the same thumbprint, and that Verify accepts each
// algorithm in the list.
func TestNewPublicReads(t *testing.T) {
	for alg, c := range clients() {
		public, err := proof.NewPublic(c.key.Public())
		if err != nil {
			t.Errorf("%s: got error %v, want none", alg, err)
			continue
		}
		p, err := proof.Read(c.sign(t, object{"jwk": rawJSON(public.JWK)}, nil))
		if err != nil || p.Thumbprint() != public.Thumbprint {
			t.Errorf("%s: got %v and error %v, want thumbprint %s", alg, p, err, public.Thumbprint)
		}
		for _, other := range public.Algorithms {
			signer := *c
			signer.alg = other
			if _, err := read(signer.sign(t, nil, nil)); err != nil {
				t.Errorf("%s: %s: got error %v, want none", alg, other, err)
			}
		}
	}
}

func TestNewPublicErrors(t *testing.T) {
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	huge := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 4096), E: 65537}
	even := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 2}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string]crypto.PublicKey{
		"1024 bits": weak, "too large": huge, "exponent": even, "curve P-224": p224.Public(), "0 bytes": ed25519.PublicKey(nil),
		"type <nil>": nil, "type []uint8": []byte("secret"),
	} {
		if got, err := proof.NewPublic(key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: got %v and error %v, want an error with %q", key, got, err, want)
		}
	}
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func decode(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func point(t *testing.T, x, y string) *ecdsa.PublicKey {
	t.Helper()
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, decode(t, x)...), decode(t, y)...))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
