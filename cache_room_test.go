package bearer_test

import (
	"testing"

	"github.com/bearerkit/bearer"
)

// TestCacheMakesRoom wants a full cache to give the room of tokens that nobody sends
// any more to those of today: each new one is to last a round, and not only until
// the next one comes.
func TestCacheMakesRoom(t *testing.T) {
	const size = 64
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = size })
	verify := func(token string) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	for range size {
		verify(issuer.Token(nil)) // yesterday's
	}
	var today []string
	for range size / 2 {
		today = append(today, issuer.Token(nil))
		verify(today[len(today)-1])
	}
	before := v.CacheStatus().Hits
	for _, token := range today {
		verify(token)
	}
	if hits := v.CacheStatus().Hits - before; hits != size/2 {
		t.Errorf("got %d of today's %d tokens remembered, want all", hits, size/2)
	}
}
