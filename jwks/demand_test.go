package jwks_test

import (
	"crypto/elliptic"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWorthAFetch has lookups that find nothing, of which a newer set can help some.
func TestWorthAFetch(t *testing.T) {
	for name, row := range map[string]struct {
		kid, alg string
		tried    bool // a key of the set was, and did not fit
		want     string
		fetches  int
	}{
		"kid of a set with several keys": {"c", "ES256", false, "ok", 2},
		"algorithm that no key can have": {"c", "HS256", false, "unknown", 1},
		"none":                           {"c", "none", false, "unknown", 1},
		"no algorithm":                   {"c", "", false, "unknown", 1},
		"no kid, several fit":            {"", "ES256", false, "unknown", 1},
		"no kid, and the one that fitted did not sign": {"", "ES256", true, "unknown", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"), ecKey("b"))
				c := newCache(t, i)
				tried, err := c.Lookup("a", "ES256")
				if err != nil {
					t.Fatal(err)
				}
				if !row.tried {
					tried = nil
				}
				i.publish(ecKey("a"), ecKey("b"), ecKey("c"))
				_, err = c.Key(t.Context(), row.kid, row.alg, tried...)
				want(t, "verdict", verdict(err), row.want)
				want(t, "fetches", i.fetches(), row.fetches)
			})
		})
	}
}

// TestNeverAKey wants an algorithm that no key can have told from keys that are not
// to be had: no refresh would change that.
func TestNeverAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.set(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour)
		for alg, verdictOf := range map[string]string{"ES256": "unavailable", "ES384": "unavailable", "HS256": "unknown", "none": "unknown", "": "unknown"} {
			_, err := c.Lookup("b", alg)
			want(t, "Lookup with "+alg, verdict(err), verdictOf)
		}
	})
}

// TestWithoutASet has an issuer that has never answered.
func TestWithoutASet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{hang: true}
		c := newCache(t, i)
		for _, kid := range []string{"", "a"} {
			_, err := c.Key(t.Context(), kid, "ES256")
			want(t, "verdict", verdict(err), "unavailable")
			wantText(t, err, "has not answered yet")
		}
	})
}

// TestTooManyWait wants so many to wait for an issuer and no more: the next ones are
// told at once.
func TestTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{hang: true}
		c := newCache(t, i)
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() { want(t, "verdict of who waits", ask(t, c, "a"), "unavailable") })
		}
		synctest.Wait()
		start := time.Now()
		want(t, "verdict of one more", ask(t, c, "a"), "unavailable")
		want(t, "its wait", time.Since(start), 0)
		wg.Wait()
		if d := time.Since(start); d < time.Second {
			t.Errorf("the others waited for %v, want them to wait", d)
		}
	})
}

// TestFetchThatFails wants who joins a fetch under way answered when it fails, where
// there is a set: another one would only fail as well.
func TestFetchThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(public("a", newEC(elliptic.P256()).Public()))
		c := newCache(t, i)
		i.set(func(i *issuer) { i.delay, i.status = time.Second, 500 })
		before := i.fetches()
		go func() { _ = c.Refresh(t.Context()) }() // it fails
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		want(t, "verdict", ask(t, c, "b"), "unavailable")
		want(t, "waited", time.Since(start), 500*time.Millisecond)
		want(t, "fetches", i.fetches(), before+1)
	})
}
