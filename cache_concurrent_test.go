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

// TestConcurrentVerification tests that concurrent requests with the same new token share
// one verification. Each request must get its own verdict. A canceled request must stop
// waiting at once.
func TestConcurrentVerification(t *testing.T) {
	for _, row := range []struct {
		name   string
		end    func() (any, error) // result of Config.Custom
		want   string              // outcome of each request, except the canceled request
		custom int                 // Number of calls of Config.Custom in all requests. The canceled request causes no call.
	}{
		{"success", func() (any, error) { return 1, nil }, "ok", 1}, // A request that waits for a shared verification is not a cache hit.
		{"failure", func() (any, error) { return nil, errors.New("no") }, "custom", 9},
		{"panic", func() (any, error) { panic("no") }, "internal", 9},
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
				request := func(ctx context.Context) {
					events := &testkit.Recorder{}
					_, err := bearer.Decide(ctx, observed{v, events}, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
					outcomes <- outcome(t, err, events.Take())
				}
				go request(t.Context())
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				go request(ctx)
				for range 8 {
					go request(t.Context())
				}
				synctest.Wait()
				if got := custom.Load(); got != 1 {
					t.Errorf("got %d concurrent verifications, want 1", got)
				}
				cancel()
				if got := <-outcomes; got != "keys_unavailable" {
					t.Errorf("canceled request: got %q, want \"keys_unavailable\"", got)
				}
				close(release)
				got := make(map[string]int)
				for range 9 {
					got[<-outcomes]++
				}
				want := map[string]int{row.want: 9}
				if !maps.Equal(got, want) || int(custom.Load()) != row.custom {
					t.Errorf("got outcomes %v and %d verifications, want outcomes %v and %d verifications", got, custom.Load(), want, row.custom)
				}
			})
		})
	}
}

// TestConcurrentVerificationPastExpiry lets the token expire during its verification. A
// request that waited for the shared result must be refused.
func TestConcurrentVerificationPastExpiry(t *testing.T) {
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
			t.Errorf("waiting request: got reason %q, want %q", got, bearer.Expired)
		}
		if err := <-first; err != nil {
			t.Errorf("first request: got error %v, want none, because the token was valid at the time of the check", err)
		}
	})
}

// observed is a type of another package, such as a tracer, that implements both Verifier and
// Observer.
type observed struct {
	bearer.Verifier
	bearer.Observer
}

// rotating is a KeySet with outdated keys. Each call of Key takes 1 s, plus 1 ns for each
// earlier call, so that calls return in the order in which they began. The first call that
// ends replaces the outdated keys with the issuer's current keys.
type rotating struct {
	*liveKeys
	calls   atomic.Int64 // number of calls of Key
	fetch   sync.Once
	t       *testing.T
	old     *jwks.Set
	repeats int // number of times that Lookup returns each old key
	next    []byte
}

func (k *rotating) Lookup(kid, alg string) ([]*jwks.Key, error) {
	old := k.set.Load() == k.old
	keys, err := k.liveKeys.Lookup(kid, alg)
	if old {
		keys = slices.Repeat(keys, k.repeats)
	}
	return keys, err
}

func (k *rotating) Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error) {
	time.Sleep(time.Second + time.Duration(k.calls.Add(1)))
	k.fetch.Do(func() { k.publish(k.t, k.next) })
	return k.liveKeys.Key(ctx, kid, alg, tried...)
}

// TestConcurrentVerificationAfterRotation sends several requests with one token while the
// token's key is fetched. All requests must share one verification with the new key.
func TestConcurrentVerificationAfterRotation(t *testing.T) {
	for _, row := range []struct {
		name    string
		oldKid  string // The kid of the old key. If it is empty, the old key has the token's kid.
		repeats int
	}{
		{"new kid", "old", 1},
		{"same kid", "", 1},
		{"same kid, slow verification with the old key", "", 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t, "EdDSA")
				keys := &rotating{liveKeys: newLiveKeys(t, issuer), t: t, repeats: row.repeats, next: issuer.JWKS()}
				old := bearertest.NewKey("EdDSA", cmp.Or(row.oldKid, issuer.SigningKey("").ID()))
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
						t.Errorf("request %d: got claims %v and error %v, want the shared claims and no error", i, claims[i], errs[i])
					}
				}
				if got := custom.Load(); got != 1 {
					t.Errorf("got %d verifications, want 1", got)
				}
				want := bearer.IssuerStatus{}.Cache
				want.Entries, want.Capacity, want.Misses = 1, 4096, n
				if got := v.Status()[0].Cache; got != want {
					t.Errorf("got status %+v, want %+v", got, want)
				}
			})
		})
	}
}

// TestConcurrentCacheUse verifies 32 tokens concurrently with a cache of 8 tokens. The race
// detector must find no race.
func TestConcurrentCacheUse(t *testing.T) {
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
					err = fmt.Errorf("got claims of subject %s, want subject %d", claims.Subject(), n)
				}
				if err != nil {
					done <- err
					return
				}
				if s := v.Status()[0].Cache; s.Entries > s.Capacity {
					done <- fmt.Errorf("got status %+v, want at most %d entries", s, s.Capacity)
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
