package jwks_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// A refresh that becomes due while the machine is suspended begins within 5 s after the machine
// continues. The timers of the cache stop while the machine is suspended. The test simulates a
// suspend; no real machine was suspended.
func TestRefreshAfterSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var stale atomic.Int32
		c := newCache(t, i, func(o *jwks.Options) {
			o.MinInterval, o.MaxInterval = time.Hour, time.Hour
			o.Observe = func(e jwks.Event) {
				if e.Kind == jwks.WentStale {
					stale.Add(1)
				}
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		want(t, "fetches before the suspend", i.fetches(), 1)
		jwks.Suspend(c, 30*time.Minute)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		want(t, "fetches after 30 min", i.fetches(), 1)
		jwks.Suspend(c, 30*time.Minute)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		want(t, "fetches after an hour", i.fetches(), 2)
		want(t, "lookup", keyOutcome(t, c, "a"), "ok")
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		want(t, "fetches half an hour later", i.fetches(), 2)

		i.update(func(i *issuer) { i.down = true })
		jwks.Suspend(c, 24*time.Hour)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		want(t, "events WentStale", stale.Load(), 1)
		i.update(func(i *issuer) { i.down = false })
		time.Sleep(2 * time.Minute)
		want(t, "Ready", c.Status().Ready, true)
	})
}
