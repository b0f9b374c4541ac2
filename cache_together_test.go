package bearer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestCacheTogether wants requests that come at the same time with one new token
// to verify it once, each of them to be judged by itself, and none to wait longer
// than its context lets it.
func TestCacheTogether(t *testing.T) {
	for _, row := range []struct {
		name   string
		end    func() (any, error) // of the one verification
		want   string              // for all others
		custom int                 // times that it ran in all: the one who gave up did not
	}{
		{"a success", func() (any, error) { return 1, nil }, "ok", 1}, // those who waited had no cache hit
		{"a failure", func() (any, error) { return nil, errors.New("no") }, "custom", 9},
		{"a panic", func() (any, error) { panic("no") }, "internal", 9},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				var custom atomic.Int64
				release := make(chan struct{})
				v := newVerifier(t, issuer, func(c *bearer.Config) {
					c.Custom = func([]byte) (any, error) { custom.Add(1); <-release; return row.end() }
				})
				token := issuer.Token(nil)
				outcomes := make(chan string, 10)
				ask := func(ctx context.Context) {
					events := &testkit.Recorder{}
					_, err := bearer.Decide(ctx, observed{v, events}, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
					outcomes <- outcome(t, err, events.Take())
				}
				go ask(t.Context())
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				go ask(ctx)
				for range 8 {
					go ask(t.Context())
				}
				synctest.Wait()
				if got := custom.Load(); got != 1 {
					t.Errorf("got %d verifications at a time, want 1", got)
				}
				cancel()
				if got := <-outcomes; got != "keys_unavailable" {
					t.Errorf("who gave up: got %s, want keys_unavailable", got)
				}
				close(release)
				got := make(map[string]int)
				for range 9 {
					got[<-outcomes]++
				}
				want := map[string]int{row.want: 9}
				if !maps.Equal(got, want) || int(custom.Load()) != row.custom {
					t.Errorf("got %v and %d verifications, want %v and %d", got, custom.Load(), want, row.custom)
				}
			})
		})
	}
}

// TestCacheTogetherLate has the verification take so long that the token expires:
// those who waited are not let through by it.
func TestCacheTogetherLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Custom = func([]byte) (any, error) { time.Sleep(2 * time.Hour); return 1, nil }
		})
		token := issuer.Token(nil)
		first := make(chan error)
		go func() {
			_, err := v.Verify(t.Context(), token)
			first <- err
		}()
		synctest.Wait()
		_, err := v.Verify(t.Context(), token)
		if got := reasonOf(t, err); got != bearer.Expired {
			t.Errorf("got %q, want expired", got)
		}
		if err := <-first; err != nil {
			t.Errorf("the first: got %v, want none: it had not expired when it was looked at", err)
		}
	})
}

// observed is a Verifier that is no verifier of the package, as a tracer is.
type observed struct {
	bearer.Verifier
	bearer.Observer
}

// rotating is a KeySet whose issuer has other keys, which it brings after a second,
// to those who ask in the order in which they ask.
type rotating struct {
	*liveKeys
	asked atomic.Int64
	fetch sync.Once
	t     *testing.T
	old   *jwks.Set
	times int // that it has each of the old keys
	next  []byte
}

func (k *rotating) Lookup(kid, alg string) ([]*jwks.Key, error) {
	old := k.set.Load() == k.old
	keys, err := k.liveKeys.Lookup(kid, alg)
	if old {
		keys = slices.Repeat(keys, k.times)
	}
	return keys, err
}

func (k *rotating) Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error) {
	time.Sleep(time.Second + time.Duration(k.asked.Add(1)))
	k.fetch.Do(func() { k.publish(k.t, k.next) })
	return k.liveKeys.Key(ctx, kid, alg, tried...)
}

// TestCacheTogetherAfterRotation wants a new token that comes many times while its
// key is fetched to be verified once with that, too.
func TestCacheTogetherAfterRotation(t *testing.T) {
	for _, row := range []struct {
		name, kid string // of the key that was there before; none: the token's
		times     int
	}{
		{"under a new name", "old", 1},
		{"under the old name", "", 1},
		{"under the old name, and the first try takes so long that they share it", "", 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t, "EdDSA")
				keys := &rotating{liveKeys: newLiveKeys(t, issuer), t: t, times: row.times, next: issuer.JWKS()}
				old := bearertest.NewKey("EdDSA", cmp.Or(row.kid, issuer.SigningKey("").ID()))
				keys.publish(t, []byte(`{"keys":[`+string(old.JWK())+`]}`))
				keys.old = keys.set.Load()
				var custom atomic.Int64
				v := newVerifier(t, issuer, func(c *bearer.Config) {
					c.Keys = keys
					c.Custom = func([]byte) (any, error) { time.Sleep(time.Second); return custom.Add(1), nil }
				})
				token := issuer.Token(nil)
				const n = 8
				claims, errs := make([]*bearer.Claims, n), make([]error, n)
				var all sync.WaitGroup
				for i := range n {
					all.Go(func() { claims[i], errs[i] = v.Verify(t.Context(), token) })
				}
				all.Wait()
				for i := range n {
					if errs[i] != nil || claims[i] != claims[0] || claims[i].Subject() == "" {
						t.Errorf("request %d: got %v, %v, want the claims that all share", i, claims[i], errs[i])
					}
				}
				if got := custom.Load(); got != 1 {
					t.Errorf("got %d verifications, want 1", got)
				}
				if got, want := v.CacheStatus(), (bearer.CacheStatus{Entries: 1, Capacity: 4096, Misses: n}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		})
	}
}

// TestCacheRace has everything happen at once; it is for the race detector.
func TestCacheRace(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.CacheSize = 8 })
	tokens := make([]string, 32)
	for i := range tokens {
		tokens[i] = issuer.Token(map[string]any{"sub": fmt.Sprint(i)})
	}
	done := make(chan error)
	for range 8 {
		go func() {
			for i := range 200 {
				n := i % len(tokens)
				claims, err := v.Verify(t.Context(), tokens[n])
				if err == nil && claims.Subject() != fmt.Sprint(n) {
					err = fmt.Errorf("got the claims of %s, want those of %d", claims.Subject(), n)
				}
				if err != nil {
					done <- err
					return
				}
				if s := v.CacheStatus(); s.Entries > s.Capacity {
					done <- fmt.Errorf("got %+v", s)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
