package proof_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
)

// recording is a part of a file in testdata/dpop/recordings.
type recording struct {
	Time  time.Time `json:"time"`
	Grant struct {
		AccessToken string `json:"access_token"`
	} `json:"grant"`
	Requests []struct {
		Line   string   `json:"line"`
		Host   string   `json:"host"`
		Proofs []string `json:"proofs"`
		Nonce  string   `json:"nonce"`
	} `json:"requests"`
}

// readRecordings returns the files in testdata/dpop/recordings. The keys are the names of the clients.
func readRecordings(t *testing.T) map[string]recording {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/dpop/recordings/*.json")
	if err != nil || len(paths) < 3 {
		t.Fatalf("got %d recordings (%v), want at least 3", len(paths), err)
	}
	all := make(map[string]recording)
	for _, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = r
	}
	return all
}

// TestRecordings reads the proofs that clients of other projects have made.
func TestRecordings(t *testing.T) {
	for name, r := range readRecordings(t) {
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
		if len(r.Requests) != 7 || withNonce != 3 {
			t.Errorf("%s: got %d proofs, %d of them with a nonce, want 7 and 3", name, len(r.Requests), withNonce)
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
