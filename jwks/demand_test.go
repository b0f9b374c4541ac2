package jwks_test

import (
	"crypto/elliptic"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A lookup that finds no key causes a fetch only if a newer set can have the key.
func TestMissingKeyFetches(t *testing.T) {
	for name, row := range map[string]struct {
		kid, alg string
		tried    bool // whether key "a" was tried and did not verify the signature
		want     string
		fetches  int
	}{
		"new kid":                            {"c", "ES256", false, "ok", 2},
		"symmetric algorithm":                {"c", "HS256", false, "unknown", 1},
		"alg none":                           {"c", "none", false, "unknown", 1},
		"no alg":                             {"c", "", false, "unknown", 1},
		"token has no kid; several keys fit": {"", "ES256", false, "ok", 1},
		"token has no kid; key a was tried and did not verify the signature, key b was not": {"", "ES256", true, "ok", 1},
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
				want(t, "outcome of the lookup", outcome(err), row.want)
				want(t, "fetches", i.fetches(), row.fetches)
			})
		})
	}
}

// During an outage, the error for a token with an unsupported algorithm is ErrUnknownKey and
// not ErrUnavailable, because no refresh can bring a key for such a token.
func TestUnsupportedAlgorithmInOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		i.update(func(i *issuer) { i.down = true })
		time.Sleep(time.Hour)
		for alg, expected := range map[string]string{"ES256": "unavailable", "ES384": "unavailable", "HS256": "unknown", "none": "unknown", "": "unknown"} {
			_, err := c.Lookup("b", alg)
			want(t, "Lookup with alg "+alg, outcome(err), expected)
		}
	})
}

// If the issuer has never answered, the error contains the text "has not answered yet".
func TestIssuerNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{hang: true}
		c := newCache(t, i)
		for _, kid := range []string{"", "a"} {
			_, err := c.Key(t.Context(), kid, "ES256")
			want(t, "outcome of the lookup", outcome(err), "unavailable")
			wantText(t, err, "has not answered yet")
		}
	})
}

// At most 10,000 goroutines wait for a fetch. Further lookups do not wait.
func TestMaxWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{hang: true}
		c := newCache(t, i)
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() { want(t, "outcome of a waiting lookup", keyOutcome(t, c, "a"), "unavailable") })
		}
		synctest.Wait()
		start := time.Now()
		want(t, "outcome of the next lookup", keyOutcome(t, c, "a"), "unavailable")
		want(t, "wait of the next lookup", time.Since(start), 0)
		wg.Wait()
		if d := time.Since(start); d < time.Second {
			t.Errorf("wait of the first 10,000 lookups: got %v, want at least 1 s", d)
		}
	})
}

// A lookup waits for a fetch in flight, and the fetch fails. If keys are available, the lookup
// returns the error. The lookup does not cause a second fetch, because a second fetch will probably
// fail too.
func TestJoinedFetchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(public("a", newEC(elliptic.P256()).Public()))
		c := newCache(t, i)
		i.update(func(i *issuer) { i.delay, i.status = 900*time.Millisecond, 500 })
		before := i.fetches()
		go func() { _ = c.Refresh(t.Context()) }() // this refresh fails
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		want(t, "outcome of the lookup", keyOutcome(t, c, "b"), "unavailable")
		want(t, "wait of the lookup", time.Since(start), 400*time.Millisecond)
		want(t, "fetches", i.fetches(), before+1)
	})
}
