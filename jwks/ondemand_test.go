package jwks_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// A cache with OnDemand sends no request until a lookup needs a key. It has the keys while it is
// used, and forgets them afterwards.
func TestOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.OnDemand, o.Observe = time.Hour, events.add })
		time.Sleep(3 * time.Hour)
		want(t, "requests before the first use", i.fetches(), 0)
		s := c.Status()
		want(t, "Idle, Ready, Stale", fmt.Sprint(s.Idle, s.Ready, s.Stale), "true false false")
		want(t, "Ready of an idle cache", c.Ready(t.Context()), nil)
		want(t, "Lookup of an idle cache", outcomeOf(c.Lookup("a", "ES256")), "unavailable")
		want(t, "requests after Status, Ready and Lookup", i.fetches(), 0)

		for range 3 {
			before := i.fetches()
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() { want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "a") })
			}
			callers.Wait()
			want(t, "requests of the first use", i.fetches()-before, 1)
			for range 20 { // used every 50 min, so never idle
				time.Sleep(50 * time.Minute)
				want(t, "Lookup", outcomeOf(c.Lookup("a", "ES256")), "a")
			}
			want(t, "requests while used", i.fetches()-before > 60, true)
			time.Sleep(70 * time.Minute)
			s = c.Status()
			want(t, "Idle, keys, Failures, URL", fmt.Sprint(s.Idle, len(s.Keys), s.Failures, s.URL), "true 0 0"+keySetURL)
			want(t, "LastSuccess and NextRefresh", s.LastSuccess.IsZero() && s.NextRefresh.IsZero(), true)
			before = i.fetches()
			time.Sleep(24 * time.Hour)
			want(t, "requests of an idle day", i.fetches()-before, 0)
		}
		want(t, "Refresh of an idle cache", c.Refresh(t.Context()), nil)
		want(t, "Lookup after Refresh", outcomeOf(c.Lookup("a", "ES256")), "a")
	})
}

// A key that the issuer withdraws while the cache is idle does not come back.
func TestOnDemandWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, func(o *jwks.Options) { o.OnDemand = time.Hour })
		want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "a")
		time.Sleep(2 * time.Hour)
		i.publish(ecKey("b"))
		want(t, "withdrawn key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "unknown")
		want(t, "new key", outcomeOf(c.Key(t.Context(), "b", "ES256")), "b")
	})
}

// While the issuer is down, a cache with OnDemand that is not used stops asking. The first use
// after the outage gets the key.
func TestOnDemandOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.down = true
		c := newCache(t, i, func(o *jwks.Options) { o.OnDemand = time.Minute })
		want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "unavailable")
		want(t, "Idle", c.Status().Idle, false)
		time.Sleep(2 * time.Minute)
		want(t, "Idle after the time", c.Status().Idle, true)
		before := i.fetches()
		time.Sleep(time.Hour)
		want(t, "requests of an idle hour", i.fetches()-before, 0)
		i.update(func(i *issuer) { i.down = false })
		want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "a")
	})
}

// With a Store, a restart of the service needs no issuer, also if the cache was idle in between.
func TestOnDemandStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, store := newIssuer(ecKey("a")), &memoryStore{}
		change := func(o *jwks.Options) { o.OnDemand, o.Store, o.StoreKey = time.Hour, store, storeKey }
		c := newCache(t, i, change)
		want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "a")
		_ = c.Close()
		i.update(func(i *issuer) { i.down = true })
		again := newCache(t, i, change)
		for range 2 {
			want(t, "Idle", again.Status().Idle, true)
			want(t, "Key from the Store", outcomeOf(again.Key(t.Context(), "a", "ES256")), "a")
			want(t, "Restored", again.Status().Restored, true)
			time.Sleep(3 * time.Hour)
		}
	})
}

// A key that the issuer withdraws while the cache is idle does not come back from the Store, neither
// before the first fetch nor during it. If the fetch fails, the stored keys are used.
func TestOnDemandStoreAfterIdle(t *testing.T) {
	for name, row := range map[string]struct {
		down  bool
		first string // the first lookup after the idle time, which causes the fetch
		want  string // the outcome of a lookup of the withdrawn key during the fetch
	}{
		"first token":                 {false, "", "unknown"},
		"second token":                {false, "invented", "unknown"},
		"outage":                      {true, "", "a"},
		"second token, during outage": {true, "invented", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, store := newIssuer(ecKey("a"), ecKey("b")), &memoryStore{}
				i.delay = 20 * time.Millisecond
				c := newCache(t, i, func(o *jwks.Options) { o.OnDemand, o.Store, o.StoreKey = time.Hour, store, storeKey })
				want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "a")
				time.Sleep(90 * time.Minute)
				want(t, "Idle", c.Status().Idle, true)
				i.publish(ecKey("b"))
				i.update(func(i *issuer) { i.down = row.down })
				time.Sleep(3 * time.Hour)
				var first sync.WaitGroup
				if row.first != "" {
					first.Go(func() { _, _ = c.Key(t.Context(), row.first, "ES256") })
					time.Sleep(5 * time.Millisecond)
				}
				want(t, "key that was withdrawn 3 h ago", outcomeOf(c.Key(t.Context(), "a", "ES256")), row.want)
				want(t, "Restored", c.Status().Restored, row.down)
				first.Wait()
				i.update(func(i *issuer) { i.down = false })
				time.Sleep(time.Minute)
				want(t, "withdrawn key after an answer", outcomeOf(c.Key(t.Context(), "a", "ES256")), "unknown")
				want(t, "other key", outcomeOf(c.Key(t.Context(), "b", "ES256")), "b")
			})
		})
	}
}

// The issuer has withdrawn all keys, and saving this failed. This process knows it, so the Store
// does not bring the keys back after an idle time.
func TestOnDemandWithdrawnAndNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, store := newIssuer(ecKey("a")), &memoryStore{}
		c := newCache(t, i, func(o *jwks.Options) { o.OnDemand, o.Store, o.StoreKey = time.Hour, store, storeKey })
		want(t, "Key", outcomeOf(c.Key(t.Context(), "a", "ES256")), "a")
		time.Sleep(time.Minute)
		store.mu.Lock()
		saved := store.data
		store.mu.Unlock()
		i.publish()
		want(t, "keys are withdrawn", withdrawnAfter(t, c) > 0, true)
		time.Sleep(2 * time.Hour)
		want(t, "Idle", c.Status().Idle, true)
		store.mu.Lock()
		store.data = saved
		store.mu.Unlock()
		i.update(func(i *issuer) { i.down = true })
		for range 3 {
			want(t, "withdrawn key", keyOutcome(t, c, "a"), "unavailable")
			want(t, "Withdrawn", c.Status().Withdrawn, true)
			time.Sleep(time.Minute)
		}
	})
}

// Lookups at the moment at which a cache becomes idle get the key.
func TestOnDemandRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 100 * time.Millisecond
		c := newCache(t, i, func(o *jwks.Options) { o.OnDemand = 10 * time.Second })
		for n := range 500 {
			time.Sleep(9*time.Second + time.Duration(n)*10*time.Millisecond)
			keys, err := c.Lookup("a", "ES256")
			if errors.Is(err, jwks.ErrUnavailable) {
				keys, err = c.Key(t.Context(), "a", "ES256")
			}
			want(t, fmt.Sprint("lookup ", n), outcomeOf(keys, err), "a")
		}
	})
}
