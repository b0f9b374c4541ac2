package jwks_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/jwks"
)

// With Failover, a flood of unknown kids does not make Sources use a later source, which may still
// have a key that the issuer has withdrawn.
func TestNotAskedIsNoFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newCache(t, newIssuer(ecKey("a")), hourly), newCache(t, newIssuer(ecKey("a"), ecKey("withdrawn")), hourly)
		s := &jwks.Sources{Caches: []*jwks.Cache{first, second}, Failover: true}
		for n := range 10 {
			_, err := s.Key(t.Context(), fmt.Sprint("x", n), "ES256")
			if e, ok := errorAs(err); n >= 2 && (!ok || !e.NotAsked) {
				t.Errorf("lookup %d: got error %v, want NotAsked", n, err)
			}
		}
		if keys, err := s.Key(t.Context(), "withdrawn", "ES256"); err == nil {
			t.Errorf("got keys %v of the second source, want none", keys)
		}
	})
}
