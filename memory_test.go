//go:build !race

package bearer_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/bearerkit/bearer"
)

// TestCacheMemory tests that a cached token with its claims takes at most 1 KiB, as
// docs/speed.md states.
func TestCacheMemory(t *testing.T) {
	const n = 4000
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Profile = bearer.Scalekit })
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = issuer.Mint(map[string]any{"typ": "JWT"}, map[string]any{
			"client_id":     "m2morg_68315758685323697",
			"sub":           "m2morg_68315758685323697",
			"oid":           "org_59615193906282635",
			"custom_claims": map[string]string{"environment": "production-europe-west", "tier": "gold"},
			"scopes":        []string{"deploy:applications", "read:deployments"},
			"jti":           fmt.Sprintf("tkn_%017d", i),
			"nbf":           1767222300 - 1e8,
		})
	}
	before := heap()
	for _, token := range tokens {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	after := heap()
	if got := v.CacheStatus().Entries; got != n {
		t.Errorf("got %d tokens cached, want %d", got, n)
	}
	per := (int64(after) - int64(before)) / n //nolint:gosec // the sizes fit into an int64
	t.Logf("%d bytes for each token", per)
	if per > 1<<10 {
		t.Errorf("got %d bytes for each token, want at most 1,024", per)
	}
	runtime.KeepAlive(tokens)
}

// heap returns the number of bytes in use after two garbage collections, because one
// collection does not empty a sync.Pool.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
