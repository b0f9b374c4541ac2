package jwks_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// TestCause wants a refresh to be told with the context of the lookup that it was
// made for, and one of the refresher's own without.
func TestCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		i := newIssuer(ecKey("a"))
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		time.Sleep(time.Second)
		i.set(func(i *issuer) { i.delay = time.Second })
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "the request"))
		go func() {
			time.Sleep(time.Second / 2)
			cancel() // whoever asked does not wait for the end
		}()
		_, _ = c.Key(ctx, "x", "ES256")
		time.Sleep(time.Minute)
		i.set(func(i *issuer) { i.down = true })
		_, _ = c.Key(context.WithValue(t.Context(), key{}, "another"), "y", "ES256")
		time.Sleep(time.Second)
		events.mu.Lock()
		defer events.mu.Unlock()
		var told []string
		for _, e := range events.events {
			if e.Kind != jwks.Refreshed && e.Kind != jwks.RefreshFailed {
				continue
			}
			text := "nobody"
			if e.Cause != nil {
				text, _ = e.Cause.Value(key{}).(string)
				want(t, "error of the cause", e.Cause.Err(), nil)
			}
			told = append(told, string(e.Kind)+" for "+text)
		}
		want(t, "refreshes", len(told), 3)
		for n, text := range []string{"refreshed for nobody", "refreshed for the request", "refresh_failed for another"} {
			want(t, "refresh", told[n], text)
		}
	})
}
