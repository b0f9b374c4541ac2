package jwks_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Observe may call the methods of the cache. The calls wait for the refresher, so the refresher
// must not wait for Observe.
func TestObserveCallsCache(t *testing.T) {
	calls := map[string]func(*jwks.Cache) error{
		"Refresh": func(c *jwks.Cache) error { return c.Refresh(context.Background()) },
		"Ready":   func(c *jwks.Cache) error { return c.Ready(context.Background()) },
		"Key": func(c *jwks.Cache) error {
			_, err := c.Key(context.Background(), "b", "ES256")
			return err
		},
		"Lookup": func(c *jwks.Cache) error { _, err := c.Lookup("a", "ES256"); return err },
		"Status": func(c *jwks.Cache) error { _ = c.Status(); return nil },
		"print":  func(c *jwks.Cache) error { _ = fmt.Sprint(c); return nil },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				var cache atomic.Pointer[jwks.Cache]
				errs := make(chan error, 100)
				c := newCache(t, i, func(o *jwks.Options) {
					o.Observe = func(e jwks.Event) {
						if c := cache.Load(); c != nil && e.Kind == jwks.Refreshed {
							if cache.CompareAndSwap(c, nil) {
								errs <- call(c)
							}
						}
					}
				})
				i.publish(ecKey("a"), ecKey("b"))
				cache.Store(c)
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				select {
				case err := <-errs:
					want(t, "error of the call in Observe", err, nil)
				default:
					t.Error("the call in Observe has not returned")
				}
				if _, err := c.Key(t.Context(), "b", "ES256"); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An Observe that blocks delays neither lookups nor refreshes. Close returns after 2 s.
func TestObserveBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := make(chan struct{})
		i := newIssuer(ecKey("a"))
		var logs strings.Builder
		o := options(i)
		o.Logger = slog.New(slog.NewTextHandler(&logs, nil))
		var seen atomic.Int64
		o.Observe = func(jwks.Event) { seen.Add(1); <-blocked }
		c, err := jwks.New(keySetURL, o)
		if err != nil {
			t.Fatal(err)
		}
		for range 3000 { // more refreshes than events that may wait
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want(t, "usable keys", len(c.Status().Keys), 1)
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		want(t, "duration of Close", time.Since(start), 2*time.Second)
		close(blocked)
		synctest.Wait()
		want(t, "calls of Observe", seen.Load(), 1) // Close drops the remaining events
		want(t, "log records about dropped events", strings.Count(logs.String(), "events are dropped"), 1)
	})
}

// Observe receives the events of refreshes in their order, while a flood of lookups causes more
// events than it can take. Then only events of lookups are dropped.
func TestObserveOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var events recorder
		start := make(chan struct{})
		c := newCache(t, i, func(o *jwks.Options) {
			o.Observe = func(e jwks.Event) { <-start; events.add(e) }
		})
		for range 3 {
			for range 5000 {
				keyOutcome(t, c, "x")
			}
			i.update(func(i *issuer) { i.down = !i.down })
			_ = c.Refresh(t.Context())
		}
		close(start)
		synctest.Wait()
		var kinds []string
		denied := 0
		for _, e := range events.all() {
			if e.Kind == jwks.MissDenied || e.Kind == jwks.MissFetch {
				denied++
			} else {
				kinds = append(kinds, string(e.Kind))
			}
		}
		want(t, "last three refreshes", strings.Join(kinds[len(kinds)-3:], " "), "refresh_failed refreshed refresh_failed")
		if denied < 500 || denied > 512 {
			t.Errorf("got %d events of lookups, want about 512", denied)
		}
	})
}

// lineCount counts the records of a log.
type lineCount struct{ atomic.Int64 }

func (l *lineCount) Write(p []byte) (int, error) {
	l.Add(1)
	return len(p), nil
}

// An Observe that panics for each event does not fill the log, because clients cause many events.
func TestPanicsOfObserveAreLoggedOncePerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines lineCount
		c := newCache(t, newIssuer(ecKey("a")), hourly, func(o *jwks.Options) {
			o.Observe = func(jwks.Event) { panic("test") }
			o.Logger = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelError}))
		})
		for n := range 3 {
			for k := range 1000 {
				kidOutcome(t, c, fmt.Sprint("forged", k))
			}
			synctest.Wait()
			want(t, "records", lines.Load(), int64(n+1))
			time.Sleep(time.Minute)
		}
	})
}
