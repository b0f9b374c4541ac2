package bearer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestCacheCounts tests which requests docs/caches.md calls hits and misses.
func TestCacheCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		var validate error
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Custom = func([]byte) (any, error) { time.Sleep(time.Second); return 1, nil }
			c.Validate = func(context.Context, *bearer.Claims) error { return validate }
		})
		token := issuer.Token(nil)
		call := func(token string, rule scopes.Rule) {
			_, _ = bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: rule})
		}
		for _, row := range []struct {
			name         string
			do           func()
			hits, misses uint64
		}{
			{"two concurrent requests with a new token", func() { go call(token, scopes.All()); call(token, scopes.All()); synctest.Wait() }, 0, 2},
			{"cached token", func() { call(token, scopes.All()) }, 1, 0},
			{"cached token that the rule refuses", func() { call(token, scopes.All("other")) }, 1, 0},
			{"cached token that Validate refuses", func() { validate = errors.New("no"); call(token, scopes.All()) }, 1, 0},
			{"forged token that names the issuer", func() { call(issuer.Forge(nil, nil), scopes.All()) }, 0, 1},
			{"token of another issuer", func() { call(newIssuer(t).Token(members{"iss": "https://other.example"}), scopes.All()) }, 0, 0},
			{"no JWT", func() { call("x", scopes.All()) }, 0, 0},
			{"cached token that has expired", func() { time.Sleep(2 * time.Hour); call(token, scopes.All()) }, 0, 1},
		} {
			before := v.Status()[0].Cache
			row.do()
			after := v.Status()[0].Cache
			if hits, misses := after.Hits-before.Hits, after.Misses-before.Misses; hits != row.hits || misses != row.misses {
				t.Errorf("%s: got %d hits and %d misses, want %d and %d", row.name, hits, misses, row.hits, row.misses)
			}
		}
	})
}
