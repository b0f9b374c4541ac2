package jwks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// TestStatusMaxStale checks that Status.MaxStale is the time at which the keys become unavailable,
// before the first answer and afterwards.
func TestStatusMaxStale(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*jwks.Options)
		want   time.Duration
	}{
		"default":                           {func(*jwks.Options) {}, 12 * time.Hour},
		"chosen":                            {func(o *jwks.Options) { o.MaxStale = 30 * time.Minute }, 30 * time.Minute},
		"default with a longer MaxInterval": {func(o *jwks.Options) { o.MaxInterval = 24 * time.Hour }, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(edKey("a"))
				c := newCache(t, i, test.change)
				want(t, "MaxStale before the first answer", c.Status().MaxStale, test.want)
				synctest.Wait()
				i.update(func(i *issuer) { i.down = true })
				s := c.Status()
				want(t, "MaxStale", s.MaxStale, test.want)
				time.Sleep(time.Until(s.ConfirmedAt.Add(s.MaxStale)) - time.Second)
				want(t, "Stale before MaxStale has passed", c.Status().Stale, false)
				time.Sleep(2 * time.Second)
				want(t, "Stale after MaxStale has passed", c.Status().Stale, true)
			})
		})
	}
}
