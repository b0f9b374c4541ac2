package dpop_test

import (
	"testing"

	"github.com/bearerkit/bearer/bearertest"
)

// TestRequestToken runs the code of docs/bound-tokens.md against an issuer.
func TestRequestToken(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{"api"}})
	defer issuer.Close()
	issuer.AddClient(bearertest.Client{ID: "client", Secret: "secret", Scopes: []string{"deploy:applications"}, Audience: []string{"api"}})
	client, err := newClient(t.Context(), issuer.TokenURL(), "client", "secret")
	if err != nil || client == nil {
		t.Errorf("got client %v and error %v, want a client", client, err)
	}
}
