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

// TestCacheBounds tests that the cache holds at most Config.CacheSize tokens and that a
// large token counts as several tokens.
func TestCacheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, events := newIssuer(t, "EdDSA"), &testkit.Recorder{}
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.CacheSize = events, 8 })
		verify := func(claims map[string]any) {
			t.Helper()
			if got := verifyOnce(t, v, events, issuer.Token(claims)); got != "ok" {
				t.Fatalf("got outcome %q, want \"ok\"", got)
			}
		}
		hot := issuer.Token(nil)
		verifyOnce(t, v, events, hot)
		for i := range 20 {
			verify(nil)
			if got := verifyOnce(t, v, events, hot); got != "ok, cached" {
				t.Errorf("frequently used token after %d other tokens: got %q, want \"ok, cached\"", i+1, got)
			}
		}
		var tokens []string
		for range 20 {
			tokens = append(tokens, issuer.Token(nil))
			verifyOnce(t, v, events, tokens[len(tokens)-1])
		}
		for i, token := range tokens[14:] {
			if got := verifyOnce(t, v, events, token); got != "ok, cached" {
				t.Errorf("token %d of 20 in a cache of 8 tokens: got %q, want \"ok, cached\"", i+15, got)
			}
		}
		if got := v.Status()[0].Cache; got.Entries != 8 || got.Evictions != 33 {
			t.Errorf("got status %+v, want 8 entries and 33 evictions", got)
		}
		for range 20 {
			verify(map[string]any{"x": strings.Repeat("x", 3<<10)})
		}
		if got := v.Status()[0].Cache; got.Entries != 2 {
			t.Errorf("tokens of 3 KiB: got status %+v, want 2 entries", got)
		}
		before := v.Status()[0].Cache
		verify(map[string]any{"x": strings.Repeat("x", 9<<10)})
		if got := v.Status()[0].Cache; got.Entries != before.Entries || got.Evictions != before.Evictions {
			t.Errorf("token that is larger than the cache: got status %+v, want an unchanged status", got)
		}
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		if got := v.Status()[0].Cache; got.Entries != 0 || got.Evictions != before.Evictions {
			t.Errorf("after all tokens expired: got status %+v, want no entries and no further evictions", got)
		}
		verify(nil)
		time.Sleep(30 * time.Second) // the cache removes expired entries once a minute
		for range 7 {
			verify(nil)
		}
		time.Sleep(time.Hour)
		verify(nil)
		verify(nil)
		if got := v.Status()[0].Cache; got.Evictions != before.Evictions {
			t.Errorf("new token in place of an expired token: got status %+v, want no further evictions", got)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		verify(nil)
		if got := v.Status()[0].Cache; got.Entries != 0 {
			t.Errorf("after Close: got status %+v, want no entries", got)
		}
	})
}

// TestCacheEvictsUnusedTokens tests that a full cache evicts tokens that clients no longer
// send. A new token must stay cached until a client sends it a second time, even if many
// other new tokens arrive first.
func TestCacheEvictsUnusedTokens(t *testing.T) {
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
		verify(issuer.Token(nil)) // an old token that no client sends again
	}
	var fresh []string
	for range size / 2 {
		fresh = append(fresh, issuer.Token(nil))
		verify(fresh[len(fresh)-1])
	}
	before := v.Status()[0].Cache.Hits
	for _, token := range fresh {
		verify(token)
	}
	if hits := v.Status()[0].Cache.Hits - before; hits != size/2 {
		t.Errorf("got %d cache hits for %d new tokens, want a hit for each new token", hits, size/2)
	}
}

// TestCacheCountsHeaderSize tests that the size of each header counts against the limit of the
// cache, except the size of a short header that several tokens share. Long or different
// headers must not make the cache exceed its limit.
func TestCacheCountsHeaderSize(t *testing.T) {
	const size = 512 // twice the maximum number of shared headers
	for _, row := range []struct {
		name   string
		length int
		unique bool // each token has a different header
		want   int  // maximum number of entries
	}{
		{"short shared header", 16, false, size},
		{"short unique headers", 300, true, size * 3 / 4},
		{"long shared header", 3 << 10, false, size / 4}, // too long to be shared in memory
		{"long unique headers", 3 << 10, true, size / 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			issuer := newIssuer(t, "EdDSA")
			v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = size })
			for i := range 2 * size {
				text := strings.Repeat("x", row.length)
				if row.unique {
					text += strconv.Itoa(i)
				}
				if _, err := v.Verify(t.Context(), issuer.Mint(map[string]any{"x5t#note": text}, nil)); err != nil {
					t.Fatal(err)
				}
			}
			if got := v.Status()[0].Cache.Entries; got > row.want || got < row.want/2 {
				t.Errorf("got %d entries, want between %d and %d", got, row.want/2, row.want)
			}
		})
	}
}

// TestCacheOfMaximumSize sets Config.CacheSize to math.MaxInt. The cache must work.
func TestCacheOfMaximumSize(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = math.MaxInt })
	token := issuer.Token(nil)
	for range 2 {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if got := v.Status()[0].Cache; got.Entries != 1 || got.Hits != 1 {
		t.Errorf("got status %+v, want one entry and one hit", got)
	}
}

// TestCacheEvictsExpiredFirst tests that a full cache replaces an expired token before a
// valid token, even if clients sent the expired token more often.
func TestCacheEvictsExpiredFirst(t *testing.T) {
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
		time.Sleep(30 * time.Second) // the token short has expired, but the cache has not removed it yet
		verify(issuer.Token(nil))
		before := v.Status()[0].Cache
		verify(long)
		if s := v.Status()[0].Cache; s.Hits != before.Hits+1 || s.Evictions != 0 {
			t.Errorf("got status %+v after status %+v, want a hit for the valid token and no evictions", s, before)
		}
	})
}
