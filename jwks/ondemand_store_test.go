package jwks_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// If the Store still has keys that the issuer has withdrawn, because saving failed or older data was
// put back, a cache that was idle does not use them again.
func TestOnDemandStoreKeepsWithdrawal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, store := newIssuer(ecKey("a")), &memoryStore{}
		c := newCache(t, i, func(o *jwks.Options) { o.OnDemand, o.Store, o.StoreKey = time.Hour, store, storeKey })
		want(t, "Key", keyOutcome(t, c, "a"), "ok")
		time.Sleep(10 * time.Minute)
		store.mu.Lock()
		older := slices.Clone(store.data)
		store.mu.Unlock()
		i.publish()
		if withdrawnAfter(t, c) == 0 {
			t.Fatal("the keys were not withdrawn")
		}
		for range 3 {
			store.mu.Lock()
			store.data = older
			store.mu.Unlock()
			time.Sleep(2 * time.Hour)
			want(t, "Idle", c.Status().Idle, true)
			i.update(func(i *issuer) { i.down = true })
			want(t, "first use", keyOutcome(t, c, "a"), "unavailable")
			want(t, "second use", keyOutcome(t, c, "a"), "unavailable")
		}
		i.update(func(i *issuer) { i.down = false })
		i.publish(ecKey("a"))
		time.Sleep(10 * time.Second)
		want(t, "after a new key", keyOutcome(t, c, "a"), "ok")
	})
}
