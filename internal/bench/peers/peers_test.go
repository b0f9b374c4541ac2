package peers_test

import (
	"testing"

	"github.com/bearerkit/bearer/internal/bench/peers"
	"github.com/bearerkit/bearer/internal/bench/tokens"
)

// TestPeers tests that each peer accepts a valid token and refuses every hostile request. The
// cost of a peer without these checks cannot be compared with the cost of bearer.
func TestPeers(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		mint := tokens.New(alg)
		defer mint.Close()
		token := mint.Token()
		if alg == "RS256" && len(token) != 926 {
			t.Errorf("token with RS256: got %d characters, want 926", len(token))
		}
		for _, peer := range append(peers.All(), peers.GRPC()...) {
			t.Run(alg+"/"+peer.Name, func(t *testing.T) {
				endpoint, err := peer.Open(t.Context(), mint.Setup())
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if !endpoint("Bearer " + token)() {
						t.Error("the peer refused a valid token")
					}
				}
				for _, hostile := range mint.Hostile() {
					if hostile.Name == tokens.UnknownKid && peer.OneKey {
						continue
					}
					if endpoint(hostile.Authorization())() {
						t.Errorf("%s: the peer accepted the request, want a refusal", hostile.Name)
					}
				}
			})
		}
	}
}
