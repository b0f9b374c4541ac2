package dpop_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/proof"
)

const (
	// figureToken and figureHash are the token and its "ath" in RFC 9449, section 7.1.
	figureToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	figureHash  = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
)

// keys has a key of each kind, by the algorithm that NewSigner chooses.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	list := map[string]crypto.Signer{}
	must := func(alg string, key crypto.Signer, err error) {
		if list[alg] = key; err != nil {
			panic(err)
		}
	}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		must(alg, key, err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must("EdDSA", ed, err)
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	must("PS256", weak, err)
	return list
})

func newSigner(tb testing.TB) *dpop.Signer {
	tb.Helper()
	s, err := dpop.GenerateSigner()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// verified returns the proof and the claims of a field after it has verified the signature.
func verified(tb testing.TB, field string) (*proof.Proof, *proof.Claims) {
	tb.Helper()
	p, err := proof.Read(field)
	if err == nil {
		err = p.Verify()
	}
	if err != nil {
		tb.Errorf("got a proof with the fault %v", err)
		return new(proof.Proof), new(proof.Claims)
	}
	c, err := p.Claims()
	if err != nil {
		tb.Errorf("got claims with the fault %v", err)
		c = new(proof.Claims)
	}
	return p, c
}

// TestSigner tests the proofs of each algorithm with the reader of the API's side.
func TestSigner(t *testing.T) {
	for kind, key := range keys() {
		algorithms := []string{kind}
		switch kind {
		case "EdDSA":
			algorithms = append(algorithms, "Ed25519")
		case "PS256":
			algorithms = append(algorithms, "RS256", "RS384", "RS512", "PS384", "PS512")
		}
		for i, want := range append([]string{""}, algorithms...) {
			s, err := dpop.NewSigner(key, want)
			if err != nil {
				t.Fatal(err)
			}
			want = algorithms[max(i-1, 0)]
			for range 20 { // R and S of an ECDSA signature have leading zero bytes in some signatures
				field, err := s.Proof("GET", "https://api.example/a", figureToken, "n")
				if err != nil {
					t.Fatal(err)
				}
				if p, _ := verified(t, field); p.Algorithm() != want || p.Thumbprint() != s.Thumbprint() {
					t.Errorf("got algorithm %s and thumbprint %s, want %s and %s", p.Algorithm(), p.Thumbprint(), want, s.Thumbprint())
				}
			}
			if s.Algorithm() != want {
				t.Errorf("got algorithm %s, want %s", s.Algorithm(), want)
			}
		}
	}
}

func TestSignerProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, now := newSigner(t), time.Now()
		for _, row := range []struct{ uri, want string }{
			{"https://api.example/a?b=c#d", "https://api.example/a"},
			{"https://api.example", "https://api.example/"},
			{"https://api.example?b=/c", "https://api.example/"},
			{"https://api.example#/c", "https://api.example/"},
			{"https://API.example:443/a//b/../%7e/", "https://API.example:443/a//b/../%7e/"},
			{"http://[::1]:8080/a&b<'\">", "http://[::1]:8080/a&b<'\">"},
		} {
			field, err := s.Proof("POST", row.uri, figureToken, "!n,=~")
			if err != nil {
				t.Errorf("%s: got error %v, want none", row.uri, err)
				continue
			}
			_, got := verified(t, field)
			if len(got.ID) < 22 {
				t.Errorf("got jti %q, want at least 128 bits", got.ID)
			}
			got.ID = ""
			if want := (proof.Claims{Method: "POST", URI: row.want, IssuedAt: now, TokenHash: figureHash, Nonce: "!n,=~", HasNonce: true}); *got != want {
				t.Errorf("%s: got claims %+v, want %+v", row.uri, *got, want)
			}
		}
		field, err := s.Proof("POST", "https://issuer.example/token", "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, got := verified(t, field); got.TokenHash != "" || got.HasNonce {
			t.Errorf("without token and nonce: got claims %+v, want neither ath nor nonce", *got)
		}
	})
}

func TestSignerProofErrors(t *testing.T) {
	s := newSigner(t)
	const uri = "https://api.example/a"
	for want, call := range map[string][4]string{
		"not a method":                {"", uri, "t", ""},
		`"G T" is not a method`:       {"G T", uri, "t", ""},
		"the token has a character":   {"GET", uri, "Bearer secret", ""},
		"the nonce":                   {"GET", uri, "t", `secret"`},
		"not absolute":                {"GET", "/a", "t", ""},
		"scheme":                      {"GET", "wss://api.example/a", "t", ""},
		"authority":                   {"GET", "https://secret@api.example/a", "t", ""},
		"a character that no URI has": {"GET", "https://api.example/a b", "t", ""},
	} {
		got, err := s.Proof(call[0], call[1], call[2], call[3])
		if got != "" || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %q and error %v, want an error with %q", call, got, err, want)
		}
	}
	for _, s := range []*dpop.Signer{nil, {}} {
		if got, err := s.Proof("GET", uri, "t", ""); got != "" || err == nil {
			t.Errorf("%p: got %q and error %v, want an error", s, got, err)
		}
	}
}

// TestSignerConcurrent tests that concurrent calls make proofs with different identifiers.
func TestSignerConcurrent(t *testing.T) {
	s := newSigner(t)
	var ids sync.Map
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 20 {
				field, err := s.Proof("GET", "https://api.example/", figureToken, "")
				if err != nil {
					t.Error(err)
					return
				}
				if _, c := verified(t, field); c.ID == "" {
					t.Error("got a proof without an identifier")
				} else if _, seen := ids.LoadOrStore(c.ID, true); seen {
					t.Errorf("got the identifier %q twice", c.ID)
				}
			}
		})
	}
	group.Wait()
}

// remoteKey is a key in a key management service.
type remoteKey struct {
	crypto.Signer
	sign func(digest []byte, options crypto.SignerOpts) ([]byte, error)
}

func (r remoteKey) Sign(_ io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	return r.sign(digest, options)
}

var errRemote = errors.New("the key service is down")

// TestSignerRemoteKey tests keys that are not of the standard library.
func TestSignerRemoteKey(t *testing.T) {
	es256, es384 := keys()["ES256"], keys()["ES384"]
	for want, key := range map[string]remoteKey{
		"": {es256, func(digest []byte, options crypto.SignerOpts) ([]byte, error) {
			return es256.Sign(rand.Reader, digest, options)
		}},
		errRemote.Error(): {es256, func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, errRemote }},
		"not ASN.1":       {es256, func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil }},
		"different curve": {es256, func(digest []byte, options crypto.SignerOpts) ([]byte, error) {
			return es384.Sign(rand.Reader, digest, options)
		}},
	} {
		s, err := dpop.NewSigner(key, "")
		if err != nil {
			t.Fatal(err)
		}
		field, err := s.Proof("GET", "https://api.example/", figureToken, "")
		switch {
		case want == "" && err == nil:
			verified(t, field)
		case want == "" || err == nil || !strings.Contains(err.Error(), want) || field != "":
			t.Errorf("got %q and error %v, want %q", field, err, want)
		case want == errRemote.Error() && !errors.Is(err, errRemote):
			t.Errorf("got error %v, want an error that wraps errRemote", err)
		}
	}
}

func TestNewSignerErrors(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, row := range map[string]struct {
		key       crypto.Signer
		algorithm string
	}{
		"key: nil":                     {nil, ""},
		"dpop: key: nil":               {(*ecdsa.PrivateKey)(nil), ""},
		"P-224":                        {p224, ""},
		`"ES384" does not fit`:         {keys()["ES256"], "ES384"},
		`use one of "EdDSA"`:           {keys()["EdDSA"], "ES256"},
		`"none" does not fit`:          {keys()["PS256"], "none"},
		"type *ecdsa.PublicKey; use o": {keys()["ES256"], "HS256"},
	} {
		if got, err := dpop.NewSigner(row.key, row.algorithm); got != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v and error %v, want an error with %q", got, err, want)
		}
	}
}

// TestSignerPrint tests that no printed form of a Signer contains its key.
func TestSignerPrint(t *testing.T) {
	s, err := dpop.NewSigner(keys()["ES256"], "")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("dpop.Signer{Algorithm: %q, Thumbprint: %q}", "ES256", s.Thumbprint())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, v := range []any{s, *s} {
			if got, want := fmt.Sprintf(verb, v), fmt.Sprintf(verb, want); got != want {
				t.Errorf("%s: got %q, want %q", verb, got, want)
			}
		}
	}
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).InfoContext(context.Background(), "started", "signer", s)
	slog.New(slog.NewTextHandler(&b, nil)).InfoContext(context.Background(), "started", "signer", s)
	text, err := json.Marshal(map[string]any{"signer": s, "value": *s})
	if n := strings.Count(b.String()+string(text), s.Thumbprint()); err != nil || n != 4 {
		t.Errorf("got %d thumbprints and error %v in %s %s, want 4", n, err, b.String(), text)
	}
}

// TestFigureHash tests that the constants are those of RFC 9449, section 7.1.
func TestFigureHash(t *testing.T) {
	sum := sha256.Sum256([]byte(figureToken))
	if got := base64.RawURLEncoding.EncodeToString(sum[:]); got != figureHash {
		t.Errorf("got %s, want %s", got, figureHash)
	}
}
