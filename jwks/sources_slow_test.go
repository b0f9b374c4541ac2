package jwks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// wantWithin fails the test if f takes longer than limit.
func wantWithin(t *testing.T, label string, limit time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > limit {
		t.Errorf("%s: took %v, want at most %v", label, d, limit)
	}
}

// If one source hangs, a key that another source has is found at once.
func TestSourcesDoNotWaitForASlowOne(t *testing.T) {
	for _, slow := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			issuers := []*issuer{newIssuer(ecKey("a")), newIssuer(ecKey("b"))}
			s := sources(t, false, issuers...)
			time.Sleep(time.Second)
			issuers[slow].update(func(i *issuer) { i.hang = true })
			issuers[1-slow].publish(ecKey("c"))
			wantWithin(t, "Key", 100*time.Millisecond, func() {
				want(t, "Key", outcomeOf(s.Key(t.Context(), "c", "ES256")), "c")
			})
		})
	}
}

// All sources together wait at most 2 s.
func TestSourcesWaitOnce(t *testing.T) {
	for _, failover := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			issuers := []*issuer{newIssuer(ecKey("a")), newIssuer(ecKey("a")), newIssuer(ecKey("a"))}
			s := sources(t, failover, issuers...)
			time.Sleep(time.Second)
			for _, i := range issuers {
				i.update(func(i *issuer) { i.hang = true })
			}
			wantWithin(t, "Key", 2*time.Second, func() {
				want(t, "Key", outcomeOf(s.Key(t.Context(), "x", "ES256")), "unavailable")
			})
			issuers[0].update(func(i *issuer) { i.hang, i.delay = false, 1700*time.Millisecond })
			time.Sleep(time.Minute)
			issuers[0].update(func(i *issuer) { i.status = 503 })
			wantWithin(t, "Key after a late failure", 2*time.Second, func() {
				want(t, "Key", outcomeOf(s.Key(t.Context(), "x", "ES256")), "unavailable")
			})
		})
	}
}

// With Failover, a key that the first source has withdrawn does not come back because a fetch of
// this source takes long. It comes back only if a refresh has failed.
func TestFailoverSlowFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newIssuer(ecKey("b")), newIssuer(ecKey("a"), ecKey("b"))
		s := sources(t, true, one, two)
		time.Sleep(time.Minute)
		one.update(func(i *issuer) { i.delay = 3 * time.Second })
		for range 20 {
			if got := outcomeOf(s.Key(t.Context(), "a", "ES256")); got == "a" {
				t.Errorf("withdrawn key: got it from the second source, failures of the first: %d", s.Caches[0].Status().Failures)
			}
			time.Sleep(500 * time.Millisecond)
		}
		one.update(func(i *issuer) { i.hang = true })
		time.Sleep(20 * time.Second)
		outcomeOf(s.Key(t.Context(), "a", "ES256"))
		time.Sleep(10 * time.Second)
		want(t, "after a failed refresh", outcomeOf(s.Key(t.Context(), "a", "ES256")), "a")
	})
}

// With Failover, the keys of an idle first source are fetched before the next source decides.
func TestFailoverIdleFirst(t *testing.T) {
	for name, down := range map[string]bool{"up": false, "down": true} {
		synctest.Test(t, func(t *testing.T) {
			one, two := newIssuer(ecKey("b")), newIssuer(ecKey("a"), ecKey("b"))
			one.down = down
			s := &jwks.Sources{Failover: true, Caches: []*jwks.Cache{
				newCache(t, one, func(o *jwks.Options) { o.OnDemand = time.Hour }),
				newCache(t, two),
			}}
			wanted := map[bool]string{false: "unknown", true: "a"}[down]
			for range 3 {
				before := one.fetches()
				want(t, name+": key that only the second source has", outcomeOf(s.Key(t.Context(), "a", "ES256")), wanted)
				want(t, name+": the first source was asked", one.fetches() > before, true)
				want(t, name+": key of both", outcomeOf(s.Key(t.Context(), "b", "ES256")), "b")
				time.Sleep(2 * time.Hour)
			}
		})
	}
}
