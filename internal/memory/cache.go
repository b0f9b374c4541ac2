package memory

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// SweepInterval is how long an expired entry may stay in a cache.
const SweepInterval = time.Minute

// Cache is the part of an index that one verifier fills, and its limits. Only verified
// tokens enter, so a client without a good token cannot evict another client's. It is
// safe for concurrent use.
type Cache[V any] struct {
	index    *Index[V] // nil: nothing is stored
	capacity int       // entries
	limit    int       // bytes
	counts   counts
	evicted  atomic.Uint64

	mu     sync.Mutex // guards what follows
	ring   []*Entry[V]
	hand   int // where to look for room next
	bytes  int
	timer  *time.Timer
	closed bool
}

// NewCache returns a cache of at most capacity entries that take bytes bytes each on
// average. A capacity below one turns it off; its index is nil then.
func NewCache[V any](capacity, bytes int) *Cache[V] {
	c := &Cache[V]{counts: newCounts()}
	if capacity > 0 {
		c.capacity, c.limit = capacity, min(capacity, math.MaxInt/bytes)*bytes
		c.index = NewIndex[V]()
	}
	return c
}

// Index returns the index in which the cache stores, or nil if the cache is off.
func (c *Cache[V]) Index() *Index[V] { return c.index }

// Share makes a cache that is on store in ix from now on. It must be called before the
// cache is used.
func (c *Cache[V]) Share(ix *Index[V]) {
	if c.index != nil {
		c.index = ix
	}
}

// Status is what a cache holds, and counts since its start.
type Status struct {
	Entries, Capacity       int
	Hits, Misses, Evictions uint64
}

// Status describes the cache as it is now.
func (c *Cache[V]) Status() Status {
	c.mu.Lock()
	entries := len(c.ring)
	c.mu.Unlock()
	s := Status{Entries: entries, Capacity: c.capacity, Evictions: c.evicted.Load()}
	s.Hits, s.Misses = c.counts.sum()
	return s
}

// Count counts a look-up. The place spreads the counters over cache lines: callers on
// different cores pass different ones.
func (c *Cache[V]) Count(place uint32, hit bool) { c.counts.add(place, hit) }

// Store remembers an entry until expires. It takes cost bytes. Store makes room by
// evicting expired entries first, then entries that were not used lately. It does
// nothing if the cache is closed or the entry alone exceeds its limit.
func (c *Cache[V]) Store(e *Entry[V], cost int, expires, now time.Time) {
	e.cost = int32(min(cost, 1<<30)) //nolint:gosec // it fits
	e.expires = uint32(min(max(expires.Unix(), 0), math.MaxUint32))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.index == nil || int(e.cost) > c.limit {
		return
	}
	if known, ok := c.index.entries.Load(e.digest); ok {
		if old, ok := known.(*Entry[V]); ok {
			c.forget(old) // unless another cache stores it
		}
	}
	full := false
	for len(c.ring) >= c.capacity || c.bytes+int(e.cost) > c.limit {
		c.makeRoom(now)
		full = true
	}
	e.place.Store(int32(len(c.ring))) //nolint:gosec // no more than fit into memory
	c.ring = append(c.ring, e)
	c.bytes += int(e.cost)
	if behind := c.hand - 1; full && behind < len(c.ring) {
		c.swap(behind, len(c.ring)-1) // just behind the hand, which reaches it last
	}
	c.index.entries.Store(e.digest, e)
	if c.timer == nil {
		c.timer = time.AfterFunc(SweepInterval, sweeper(c))
	}
}

// makeRoom forgets one entry: the next that expired, or that was not used since the hand
// last passed (the clock algorithm). The caller holds c.mu.
func (c *Cache[V]) makeRoom(now time.Time) {
	for range 2 * len(c.ring) { // in the second round only entries in use right now are marked
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		e := c.ring[c.hand]
		expired := e.expired(now)
		c.hand++
		if expired || e.marks.And(^uint32(used))&used == 0 {
			c.evict(e, expired)
			return
		}
	}
	c.evict(c.ring[0], false)
}

// expired reports whether the entry has expired, up to a second early.
func (e *Entry[V]) expired(now time.Time) bool { return now.Unix() >= int64(e.expires) }

func (c *Cache[V]) evict(e *Entry[V], expired bool) {
	c.forget(e)
	if !expired {
		c.evicted.Add(1)
	}
}

// forget removes an entry from the ring and from the index, if this cache stores it. The
// last entry of the ring takes its place. The caller holds c.mu.
func (c *Cache[V]) forget(e *Entry[V]) {
	place, last := int(e.place.Load()), len(c.ring)-1
	if place > last || c.ring[place] != e {
		return
	}
	c.swap(place, last)
	c.ring[last] = nil
	c.ring = c.ring[:last]
	c.bytes -= int(e.cost)
	c.index.entries.CompareAndDelete(e.digest, e)
}

func (c *Cache[V]) swap(i, j int) {
	c.ring[i], c.ring[j] = c.ring[j], c.ring[i]
	c.ring[i].place.Store(int32(i)) //nolint:gosec // no more than fit into memory
	c.ring[j].place.Store(int32(j)) //nolint:gosec // no more than fit into memory
}

// sweeper returns the function of the sweep timer. It refers to the cache weakly, so
// that the timer does not keep a verifier alive that was never closed.
func sweeper[V any](c *Cache[V]) func() {
	alive := weak.Make(c)
	return func() {
		if c := alive.Value(); c != nil {
			c.sweep()
		}
	}
}

// sweep forgets expired entries. It runs at intervals while there are entries.
func (c *Cache[V]) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for i := 0; i < len(c.ring); {
		if e := c.ring[i]; e.expired(now) {
			c.forget(e) // which moves another entry to i
		} else {
			i++
		}
	}
	c.timer = nil
	if len(c.ring) == 0 {
		c.ring = nil
	} else if !c.closed {
		c.timer = time.AfterFunc(SweepInterval, sweeper(c))
	}
}

// Close forgets all entries. Later calls of Store do nothing.
func (c *Cache[V]) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	for len(c.ring) > 0 {
		c.forget(c.ring[len(c.ring)-1])
	}
	c.ring = nil
}

// counts counts hits and misses in several places, so that cores do not contend for one
// cache line. Its length is a power of two.
type counts []count

// count fills a cache line.
type count struct {
	hits, misses atomic.Uint64
	_            [48]byte
}

func newCounts() counts {
	places := 1
	for places < runtime.GOMAXPROCS(0) && places < 64 {
		places *= 2
	}
	return make(counts, places)
}

func (c counts) add(place uint32, hit bool) {
	at := &c[place&uint32(len(c)-1)] //nolint:gosec // 64 at most
	if hit {
		at.hits.Add(1)
	} else {
		at.misses.Add(1)
	}
}

func (c counts) sum() (hits, misses uint64) {
	for i := range c {
		hits += c[i].hits.Load()
		misses += c[i].misses.Load()
	}
	return hits, misses
}
