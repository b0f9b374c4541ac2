package jwks_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// A lookup asked for a kid, and the issuer published its key. This is no denial of a further key with
// the same kid: each new material is found by the first lookup, however soon it comes.
func TestNewMaterialOfAskedKid(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Millisecond, time.Second, 7900 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			c := newCache(t, i, hourly)
			i.publish(ecKey("b"))
			want(t, "first lookup of the kid", kidOutcome(t, c, "b"), "ok")
			for range 3 {
				old, err := c.Lookup("b", "ES256")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(pause)
				i.publish(ecKey("b"))
				want(t, "first lookup of the new material", kidOutcome(t, c, "b", old...), "ok")
			}
			// The material does not change any more, so the answer to the second question is known.
			old, err := c.Lookup("b", "ES256")
			if err != nil {
				t.Fatal(err)
			}
			before := i.fetches()
			for range 100 {
				want(t, "forged signature", kidOutcome(t, c, "b", old...), "unknown")
			}
			want(t, "fetches because of forged signatures", i.fetches()-before, 1)
		})
	}
}
