package bearertest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"sync"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
)

func kids(i *bearertest.Issuer) []string {
	var ids []string
	for _, k := range i.Keys() {
		ids = append(ids, k.ID())
	}
	return ids
}

func TestRotation(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	first := issuer.SigningKey("")
	before := issuer.Token(nil)
	second := issuer.Rotate()
	if got, want := kids(issuer), []string{first.ID(), second.ID()}; !slices.Equal(got, want) {
		t.Errorf("got keys %v, want %v", got, want)
	}
	after := issuer.Token(nil)
	if got := part(t, after, 0)["kid"]; got != second.ID() {
		t.Errorf("got kid %v after a rotation, want %s", got, second.ID())
	}
	for _, token := range []string{before, after} {
		if _, err := verify(issuer, token); err != nil {
			t.Error(err)
		}
	}
	issuer.Withdraw(first.ID())
	if _, err := verify(issuer, before); err == nil {
		t.Error("token signed with a withdrawn key: got no error, want one")
	}

	hidden := bearertest.NewKey("ES256", "hidden")
	issuer.SignWith(hidden)
	if token := issuer.Token(nil); part(t, token, 0)["kid"] != "hidden" {
		t.Error("after SignWith: got a token with a different kid, want kid \"hidden\"")
	}
	if _, err := verify(issuer, issuer.Token(nil)); err == nil {
		t.Error("token signed with an unpublished key: got no error, want one")
	}
	issuer.Publish(hidden)
	if _, err := verify(issuer, issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}

func TestJWK(t *testing.T) {
	for _, row := range []struct{ alg, kty, crv string }{
		{"RS256", "RSA", ""},
		{"PS512", "RSA", ""},
		{"ES256", "EC", "P-256"},
		{"ES384", "EC", "P-384"},
		{"ES512", "EC", "P-521"},
		{"EdDSA", "OKP", "Ed25519"},
		{"Ed25519", "OKP", "Ed25519"},
	} {
		jwk := object(t, bearertest.NewKey(row.alg, "id").JWK())
		crv, _ := jwk["crv"].(string)
		if jwk["kty"] != row.kty || crv != row.crv || jwk["alg"] != row.alg || jwk["kid"] != "id" || jwk["use"] != "sig" || jwk["d"] != nil {
			t.Errorf("%s: got JWK %v, want kty %q, crv %q, use sig and no private member", row.alg, jwk, row.kty, row.crv)
		}
	}
}

func TestKeyFrom(t *testing.T) {
	odd, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := bearertest.KeyFrom(odd, "ES384", "")
	if key.ID() == "" || key.Signer() != any(odd) || key.Renamed("x").ID() != "x" {
		t.Errorf("got ID %q and signer %v, want a random ID and the given key", key.ID(), key.Signer())
	}
	rs := bearertest.NewKey("RS256", "k")
	if ps := rs.As("PS256"); ps.Algorithm() != "PS256" || ps.ID() != "k" || !rs.Public().(*rsa.PublicKey).Equal(ps.Public()) { //nolint:errcheck // the key is an RSA key
		t.Errorf("got key %[2]q with algorithm %[1]s, want the same key with the same ID and algorithm PS256", ps.Algorithm(), ps.ID())
	}
}

// TestOpenIssuersNeverShareKeys tests that two open issuers have different keys. If two open
// issuers share a key, a test cannot detect that a verifier confuses the issuers.
func TestOpenIssuersNeverShareKeys(t *testing.T) {
	a, b := bearertest.NewUnstartedIssuer(nil), bearertest.NewUnstartedIssuer(nil)
	defer b.Close()
	ka, kb := a.SigningKey(""), b.SigningKey("")
	if ka.Public().(*rsa.PublicKey).Equal(kb.Public()) { //nolint:errcheck // the key is an RSA key
		t.Fatal("got the same key for two open issuers, want two different keys")
	}
	a.Close()
	a.Close()
	c := bearertest.NewUnstartedIssuer(nil)
	defer c.Close()
	kc := c.SigningKey("").Public()
	if kb.Public().(*rsa.PublicKey).Equal(kc) { //nolint:errcheck // the key is an RSA key
		t.Fatal("after Close of the first issuer: got the same key for two open issuers, want two different keys")
	}
	if _, err := verify(a, a.Token(nil)); err != nil {
		t.Errorf("token minted after Close: got error %v, want none", err)
	}
	if a.Rotate().Public().(*rsa.PublicKey).Equal(kc) { //nolint:errcheck // the key is an RSA key
		t.Fatal("Rotate after Close: got the key of an open issuer, want a different key")
	}
}

func TestConcurrentUse(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				old := issuer.Rotate()
				issuer.Token(nil)
				issuer.JWKS()
				issuer.AddClient(bearertest.Client{ID: "a", Secret: "s"})
				issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: 500, Times: 1})
				fetch(t, issuer.HTTPClient(), issuer.KeysURL())
				issuer.Withdraw(old.ID())
			}
		})
	}
	group.Wait()
	if got := issuer.Fetches(bearertest.KeysEndpoint); got != 80 {
		t.Errorf("got %d fetches of the key set, want 80", got)
	}
}
