package realissuers_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// trustDomain is a SPIFFE trust domain with a bundle endpoint. go-spiffe, which is the library of
// SPIRE, writes and serves the bundle, and verifies the same tokens as bearer. The claims are those
// of SPIRE (pkg/server/credtemplate).
type trustDomain struct {
	bundle *spiffebundle.Bundle
	keys   map[string]crypto.Signer // by kid
	server *httptest.Server
}

func newTrustDomain(t *testing.T) *trustDomain {
	t.Helper()
	domain := spiffeid.RequireTrustDomainFromString("example.org")
	d := &trustDomain{bundle: spiffebundle.New(domain), keys: map[string]crypto.Signer{}}
	d.bundle.SetRefreshHint(5 * time.Minute)
	d.bundle.SetSequenceNumber(7)
	d.publish(t, "first")
	handler, err := federation.NewHandler(domain, d.bundle)
	if err != nil {
		t.Fatal(err)
	}
	d.server = httptest.NewTLSServer(handler)
	t.Cleanup(d.server.Close)
	d.bundle.AddX509Authority(d.server.Certificate()) // a bundle has keys for certificates too
	return d
}

// publish adds a new key for JWT-SVIDs to the bundle.
func (d *trustDomain) publish(t *testing.T, kid string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.bundle.AddJWTAuthority(kid, key.Public()); err != nil {
		t.Fatal(err)
	}
	d.keys[kid] = key
}

// mint signs the claims of a JWT-SVID as SPIRE does, with the changes.
func (d *trustDomain) mint(t *testing.T, kid string, key any, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{"sub": "spiffe://example.org/ns/prod/sa/billing", "exp": time.Now().Add(5 * time.Minute).Unix(), "aud": []string{audience}, "iat": time.Now().Unix()}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if typ, ok := changes["typ"]; ok {
		opts = &jose.SignerOptions{}
		if typ != "" {
			opts = opts.WithHeader(jose.HeaderType, typ)
		}
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(name string, v any) bool { return v == nil || name == "typ" })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// verifier returns a verifier that reads the bundle from a URL.
func (d *trustDomain) verifier(t *testing.T, url string) *bearer.JWTVerifier {
	t.Helper()
	opts := &jwks.Options{KeysURL: url, Logger: slog.New(slog.DiscardHandler)}
	if url == d.server.URL {
		opts.RootCAs = x509.NewCertPool()
		opts.RootCAs.AddCert(d.server.Certificate())
	}
	v, err := bearer.New(bearer.Config{
		Issuer: "spiffe://example.org", Audience: []string{audience}, Profile: bearer.SPIFFE,
		KeyOptions: opts, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSPIFFE verifies JWT-SVIDs with the keys of go-spiffe's bundle endpoint, of a bundle file, and
// after a rotation. A rule compares the SPIFFE ID.
func TestSPIFFE(t *testing.T) {
	d := newTrustDomain(t)
	text, err := d.bundle.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bundle.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	v := d.verifier(t, d.server.URL)
	for name, v := range map[string]*bearer.JWTVerifier{"endpoint": v, "file": d.verifier(t, "file://"+filepath.ToSlash(file))} {
		token := d.mint(t, "first", d.keys["first"], nil)
		for sub, want := range map[string]bearer.Reason{"spiffe://example.org/ns/prod/sa/billing": "", "spiffe://example.org/ns/prod/sa/other": bearer.MissingScope} {
			_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: bearer.ClaimEquals("sub", sub)})
			if got := reasonOf(t, err); got != want {
				t.Errorf("%s, rule with %s: got error %v, want reason %q", name, sub, err, want)
			}
		}
	}
	d.publish(t, "second")
	if _, err := v.Verify(t.Context(), d.mint(t, "second", d.keys["second"], nil)); err != nil {
		t.Errorf("after the rotation: got error %v, want none", err)
	}
	d.bundle.RemoveJWTAuthority("first")
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), d.mint(t, "first", d.keys["first"], nil)); reasonOf(t, err) != bearer.UnknownKey {
		t.Errorf("withdrawn key: got error %v, want reason %q", err, bearer.UnknownKey)
	}
}

// TestSPIFFEDifferential compares the verdicts of bearer and of go-spiffe. The function
// stricter has the changes for which bearer is stricter on purpose.
func TestSPIFFEDifferential(t *testing.T) {
	d := newTrustDomain(t)
	v := d.verifier(t, d.server.URL)
	attacker, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	values := map[string][]any{
		"sub": {
			"spiffe://example.org/a", "spiffe://example.org/a/B_c-d.e", "spiffe://example.org/...", "spiffe://example.org", "spiffe://example.org/", "spiffe://example.org//a", "spiffe://example.org/a/",
			"spiffe://example.org/./a", "spiffe://example.org/..", "spiffe://example.org/a%2Fb", "spiffe://example.org/ü", "spiffe://example.org/a b", "spiffe://example.org/a?b", "spiffe://example.com/a",
			"spiffe://example.orgx/a", "spiffe://Example.org/a", "SPIFFE://example.org/a", "https://example.org/a", "", nil, 7,
		},
		"iss": {nil, "https://spire.example", "", 7}, "aud": {[]string{audience}, audience, []string{"x", audience}, "x", []string{}, nil},
		"exp": {now + 60, now + 3600, now - 3600, nil, "x"}, "iat": {now, now - 60, nil}, "nbf": {nil, now - 60, now + 3600}, "typ": {"JWT", "JOSE", "", "at+jwt", "JWS", 7}, "cnf": {nil, map[string]any{"jkt": "x"}}, "nonce": {nil, "x"},
	}
	stricter := func(changes map[string]any) bool {
		return changes["sub"] == "spiffe://example.org" || changes["cnf"] != nil || changes["nonce"] != nil
	}
	random := mathrand.New(mathrand.NewPCG(3, 4)) //nolint:gosec // the cases must be the same in each run
	accepted, refused, onPurpose := 0, 0, 0
	for range 2000 {
		changes := map[string]any{}
		for name, list := range values {
			if random.IntN(4) == 0 {
				changes[name] = list[random.IntN(len(list))]
			}
		}
		kid, key := "first", any(d.keys["first"])
		if random.IntN(8) == 0 {
			key = attacker
		}
		if random.IntN(16) == 0 {
			kid = "unknown"
		}
		token := d.mint(t, kid, key, changes)
		_, reference := jwtsvid.ParseAndValidate(token, d.bundle.JWTBundle(), []string{audience})
		_, err := v.Verify(context.Background(), token)
		switch {
		case (err == nil) == (reference == nil) && err == nil:
			accepted++
		case (err == nil) == (reference == nil):
			refused++
		case reference == nil && stricter(changes):
			onPurpose++
		default:
			t.Errorf("%v, kid %s: bearer returned error %v, and go-spiffe returned error %v; want the same verdict", changes, kid, err, reference)
		}
	}
	if accepted < 200 || refused < 500 || onPurpose < 20 {
		t.Errorf("got %d accepted tokens, %d refused tokens and %d tokens that only bearer refuses, want at least 200, 500 and 20", accepted, refused, onPurpose)
	}
}
