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

// neighbour is an issuer among others, with a key cache of its own, in memory.
type neighbour struct {
	*bearertest.Issuer

	cache *jwks.Cache
}

func addNeighbour(t *testing.T, issuers *bearer.Issuers, name string, fault bearertest.Fault) neighbour {
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
	return neighbour{issuer, cache}
}

// TestNeighbours floods one issuer with keys that it does not have, while it is
// well and in every kind of outage. The tokens of the other one must not wait,
// and its rotation must go through.
func TestNeighbours(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault bearertest.Fault
		want  bearer.Reason
	}{
		{"well", bearertest.Fault{}, bearer.UnknownKey},
		{"down", bearertest.Fault{Status: 500}, bearer.KeysUnavailable},
		{"no answer", bearertest.Fault{Hang: true}, bearer.KeysUnavailable},
		{"slow", bearertest.Fault{Delay: 3 * time.Second, Status: 503}, bearer.KeysUnavailable},
		{"garbage", bearertest.Fault{Body: []byte("<html>")}, bearer.KeysUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var issuers bearer.Issuers
				sick := addNeighbour(t, &issuers, "sick", row.fault)
				sound := addNeighbour(t, &issuers, "sound", bearertest.Fault{})
				if err := sound.cache.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for g := range 20 {
					wg.Go(func() {
						for n := 0; ctx.Err() == nil; n++ {
							token := sick.Mint(members{"kid": fmt.Sprintf("forged-%d-%d", g, n)}, nil)
							start := time.Now()
							if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != row.want { //nolint:contextcheck // ctx ends the loop, not a request
								t.Errorf("the flood: got %v, want %q", err, row.want)
							}
							if waited := time.Since(start); waited > 2*time.Second {
								t.Errorf("the flood: answered after %v, want 2s at most", waited)
							}
							time.Sleep(50 * time.Millisecond)
						}
					})
				}
				verify := func(what, token string) {
					t.Helper()
					start := time.Now()
					if _, err := issuers.Verify(t.Context(), token); err != nil {
						t.Errorf("%s: %v", what, err)
					}
					if waited := time.Since(start); waited > 0 {
						t.Errorf("%s: waited %v", what, waited)
					}
				}
				token := sound.Token(nil)
				for range 100 {
					verify("the neighbour", token)
					time.Sleep(10 * time.Millisecond)
				}
				sound.Rotate()
				verify("the neighbour's new key", sound.Token(nil))
				if got := sound.Fetches(bearertest.KeysEndpoint); got != 2 {
					t.Errorf("the neighbour was asked %d times, want 2: at the start and at its rotation", got)
				}
				cancel()
				wg.Wait()
				if got := sick.Fetches(bearertest.KeysEndpoint); got > 5 {
					t.Errorf("a flood of a second caused %d fetches, want 5 at most", got)
				}
				closeAll(t, &issuers, sick, sound)
			})
		})
	}
}

// TestNeighboursRemembered floods one issuer with good tokens, of which it
// remembers few. What is remembered of the other one stays.
func TestNeighboursRemembered(t *testing.T) {
	a, b, cfgA, cfgB := twoIssuers(t)
	var events testkit.Recorder
	issuers := bearer.Issuers{Observer: &events}
	cfgA.CacheSize = 4
	if err := issuers.Add(cfgA, cfgB); err != nil {
		t.Fatal(err)
	}
	token := b.Token(nil)
	if got := verifyOnce(t, &issuers, &events, token); got != "ok" {
		t.Fatalf("got %s, want ok", got)
	}
	for n := range 200 {
		if got := verifyOnce(t, &issuers, &events, a.Token(members{"jti": fmt.Sprint(n)})); got != "ok" {
			t.Fatalf("the flood: got %s, want ok", got)
		}
		if got := verifyOnce(t, &issuers, &events, token); got != "ok, cached" {
			t.Fatalf("after %d tokens of the neighbour: got %s, want ok, cached", n+1, got)
		}
	}
	if status := issuers.Status(); status[0].Cache.Entries > 4 || status[1].Cache.Entries != 1 {
		t.Errorf("got %+v and %+v, want 4 tokens at most and 1", status[0].Cache, status[1].Cache)
	}
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
}

func closeAll(t *testing.T, issuers *bearer.Issuers, neighbours ...neighbour) {
	t.Helper()
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
	for _, n := range neighbours {
		n.Close() // what hangs, first
		if err := n.cache.Close(); err != nil {
			t.Error(err)
		}
	}
}
