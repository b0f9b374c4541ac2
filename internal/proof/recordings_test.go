package proof_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestRecordings reads the proofs that clients of other projects have made.
func TestRecordings(t *testing.T) {
	for name, r := range testkit.Recordings(t, "../../testdata") {
		sum := sha256.Sum256([]byte(r.Grant.AccessToken))
		hash, bound := base64.RawURLEncoding.EncodeToString(sum[:]), confirmation(t, r.Grant.AccessToken)
		nonce, withNonce, longer, ids := "", 0, 0, map[string]bool{}
		for _, request := range r.Requests {
			claims := readProof(t, request.Proofs, bound)
			words := strings.Fields(request.Line)
			path, _, _ := strings.Cut(words[1], "?")
			uri := "https://" + request.Host + path
			if got, want := target(t, claims.URI), target(t, uri); claims.Method != words[0] || got != want {
				t.Errorf("%s: got method %s and target %q, want %s and %q", name, claims.Method, got, words[0], want)
			}
			if claims.URI != uri {
				longer++
			}
			if claims.TokenHash != hash || claims.Nonce != nonce {
				t.Errorf("%s: %s: got ath %q and nonce %q, want %q and %q", name, request.Line, claims.TokenHash, claims.Nonce, hash, nonce)
			}
			if age := r.Time.Sub(claims.IssuedAt); age < 0 || age > 30*time.Second || ids[claims.ID] {
				t.Errorf("%s: %s: got a proof that is %v old with jti %q, want at most 30 s and a new jti", name, request.Line, age, claims.ID)
			}
			ids[claims.ID] = true
			if claims.HasNonce {
				withNonce++
			}
			if request.Nonce != "" {
				nonce = request.Nonce
			}
		}
		if withNonce != 3 {
			t.Errorf("%s: got %d proofs with a nonce, want 3", name, withNonce)
		}
		// The package dpop writes the query and the fragment into "htu".
		if want := map[string]int{"dpop": 3}[name]; longer != want {
			t.Errorf("%s: got %d proofs whose htu has a query or a fragment, want %d", name, longer, want)
		}
	}
}

// readProof returns the claims of the only proof in the list. The signature of the proof must
// be valid, and its key must have the thumbprint.
func readProof(t *testing.T, proofs []string, thumbprint string) *proof.Claims {
	t.Helper()
	if len(proofs) != 1 {
		t.Fatalf("got %d proofs, want 1", len(proofs))
	}
	p, err := proof.Read(proofs[0])
	if err != nil {
		t.Fatal(err)
	}
	if p.Thumbprint() != thumbprint {
		t.Errorf("got thumbprint %s, want the cnf.jkt %s of the token", p.Thumbprint(), thumbprint)
	}
	if err := p.Verify(); err != nil {
		t.Error(err)
	}
	claims, err := p.Claims()
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func target(t *testing.T, uri string) string {
	t.Helper()
	got, err := proof.Target(uri, false)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// confirmation returns the member "cnf.jkt" of a token.
func confirmation(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("got a token of %d parts, want 3", len(parts))
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Confirmation struct {
			Thumbprint string `json:"jkt"`
		} `json:"cnf"`
	}
	if err := json.Unmarshal(decoded, &claims); err != nil || claims.Confirmation.Thumbprint == "" {
		t.Fatalf("got the claims %s, want claims with cnf.jkt", decoded)
	}
	return claims.Confirmation.Thumbprint
}
