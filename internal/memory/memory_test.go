package memory_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/memory"
)

type value struct{ name string }

// storeEntry stores an entry for token in a cache and returns the entry.
func storeEntry(c *memory.Cache[value], token string, cost int, expires time.Time) *memory.Entry[value] {
	var d memory.Digest
	c.Index().Find(&d, []byte(token))
	e := memory.NewEntry[value](d)
	e.Value.name = token
	c.Store(e, cost, expires, time.Now())
	return e
}

func findEntry(c *memory.Cache[value], token string) *memory.Entry[value] {
	var d memory.Digest
	return c.Index().Find(&d, []byte(token))
}

func TestFind(t *testing.T) {
	c := memory.NewCache[value](8, 1<<10)
	defer c.Close()
	e := storeEntry(c, "a", 100, time.Now().Add(time.Hour))
	if got := findEntry(c, "a"); got != e || got.Value.name != "a" {
		t.Errorf("got entry %v, want the entry that was stored", got)
	}
	for _, other := range []string{"", "b", "aa", "A"} {
		if got := findEntry(c, other); got != nil {
			t.Errorf("%q: got %v, want no entry", other, got)
		}
	}
	newer := storeEntry(c, "a", 100, time.Now().Add(time.Hour))
	if got := findEntry(c, "a"); got != newer || c.Status().Entries != 1 {
		t.Errorf("got entry %v and %d entries, want the newer entry and 1 entry", got, c.Status().Entries)
	}
	c.Close()
	if storeEntry(c, "b", 100, time.Now().Add(time.Hour)); findEntry(c, "a") != nil || findEntry(c, "b") != nil {
		t.Error("after Close: got an entry, want none")
	}
	off := memory.NewCache[value](0, 1<<10)
	if off.Store(e, 1, time.Now().Add(time.Hour), time.Now()); off.Index() != nil || findEntry(off, "a") != nil || off.Status() != (memory.Status{}) {
		t.Errorf("cache that is off: got status %+v, index %v and entry %v, want the zero status, no index and no entry", off.Status(), off.Index(), findEntry(off, "a"))
	}
}

// TestShared lets two caches share one index. If both caches store the same token, only
// the entry that was stored last remains. Each cache keeps its own limits.
func TestShared(t *testing.T) {
	ix := memory.NewIndex[value]()
	a, b := memory.NewCache[value](2, 1<<10), memory.NewCache[value](2, 1<<10)
	a.Share(ix)
	b.Share(ix)
	later := time.Now().Add(time.Hour)
	kept := storeEntry(b, "kept", 100, later) // has the same ring index in b that "x" gets in a
	first := storeEntry(a, "x", 100, later)
	second := storeEntry(b, "x", 100, later)
	if got := findEntry(a, "x"); got != second || got == first {
		t.Errorf("got %v, want the entry that was stored last", got)
	}
	if n := b.Status().Entries; n != 2 || findEntry(b, "kept") != kept {
		t.Errorf("second cache: got %d entries, want 2 entries, \"kept\" and \"x\"", n)
	}
	empty := memory.NewCache[value](2, 1<<10)
	empty.Share(ix)
	storeEntry(a, "moved", 100, later)
	if moved := storeEntry(empty, "moved", 100, later); findEntry(a, "moved") != moved || empty.Status().Entries != 1 {
		t.Errorf("third cache: got %+v, want one entry, \"moved\"", empty.Status())
	}
	a.Close() // must not remove the entry of b
	if got := findEntry(b, "x"); got != second {
		t.Errorf("after the other cache was closed: got entry %v, want the entry that was stored last", got)
	}
	for i := range 10 {
		storeEntry(b, fmt.Sprint(i), 100, later)
	}
	if s := b.Status(); s.Entries != 2 || s.Evictions != 10 {
		t.Errorf("got %+v, want two entries and ten evictions", s)
	}
}

// TestExpired requires that expired entries are evicted before all others, and that the
// sweep removes expired entries.
func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memory.NewCache[value](2, 1<<10)
		defer c.Close()
		storeEntry(c, "short", 100, time.Now().Add(10*time.Second)).Use()
		storeEntry(c, "long", 100, time.Now().Add(time.Hour))
		time.Sleep(20 * time.Second)
		storeEntry(c, "new", 100, time.Now().Add(24*365*200*time.Hour)) // more seconds than a uint32 holds
		if findEntry(c, "short") != nil || findEntry(c, "long") == nil || c.Status().Evictions != 0 {
			t.Errorf("got %+v, want 2 entries, \"long\" and \"new\", and no eviction", c.Status())
		}
		time.Sleep(time.Hour + memory.SweepInterval)
		if findEntry(c, "long") != nil || findEntry(c, "new") == nil || c.Status().Entries != 1 {
			t.Errorf("got %+v, want 1 entry, \"new\"", c.Status())
		}
	})
}

// TestJoin requires that concurrent requests share one verification, and that Wait reports
// the result of the verification to each request.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ix := memory.NewIndex[value]()
		var d memory.Digest
		ix.Find(&d, []byte("token"))
		for _, succeeds := range []bool{true, false} {
			first := memory.NewEntry[value](d)
			if other, _ := ix.Join(first); other != nil {
				t.Fatal("Join: got the entry of a different request, want nil")
			}
			var waiters sync.WaitGroup
			for range 5 {
				waiters.Go(func() {
					other, done := ix.Join(memory.NewEntry[value](d))
					if other != first {
						t.Errorf("Join: got %v, want the entry of the first request", other)
						return
					}
					if ok, err := other.Wait(t.Context(), done); ok != succeeds || err != nil {
						t.Errorf("Wait: got result %v and error %v, want result %v and no error", ok, err, succeeds)
					}
				})
			}
			waiters.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				other, done := ix.Join(memory.NewEntry[value](d))
				cancel()
				if _, err := other.Wait(ctx, done); !errors.Is(err, context.Canceled) {
					t.Errorf("Wait: got %v, want the error of the context that was canceled", err)
				}
			})
			synctest.Wait()
			ix.End(first, succeeds)
			waiters.Wait()
		}
	})
}

// TestConcurrentUse fills, searches and closes caches concurrently, for the race detector.
// The caches share one index.
func TestConcurrentUse(t *testing.T) {
	ix := memory.NewIndex[value]()
	var goroutines sync.WaitGroup
	for range 4 {
		c := memory.NewCache[value](4, 1<<10)
		c.Share(ix)
		goroutines.Go(func() {
			for i := range 2000 {
				token := fmt.Sprint(i % 16)
				if e := findEntry(c, token); e != nil {
					e.Use()
				} else {
					storeEntry(c, token, 200, time.Now().Add(time.Hour))
				}
				c.Count(uint32(i), i%2 == 0)
			}
			if s := c.Status(); s.Entries > 4 || s.Hits != 1000 || s.Misses != 1000 {
				t.Errorf("got %+v, want at most 4 entries, 1000 hits and 1000 misses", s)
			}
			c.Close()
		})
	}
	goroutines.Wait()
}

// TestUnusedCacheIsFreed requires that the garbage collector frees an unused cache, even
// while its sweep timer runs.
func TestUnusedCacheIsFreed(t *testing.T) {
	collected := make(chan struct{})
	func() {
		c := memory.NewCache[value](8, 1<<10)
		storeEntry(c, "a", 100, time.Now().Add(time.Hour))
		runtime.AddCleanup(c, func(done chan struct{}) { close(done) }, collected)
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-collected:
			return
		default:
			runtime.Gosched()
		}
	}
	select {
	case <-collected:
	case <-time.After(5 * time.Second):
		t.Error("the garbage collector did not free the cache within 5 s")
	}
}
