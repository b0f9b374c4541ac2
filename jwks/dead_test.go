package jwks_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// 2,000 issuers have never worked, and each cache asks every 5 s. An issuer that works, and that
// comes later, is ready soon and rotates soon. No tokens come, or forged tokens for all dead issuers.
func TestStartWhileOthersAreDead(t *testing.T) {
	for _, name := range []string{"down", "hang", "404"} {
		for traffic, attack := range map[string]func(context.Context, []*jwks.Cache){
			"no tokens":     func(context.Context, []*jwks.Cache) {},
			"forged tokens": forgeSpread,
		} {
			if (name == "down") != (traffic == "forged tokens") {
				continue // each case takes some seconds of processor time
			}
			t.Run(name+", "+traffic, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := scaled(2000)
					limits := scaledLimits()
					c, caches := startCrowd(t, n, limits, outages[name])
					ctx, cancel := context.WithCancel(t.Context())
					defer func() {
						cancel()
						time.Sleep(3 * time.Second) // the lookups end
					}()
					attack(ctx, caches)
					time.Sleep(30 * time.Second)
					i := newIssuer(edKey("old"))
					i.delay = 150 * time.Millisecond
					o := options(i)
					o.Limits = limits
					cache, err := jwks.New(keySetURL, o)
					if err != nil {
						t.Fatal(err)
					}
					defer func() { _ = cache.Close() }()
					wantSoon(t, "keys of the new issuer", 5*time.Second, func() bool { return cache.Status().Ready })
					time.Sleep(10 * time.Second)
					i.publish(edKey("new"))
					wantSoon(t, "the new key", 5*time.Second, func() bool {
						_, err := cache.Key(t.Context(), "new", "EdDSA")
						return err == nil
					})
					c.mu.Lock()
					before := 0
					for _, requests := range c.requests {
						before += requests
					}
					c.mu.Unlock()
					time.Sleep(30 * time.Second)
					c.mu.Lock()
					defer c.mu.Unlock()
					after := 0
					for _, requests := range c.requests {
						after += requests
					}
					most := 9
					if traffic == "forged tokens" {
						most = 33
					}
					if after-before > n*most {
						t.Errorf("requests to %d dead issuers in 30 s: got %d, want at most %d", n, after-before, n*most)
					}
				})
			})
		}
	}
}
