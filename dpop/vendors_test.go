package dpop_test

import (
	"log/slog"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestKeycloak accepts the bound tokens of Keycloak as docs/issuers.md describes. In these tokens, the
// claim "typ" is DPoP, and "cnf" has a further member that names no key.
func TestKeycloak(t *testing.T) {
	binding, err := dpop.New(dpop.Options{Origins: []string{"https://api.example"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	client := newSigner(t)
	copied := bearer.Keycloak
	copied.RequiredValues = map[string][]string{"typ": {"Bearer", "DPoP"}}
	for name, test := range map[string]struct {
		profile bearer.Profile
		typ     string
		cnf     map[string]any
		scheme  string
		want    bearer.Reason
	}{
		"profile":                {bearer.Keycloak, "DPoP", map[string]any{"jkt": client.Thumbprint(), "kc-jkt-type": "DPoP"}, "DPoP ", bearer.InvalidClaims},
		"copied profile":         {copied, "DPoP", map[string]any{"jkt": client.Thumbprint(), "kc-jkt-type": "DPoP"}, "DPoP ", ""},
		"copied profile, Bearer": {copied, "DPoP", map[string]any{"jkt": client.Thumbprint()}, "Bearer ", bearer.WrongBinding},
		"bearer token":           {copied, "Bearer", nil, "Bearer ", ""},
	} {
		issuer := testkit.NewIssuer(t, "EdDSA")
		v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile, cfg.Bindings = test.profile, []bearer.Binding{binding} })
		claims := map[string]any{"scope": "a", "typ": test.typ}
		if test.cnf != nil {
			claims["cnf"] = test.cnf
		}
		token := issuer.Token(claims)
		proof, err := client.Proof("GET", "https://api.example/orders", token, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = bearer.Decide(t.Context(), v, (&boundAPI{}).request(test.scheme+token, proof))
		if got := reasonOf(err); got != test.want {
			t.Errorf("%s: got reason %q (%v), want %q", name, got, err, test.want)
		}
	}
}
