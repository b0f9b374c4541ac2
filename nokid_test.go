package bearer_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestTokensWithoutKid verifies tokens without a kid while the issuer publishes more and more
// keys. The cache never changes a verdict.
func TestTokensWithoutKid(t *testing.T) {
	issuer, events := newIssuer(t), &testkit.Recorder{}
	// The test sends more tokens that no key verifies than CoolDown permits fetches.
	cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler), RefuseNotAsked: true})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.Keys = events, cache })
	refresh := func() {
		t.Helper()
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(label, token, want string) {
		t.Helper()
		if got := verifyOnce(t, v, events, token); got != want {
			t.Errorf("%s: got %q, want %q", label, got, want)
		}
	}
	noKid := map[string]any{"kid": nil}
	refresh()
	first := issuer.Mint(noKid, nil)
	want("first token, one key", first, "ok")
	want("first token, one key", first, "ok, cached")
	for n := 2; n <= 4; n++ {
		issuer.Rotate()
		refresh()
		want("first token, several keys", first, "ok, cached")
		latest := issuer.Mint(noKid, nil)
		want("token of the latest key", latest, "ok")
		want("token of the latest key", latest, "ok, cached")
		want("forged token", issuer.Forge(noKid, nil), "signature")
		want("token of a published key with an unknown kid", issuer.Mint(map[string]any{"kid": "unknown"}, nil), "unknown_key")
	}

	kid := issuer.SigningKey("").ID()
	issuer.Rotate()
	refresh()
	want("first token, five keys", first, "unknown_key")
	want("new token, five keys", issuer.Mint(noKid, nil), "unknown_key")
	want("token with a kid, five keys", issuer.Token(nil), "ok")
	fetches := cache.Status().Fetches
	_, err = v.Verify(t.Context(), first)
	events.Take()
	for _, part := range []string{"the token has no kid, and no key of the issuer is chosen for RS256", "5 keys of the issuer fit RS256, and at most 4 are tried"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("five keys: got error %v, want one that contains %q", err, part)
		}
	}
	if !errors.Is(err, jwks.ErrUnknownKey) || strings.Contains(err.Error(), `""`) {
		t.Errorf("five keys: got error %v, want ErrUnknownKey without an empty kid", err)
	}
	if got := cache.Status().Fetches; got != fetches {
		t.Errorf("five keys: got %d fetches because of the tokens, want none", got-fetches)
	}
	x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + first}, Rule: scopes.All()})
	if !strings.Contains(x.String(), "one to four keys of the issuer must fit the alg") {
		t.Errorf("explanation: got\n%s\nwant the advice for a token without a kid", x)
	}

	issuer.Withdraw(kid)
	refresh()
	want("first token, four keys again", first, "ok, cached")
	_, err = v.Verify(t.Context(), issuer.Forge(noKid, nil))
	if err == nil || !strings.Contains(err.Error(), "not valid under the issuer's keys that fit RS256 (the token has no kid)") {
		t.Errorf("forged token: got error %v, want one that names no kid", err)
	}
}
