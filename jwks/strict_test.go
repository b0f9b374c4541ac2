package jwks_test

import (
	"testing"
	"testing/synctest"
)

// TestNoKidNoFetch has a token without a kid that several keys would fit: a newer
// set cannot help it, so that none is fetched. One that no key fits may be signed by
// a new one.
func TestNoKidNoFetch(t *testing.T) {
	for name, row := range map[string]struct {
		keys []jwk
		want int // fetches, the first one included
	}{
		"several fit": {[]jwk{ecKey("a"), ecKey("b")}, 1},
		"none fits":   {[]jwk{edKey("a")}, 2},
		"one fits":    {[]jwk{ecKey("a"), edKey("b")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(row.keys...)
				c := newCache(t, i)
				verdict := "unknown"
				if name == "one fits" {
					verdict = "ok"
				}
				want(t, "verdict", ask(t, c, ""), verdict)
				want(t, "fetches", i.fetches(), row.want)
			})
		})
	}
}
