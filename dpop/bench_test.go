package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// benchAPI returns a verifier of bound and unbound tokens, and a request with a bound token. The proof
// is not remembered, so that it can be sent many times.
func benchAPI(tb testing.TB) (*bearer.JWTVerifier, *bearertest.Issuer, bearer.Request) {
	tb.Helper()
	binding, err := dpop.New(dpop.Options{Origins: []string{"https://api.example"}, SkipReplays: true})
	if err != nil {
		tb.Fatal(err)
	}
	issuer, client := testkit.NewIssuer(tb, "EdDSA"), newSigner(tb)
	v := testkit.NewVerifier(tb, issuer, func(cfg *bearer.Config) {
		cfg.Bindings, cfg.Logger = []bearer.Binding{binding}, slog.New(slog.DiscardHandler)
	})
	token := issuer.Token(map[string]any{"scope": "a", "cnf": map[string]any{"jkt": client.Thumbprint()}})
	proof, err := client.Proof("GET", "https://api.example/orders", token, "")
	if err != nil {
		tb.Fatal(err)
	}
	return v, issuer, bearer.Request{
		Rule: scopes.All("a"), Authorization: []string{"DPoP " + token}, Proofs: []string{proof},
		Method: "GET", Scheme: "https", Host: "api.example", Path: "/orders",
	}
}

func decideOnce(tb testing.TB, v bearer.Verifier, req bearer.Request) {
	tb.Helper()
	if _, err := bearer.Decide(tb.Context(), v, req); err != nil {
		tb.Fatal(err)
	}
}

// An unbound token costs the same allocations with and without bindings.
func TestUnboundAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates memory")
	}
	v, issuer, req := benchAPI(t)
	req.Authorization, req.Proofs = []string{"Bearer " + issuer.Token(map[string]any{"scope": "a"})}, nil
	decideOnce(t, v, req)
	plain := testkit.NewVerifier(t, issuer, nil)
	decideOnce(t, plain, req)
	with := testkit.Allocs(5, 100, func() { decideOnce(t, v, req) })
	without := testkit.Allocs(5, 100, func() { decideOnce(t, plain, req) })
	if without > 2 || with > without+1 {
		t.Errorf("got %v allocations with bindings and %v without, want at most 2 without and one more with them", with, without)
	}
}

// BenchmarkBound compares a request with a remembered bound token and a new proof signature with the
// verification of an ES256 signature alone.
func BenchmarkBound(b *testing.B) {
	v, issuer, req := benchAPI(b)
	b.Run("bound token with its proof", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decideOnce(b, v, req)
		}
	})
	b.Run("ES256 alone", func(b *testing.B) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		hash := sha256.Sum256([]byte(req.Proofs[0]))
		signature, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if !ecdsa.VerifyASN1(&key.PublicKey, hash[:], signature) {
				b.Fatal("got an invalid signature")
			}
		}
	})
	unbound := req
	unbound.Authorization, unbound.Proofs = []string{"Bearer " + issuer.Token(map[string]any{"scope": "a"})}, nil
	b.Run("unbound token", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decideOnce(b, v, unbound)
		}
	})
}
