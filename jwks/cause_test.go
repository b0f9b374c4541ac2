package jwks_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// If a lookup caused a refresh, the Cause of the event has the values of the lookup's context.
// The Cause of a scheduled refresh is nil.
func TestCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		i := newIssuer(ecKey("a"))
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		time.Sleep(time.Second)
		i.update(func(i *issuer) { i.delay = time.Second })
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "request 1"))
		go func() {
			time.Sleep(time.Second / 2)
			cancel() // the caller stops waiting
		}()
		_, _ = c.Key(ctx, "x", "ES256")
		time.Sleep(time.Minute)
		i.update(func(i *issuer) { i.down = true })
		_, _ = c.Key(context.WithValue(t.Context(), key{}, "request 2"), "y", "ES256")
		time.Sleep(time.Second)
		var got []string
		for _, e := range events.all() {
			if e.Kind != jwks.Refreshed && e.Kind != jwks.RefreshFailed {
				continue
			}
			cause := "no lookup"
			if e.Cause != nil {
				cause, _ = e.Cause.Value(key{}).(string)
				want(t, "Cause.Err()", e.Cause.Err(), nil)
			}
			got = append(got, string(e.Kind)+" for "+cause)
		}
		want(t, "events of refreshes", strings.Join(got, "; "),
			"refreshed for no lookup; refreshed for request 1; refresh_failed for request 2")
	})
}
