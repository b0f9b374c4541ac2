package vectors_test

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/proof"
)

// oracle reads a proof with go-jose, which shares no code with package proof. It accepts the proof if
// its signature is valid under the public key in its header. It returns the thumbprint of the key.
func oracle(field string) (thumbprint string, err error) {
	parsed, err := jose.ParseSignedCompact(field, []jose.SignatureAlgorithm{
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	})
	if err != nil {
		return "", err
	}
	key := parsed.Signatures[0].Header.JSONWebKey
	if key == nil || !key.IsPublic() || !key.Valid() {
		return "", errors.New("no public key")
	}
	if _, err := parsed.Verify(key); err != nil {
		return "", err
	}
	hash, err := key.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(hash), err
}

// ours reads a proof with package proof.
func ours(field string) (thumbprint string, err error) {
	p, err := proof.Read(field)
	if err != nil {
		return "", err
	}
	return p.Thumbprint(), p.Verify()
}

// stricter matches the errors of package proof for proofs that go-jose accepts: everything that is
// stricter than go-jose on purpose. Each part names a rule of the checklist.
var stricter = regexp.MustCompile(strings.Join([]string{
	`is too long`,                              // DP01
	`has a character that no JWT has`,          // DP01: go-jose ignores white space
	`"typ" of the proof is not dpop\+jwt`,      // DP04
	`crit|b64|critical|extension`,              // DP03
	`duplicate|twice|more than once`,           // DP12
	`member of a private key`,                  // DP05
	`not in canonical form`,                    // DP08
	`RSA key (has|is)`,                         // DP06
	`"alg" of the proof`,                       // DP06
	`base64|illegal|canonical|trailing bits`,   // DP08
	`JSON|invalid|UTF-8|name|object|nest|deep`, // DP12: strict JSON
	`its type is not supported`,
	`the header of the proof`,
}, "|"))

// unread matches the errors of go-jose about what package proof accepts on purpose: the name Ed25519 of
// RFC 9864, which go-jose does not know, and x5c, which package proof does not read (DP03).
var unread = regexp.MustCompile(`unexpected signature algorithm "Ed25519"|failed to unmarshal x5c header`)

// compare fails the test if package proof accepts a proof that go-jose refuses, if the thumbprints
// differ, or if package proof refuses a proof for a cause that is not in stricter. It reports whether
// package proof accepts the proof.
func compare(t *testing.T, field string) bool {
	t.Helper()
	wantPrint, wantErr := oracle(field)
	gotPrint, gotErr := ours(field)
	switch {
	case gotErr == nil && wantErr != nil && !unread.MatchString(wantErr.Error()):
		t.Errorf("got the proof %q accepted, want it refused as by go-jose: %v", field, wantErr)
	case gotErr == nil && wantErr == nil && gotPrint != wantPrint:
		t.Errorf("got thumbprint %q of the proof %q, want %q as from go-jose", gotPrint, field, wantPrint)
	case gotErr != nil && wantErr == nil && !stricter.MatchString(gotErr.Error()):
		t.Errorf("got the proof %q refused: %v; want a cause that is stricter than go-jose on purpose", field, gotErr)
	}
	return gotErr == nil
}

// seedProofs returns the proofs of testdata/dpop/vectors.json.
func seedProofs(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile("../../testdata/dpop/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	type request struct {
		Proofs []string `json:"proofs"`
	}
	var file struct {
		Vectors []struct {
			HTTP []request `json:"http"`
			GRPC []request `json:"grpc"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	var all []string
	for _, v := range file.Vectors {
		for _, r := range slices.Concat(v.HTTP, v.GRPC) {
			all = append(all, r.Proofs...)
		}
	}
	if len(all) < 500 {
		tb.Fatalf("got %d proofs, want at least 500", len(all))
	}
	return all
}

// TestProofOracle compares package proof with go-jose for all proofs of the vectors, and for 20,000
// changes of them.
func TestProofOracle(t *testing.T) {
	seeds := seedProofs(t)
	accepted := 0
	for _, field := range seeds {
		if compare(t, field) {
			accepted++
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same cases in each run
	for range 20_000 {
		field := changed(random, seeds[random.IntN(len(seeds))], seeds[random.IntN(len(seeds))])
		if compare(t, field) {
			accepted++
		}
	}
	if accepted < 200 {
		t.Errorf("got %d proofs accepted, want at least 200, so that the comparison means something", accepted)
	}
}

// changed returns a proof with a random change of a character, of a part, of the text in its header or
// of the alphabet. The other proof gives parts.
func changed(random *rand.Rand, field, other string) string {
	parts, others := strings.Split(field, "."), strings.Split(other, ".")
	if field == "" || len(parts) != 3 || len(others) != 3 {
		return field + other
	}
	switch random.IntN(5) {
	case 0:
		i := random.IntN(len(field))
		return field[:i] + string("Aa0-_.=+/ "[random.IntN(10)]) + field[i+1:]
	case 1:
		i := random.IntN(3)
		parts[i] = others[i]
	case 2:
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil || len(header) == 0 {
			return field
		}
		i := random.IntN(len(header))
		parts[0] = b64(slices.Concat(header[:i], []byte(`{}",: x0`)[random.IntN(8):][:1], header[i+random.IntN(2):]))
	case 3:
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil {
			return field
		}
		names := []string{"alg", "typ", "jwk", "kty", "crv", "x", "y", "n", "e", "kid", "crit", "d"}
		parts[0] = b64([]byte(strings.Replace(string(header), fmt.Sprintf("%q", names[random.IntN(len(names))]), fmt.Sprintf("%q", names[random.IntN(len(names))]), 1)))
	default:
		return field + strings.Repeat("=", random.IntN(3))
	}
	return strings.Join(parts, ".")
}

// FuzzProof compares package proof with go-jose.
func FuzzProof(f *testing.F) {
	for i, field := range seedProofs(f) {
		if i%5 == 0 && len(field) < 2<<10 {
			f.Add(field)
		}
	}
	f.Fuzz(func(t *testing.T, field string) { compare(t, field) })
}
