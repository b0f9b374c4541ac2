package jwks_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/internal/testkit"
)

// Status costs the same for any number of keys. Callers share the lists of Status, but an append does not change the list of a different caller.
func TestStatusOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var keys []jwk
		for n := range 700 {
			keys = append(keys, ecKey(fmt.Sprint("k", n)))
		}
		c := newCache(t, newIssuer(keys...))
		if err := c.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := c.Status()
		want(t, "keys", len(s.Keys), 700)
		want(t, "capacity of Keys and Skipped", cap(s.Keys)+cap(s.Skipped), len(s.Keys)+len(s.Skipped))
		if testkit.RaceEnabled {
			return // the race detector allocates
		}
		want(t, "allocations", testing.AllocsPerRun(100, func() { s = c.Status() }), 0)
	})
}
