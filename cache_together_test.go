package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
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
		{"a success", func() (any, error) { return 1, nil }, "ok, known", 1},
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
					events := &recorder{}
					_, err := bearer.Decide(ctx, observed{v, events}, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
					got := string(reasonOf(t, err))
					if got == "" {
						got = "ok"
					}
					if e := events.take(); len(e) == 1 && e[0].CacheHit {
						got += ", known"
					}
					outcomes <- got
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
				want := map[string]int{row.want: 8}
				want[strings.TrimSuffix(row.want, ", known")]++
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
