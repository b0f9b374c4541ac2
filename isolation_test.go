package bearer_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// cachedIssuer is an issuer with a cache of its keys.
type cachedIssuer struct {
	*bearertest.Issuer

	cache *jwks.Cache
}

func addCachedIssuer(t *testing.T, issuers *bearer.Issuers, name string, fault bearertest.Fault) cachedIssuer {
	t.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{
		Issuer: "https://" + name + ".example", Audience: []string{audience}, Algorithms: []string{"EdDSA"},
	})
	issuer.Inject(bearertest.KeysEndpoint, fault)
	cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := issuers.Add(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: cache}); err != nil {
		t.Fatal(err)
	}
	return cachedIssuer{issuer, cache}
}

// TestIssuersAreIsolated sends many tokens of a faulty issuer. All these tokens have unknown
// key IDs. The key endpoint of the faulty issuer works in one row and fails in the other rows.
// Tokens of the healthy issuer must not wait, and a key rotation of the healthy issuer must
// succeed.
func TestIssuersAreIsolated(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault bearertest.Fault
		want  bearer.Reason
	}{
		{"no fault", bearertest.Fault{}, bearer.UnknownKey},
		{"status 500", bearertest.Fault{Status: 500}, bearer.KeysUnavailable},
		{"no answer", bearertest.Fault{Hang: true}, bearer.KeysUnavailable},
		{"status 503 after 3 s", bearertest.Fault{Delay: 3 * time.Second, Status: 503}, bearer.KeysUnavailable},
		{"HTML instead of keys", bearertest.Fault{Body: []byte("<html>")}, bearer.KeysUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var issuers bearer.Issuers
				faulty := addCachedIssuer(t, &issuers, "faulty", row.fault)
				healthy := addCachedIssuer(t, &issuers, "healthy", bearertest.Fault{})
				if err := healthy.cache.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for g := range 20 {
					wg.Go(func() {
						for n := 0; ctx.Err() == nil; n++ {
							token := faulty.Mint(members{"kid": fmt.Sprintf("forged-%d-%d", g, n)}, nil)
							start := time.Now()
							_, err := issuers.Verify(t.Context(), token) //nolint:contextcheck // ctx ends the loop, not a request
							notAsked := row.want == bearer.UnknownKey && reasonOf(t, err) == bearer.KeyNotAsked
							if reasonOf(t, err) != row.want && !notAsked {
								t.Errorf("faulty issuer: got error %v, want reason %q", err, row.want)
							}
							if waited := time.Since(start); waited > 2*time.Second {
								t.Errorf("faulty issuer: got a verdict after %v, want a verdict within 2 s", waited)
							}
							time.Sleep(50 * time.Millisecond)
						}
					})
				}
				verify := func(what, token string) {
					t.Helper()
					start := time.Now()
					if _, err := issuers.Verify(t.Context(), token); err != nil {
						t.Errorf("%s: got error %v, want none", what, err)
					}
					if waited := time.Since(start); waited > 0 {
						t.Errorf("%s: got a verdict after %v, want a verdict at once", what, waited)
					}
				}
				token := healthy.Token(nil)
				for range 100 {
					verify("healthy issuer", token)
					time.Sleep(10 * time.Millisecond)
				}
				healthy.Rotate()
				verify("healthy issuer's new key", healthy.Token(nil))
				if got := healthy.Fetches(bearertest.KeysEndpoint); got != 2 {
					t.Errorf("healthy issuer: got %d fetches, want 2, one at the start and one after the rotation", got)
				}
				cancel()
				wg.Wait()
				if got := faulty.Fetches(bearertest.KeysEndpoint); got > 5 {
					t.Errorf("faulty issuer: got %d fetches within about 1 s, want at most 5", got)
				}
				closeAll(t, &issuers, faulty, healthy)
			})
		})
	}
}

// TestIssuersHaveSeparateCaches sends many valid tokens of one issuer, whose cache is
// small. The cached token of the other issuer must stay cached.
func TestIssuersHaveSeparateCaches(t *testing.T) {
	a, b, cfgA, cfgB := twoIssuers(t)
	var events testkit.Recorder
	issuers := bearer.Issuers{Observer: &events}
	cfgA.CacheSize = 4
	if err := issuers.Add(cfgA, cfgB); err != nil {
		t.Fatal(err)
	}
	token := b.Token(nil)
	if got := verifyOnce(t, &issuers, &events, token); got != "ok" {
		t.Fatalf("got outcome %q, want \"ok\"", got)
	}
	for n := range 200 {
		if got := verifyOnce(t, &issuers, &events, a.Token(members{"jti": fmt.Sprint(n)})); got != "ok" {
			t.Fatalf("token %d of the first issuer: got %q, want \"ok\"", n+1, got)
		}
		if got := verifyOnce(t, &issuers, &events, token); got != "ok, cached" {
			t.Fatalf("token of the second issuer, after %d tokens of the first issuer: got %q, want \"ok, cached\"", n+1, got)
		}
	}
	if status := issuers.Status(); status[0].Cache.Entries > 4 || status[1].Cache.Entries != 1 {
		t.Errorf("got caches %+v and %+v, want at most 4 entries in the first cache and 1 entry in the second cache", status[0].Cache, status[1].Cache)
	}
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
}

func closeAll(t *testing.T, issuers *bearer.Issuers, list ...cachedIssuer) {
	t.Helper()
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
	for _, n := range list {
		n.Close() // This call ends requests that hang, so that the cache can close.
		if err := n.cache.Close(); err != nil {
			t.Error(err)
		}
	}
}
