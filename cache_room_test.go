package bearer_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestCacheBounds wants the cache to stay within its number of tokens, and large
// tokens to count for several.
func TestCacheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.CacheSize = events, 8 })
		verify := func(claims map[string]any) {
			t.Helper()
			if got := seen(t, v, events, issuer.Token(claims)); got != "ok" {
				t.Fatalf("got %s, want ok", got)
			}
		}
		hot := issuer.Token(nil)
		seen(t, v, events, hot)
		for i := range 20 {
			verify(nil)
			if got := seen(t, v, events, hot); got != "ok, known" {
				t.Errorf("a token that is used all the time, after %d others: got %s, want that it is known", i+1, got)
			}
		}
		var tokens []string
		for range 20 {
			tokens = append(tokens, issuer.Token(nil))
			seen(t, v, events, tokens[len(tokens)-1])
		}
		for i, token := range tokens[14:] {
			if got := seen(t, v, events, token); got != "ok, known" {
				t.Errorf("the last but %d of 20 tokens, in a cache of 8: got %s, want that it is known", 5-i, got)
			}
		}
		if got := v.CacheStatus(); got.Entries != 8 || got.Evictions != 33 {
			t.Errorf("got %+v, want 8 entries and 33 evictions", got)
		}
		for range 20 {
			verify(map[string]any{"x": strings.Repeat("x", 3<<10)})
		}
		if got := v.CacheStatus(); got.Entries != 2 {
			t.Errorf("tokens of 3 KiB: got %+v, want 2 entries", got)
		}
		before := v.CacheStatus()
		verify(map[string]any{"x": strings.Repeat("x", 9<<10)})
		if got := v.CacheStatus(); got.Entries != before.Entries || got.Evictions != before.Evictions {
			t.Errorf("a token that has no room: got %+v, want it left out", got)
		}
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		if got := v.CacheStatus(); got.Entries != 0 || got.Evictions != before.Evictions {
			t.Errorf("after their expiry: got %+v, want no entries, and no evictions for it", got)
		}
		verify(nil)
		time.Sleep(30 * time.Second) // between two sweeps
		for range 7 {
			verify(nil)
		}
		time.Sleep(time.Hour)
		verify(nil)
		verify(nil)
		if got := v.CacheStatus(); got.Evictions != before.Evictions {
			t.Errorf("in the place of one that expired: got %+v, want no evictions for it", got)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		verify(nil)
		if got := v.CacheStatus(); got.Entries != 0 {
			t.Errorf("after Close: got %+v, want no entries", got)
		}
	})
}

// TestCacheMakesRoom wants a full cache to give the room of tokens that nobody sends
// any more to those of today: each new one is to last a round, and not only until
// the next one comes.
func TestCacheMakesRoom(t *testing.T) {
	const size = 64
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = size })
	verify := func(token string) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	for range size {
		verify(issuer.Token(nil)) // yesterday's
	}
	var today []string
	for range size / 2 {
		today = append(today, issuer.Token(nil))
		verify(today[len(today)-1])
	}
	before := v.CacheStatus().Hits
	for _, token := range today {
		verify(token)
	}
	if hits := v.CacheStatus().Hits - before; hits != size/2 {
		t.Errorf("got %d of today's %d tokens remembered, want all", hits, size/2)
	}
}

// TestCacheCountsHeaders wants the memory of a header to count where tokens do not
// share it: the cache is bounded whatever an issuer writes there.
func TestCacheCountsHeaders(t *testing.T) {
	const size = 512 // twice as many as the headers that may be shared
	for _, row := range []struct {
		name   string
		length int
		own    bool // each token has a header of its own
		want   int  // entries, at most
	}{
		{"short, shared", 16, false, size},
		{"short, its own", 300, true, size * 3 / 4},
		{"long, shared", 3 << 10, false, size / 4}, // longer than those that are remembered
		{"long, its own", 3 << 10, true, size / 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			issuer := newIssuer(t, "EdDSA")
			v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = size })
			for i := range 2 * size {
				text := strings.Repeat("x", row.length)
				if row.own {
					text += strconv.Itoa(i)
				}
				if _, err := v.Verify(t.Context(), issuer.Mint(map[string]any{"x5t#note": text}, nil)); err != nil {
					t.Fatal(err)
				}
			}
			if got := v.CacheStatus().Entries; got > row.want || got < row.want/2 {
				t.Errorf("got %d entries, want %d at most, and half of them at least", got, row.want)
			}
		})
	}
}

// TestCacheWithoutBounds has the largest number that there is for its size, which
// means no bound and not no cache.
func TestCacheWithoutBounds(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = math.MaxInt })
	token := issuer.Token(nil)
	for range 2 {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if got := v.CacheStatus(); got.Entries != 1 || got.Hits != 1 {
		t.Errorf("got %+v, want one entry and one hit", got)
	}
}

// TestCachePrefersTheExpired wants a token that has expired to make room, however
// often it came, and not one that is good.
func TestCachePrefersTheExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t, "EdDSA")
		v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = 2 })
		verify := func(token string) {
			t.Helper()
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		short, long := issuer.Token(map[string]any{"exp": time.Now().Add(20 * time.Second)}), issuer.Token(nil)
		for _, token := range []string{short, short, long} {
			verify(token)
		}
		time.Sleep(30 * time.Second) // before expired tokens are swept out
		verify(issuer.Token(nil))
		before := v.CacheStatus()
		verify(long)
		if s := v.CacheStatus(); s.Hits != before.Hits+1 || s.Evictions != 0 {
			t.Errorf("got %+v after %+v, want the good token remembered and none evicted", s, before)
		}
	})
}
