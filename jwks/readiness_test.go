package jwks_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// ReadinessAt returns the same values as Status: before the first answer, with keys, in an outage,
// after MaxStale, and after a suspend.
func TestReadinessAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"), ecKey("b"))
		i.down = true
		c := newCache(t, i)
		check := func(when string, keys int, ready, stale bool) {
			t.Helper()
			synctest.Wait()
			s, r := c.Status(), c.ReadinessAt(time.Now())
			want(t, when, r, jwks.Readiness{
				Ready: s.Ready, Stale: s.Stale, Restored: s.Restored, LastSuccess: s.LastSuccess, Age: s.Age, Keys: len(s.Keys),
			})
			want(t, when, fmt.Sprint(r.Keys, r.Ready, r.Stale), fmt.Sprint(keys, ready, stale))
		}
		check("before the first answer", 0, false, false)
		i.update(func(i *issuer) { i.down = false })
		time.Sleep(time.Minute)
		check("with keys", 2, true, false)
		i.update(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour)
		check("in an outage", 2, true, false)
		jwks.Suspend(c, 12*time.Hour)
		check("after a suspend", 2, false, true)
	})
}

// Status and ReadinessAt cost the same for any number of keys. Callers share the lists of Status,
// but an append does not change the list of a different caller.
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
		now := time.Now()
		want(t, "allocations", testing.AllocsPerRun(100, func() {
			s = c.Status()
			_ = c.ReadinessAt(now)
		}), 0)
	})
}
