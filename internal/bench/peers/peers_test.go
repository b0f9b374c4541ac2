package peers_test

import (
	"testing"

	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

// TestPeers wants each peer to accept what is good and to refuse what is not: what
// does not check cannot be compared.
func TestPeers(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		mint := tokens.New(alg)
		defer mint.Close()
		token := mint.Token()
		if alg == "RS256" && len(token) != 926 {
			t.Errorf("got a token of %d characters, want 926", len(token))
		}
		for _, peer := range append(peers.All(), peers.GRPC()...) {
			t.Run(alg+"/"+peer.Name, func(t *testing.T) {
				door, err := peer.Open(t.Context(), mint.Setup())
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if !door("Bearer " + token)() {
						t.Error("a good token: got a refusal")
					}
				}
				for _, hostile := range mint.Hostile() {
					if hostile.Name == "unknown kid" && peer.OneKey {
						continue
					}
					if door(hostile.Authorization())() {
						t.Errorf("%s: got it accepted", hostile.Name)
					}
				}
			})
		}
	}
}
