package jwks_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// TestForgedTokensForOneIssuer sends forged tokens for one issuer for minutes, and then for all
// others, which hang or publish a new key for each request. The cache of the first issuer used less
// than its share, so it must wait no longer than without the forged tokens.
func TestForgedTokensForOneIssuer(t *testing.T) {
	for name, others := range map[string]answerer{
		"others hang":         hang,
		"others rotate a key": after(190*time.Millisecond, rotating()),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := scaled(1999)
				own := after(150*time.Millisecond, serve(document(edKey("old"))))
				c, caches := startCrowd(t, n+1, scaledLimits(), lastDiffers(n, serve(document(edKey("a"))), own))
				last := caches[n]
				ctx, cancel := context.WithCancel(t.Context())
				defer func() {
					cancel()
					time.Sleep(3 * time.Second) // until the goroutines have ended
				}()
				time.Sleep(2 * time.Minute)
				go forge(ctx, caches[n:])
				time.Sleep(6 * time.Minute)
				c.set(lastDiffers(n, others, own))
				go forgeSpread(ctx, caches[:n])
				before := last.Status()
				time.Sleep(30 * time.Second)
				s := last.Status()
				if wait, fetches := s.LimitWait-before.LimitWait, s.Fetches-before.Fetches; fetches == 0 || wait.Seconds() > 4*float64(fetches+1) {
					t.Errorf("got %v of waiting for %d fetches, want at most 4 s for each", wait, fetches)
				}
			})
		})
	}
}

// TestRetriesWithFewSlots checks that a request that hangs does not block the next request of the
// same cache, although the Limits permit only two requests.
func TestRetriesWithFewSlots(t *testing.T) {
	for _, slots := range []int{2, 3, 0} {
		synctest.Test(t, func(t *testing.T) {
			answer := failFirst(hang, failFirst(hang, failFirst(hang, serve(document(edKey("a"))))))
			_, caches := startCrowd(t, 1, &jwks.Limits{MaxFetches: slots}, answer)
			start := time.Now()
			if err := caches[0].Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("MaxFetches %d: got keys after %v, want at most 5 s", slots, took)
			}
		})
	}
}

// TestErrorOfMetadataTimeout checks that the error of metadata that come too late is a
// context.DeadlineExceeded.
func TestErrorOfMetadataTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := site{issuerURL + oidc: metadata(issuerURL, keysURL), keysURL: string(document(ecKey("a")))}
		start := time.Now()
		o := options(nil)
		o.Issuer = ""
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if time.Since(start) > time.Minute && strings.HasSuffix(r.URL.Path, oidc) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return s.answer(r), nil
		})
		failures := 0
		o.Observe = func(e jwks.Event) {
			if e.Kind == jwks.MetadataFailed {
				failures++
				if !errors.Is(e.Err, context.DeadlineExceeded) {
					t.Errorf("got the error %v, want context.DeadlineExceeded", e.Err)
				}
			}
		}
		c, err := jwks.Discover(issuerURL, o)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if failures == 0 {
			t.Error("got no event MetadataFailed")
		}
	})
}
