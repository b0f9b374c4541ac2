package memory

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// SweepInterval is the maximum time that an expired entry stays in a cache.
const SweepInterval = time.Minute

// Cache stores the entries of one verifier in an index. It limits the number of these
// entries and their memory. The verifier stores only verified tokens, so a client without a
// valid token cannot cause an eviction. Cache is safe for concurrent use.
type Cache[V any] struct {
	index    *Index[V] // nil if the cache is off
	capacity int       // entries
	limit    int       // bytes
	counts   counts
	evicted  atomic.Uint64

	mu     sync.Mutex // guards the fields below
	ring   []*Entry[V]
	hand   int // index in ring of the next candidate for eviction
	bytes  int
	timer  *time.Timer
	closed bool
}

// NewCache returns a cache that stores at most capacity entries. All entries together take
// at most capacity*bytes bytes, so bytes is the expected size of one entry. A cache with a
// capacity below 1 is off: it stores nothing, and its method Index returns nil.
func NewCache[V any](capacity, bytes int) *Cache[V] {
	c := &Cache[V]{counts: newCounts()}
	if capacity > 0 {
		c.capacity, c.limit = capacity, min(capacity, math.MaxInt/bytes)*bytes
		c.index = NewIndex[V]()
	}
	return c
}

// Index returns the index in which the cache stores its entries, or nil if the cache is
// off.
func (c *Cache[V]) Index() *Index[V] { return c.index }

// Limit returns the maximum memory of all entries together, in bytes. It is 0 if the cache is
// off.
func (c *Cache[V]) Limit() int { return c.limit }

// Share makes the cache store its entries in ix. Share does nothing if the cache is off. The
// caller must call Share before it uses the cache.
func (c *Cache[V]) Share(ix *Index[V]) {
	if c.index != nil {
		c.index = ix
	}
}

// Status contains the number of entries in a cache, the maximum number of entries, and the
// numbers of hits, misses and evictions since the cache was created.
type Status struct {
	Entries, Capacity       int
	Hits, Misses, Evictions uint64
}

// Status returns the current status of the cache.
func (c *Cache[V]) Status() Status {
	c.mu.Lock()
	entries := len(c.ring)
	c.mu.Unlock()
	s := Status{Entries: entries, Capacity: c.capacity, Evictions: c.evicted.Load()}
	s.Hits, s.Misses = c.counts.sum()
	return s
}

// Count counts one lookup as a hit or a miss. shard selects one of several counters.
// Callers on different cores pass different values of shard, so that they do not contend
// for one cache line.
func (c *Cache[V]) Count(shard uint32, hit bool) { c.counts.add(shard, hit) }

// Store stores the entry e, which expires at the time expiry and takes size bytes of
// memory. The entry e replaces an older entry of the same token. If the cache is full,
// Store first removes entries that expired or that were not used recently. Store does
// nothing if the cache is off or closed, or if size exceeds the memory limit of the
// cache.
func (c *Cache[V]) Store(e *Entry[V], size int, expiry, now time.Time) {
	e.cost = int32(min(size, 1<<30)) //nolint:gosec // 1<<30 fits into an int32
	e.expires = uint32(min(max(expiry.Unix(), 0), math.MaxUint32))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.index == nil || int(e.cost) > c.limit {
		return
	}
	if known, ok := c.index.entries.Load(e.digest); ok {
		if old, ok := known.(*Entry[V]); ok {
			c.forget(old) // if another cache stores the old entry, forget does nothing
		}
	}
	full := false
	for len(c.ring) >= c.capacity || c.bytes+int(e.cost) > c.limit {
		c.makeRoom(now)
		full = true
	}
	e.place.Store(int32(len(c.ring))) //nolint:gosec // a ring of 1<<31 entries takes more than 1 TiB
	c.ring = append(c.ring, e)
	c.bytes += int(e.cost)
	if passed := c.hand - 1; full && passed < len(c.ring) {
		c.swap(passed, len(c.ring)-1) // e moves to the place behind the hand, so that the hand reaches e last
	}
	c.index.entries.Store(e.digest, e)
	if c.timer == nil {
		c.timer = time.AfterFunc(SweepInterval, sweeper(c))
	}
}

// makeRoom removes one entry. The clock algorithm chooses the next entry that expired, or
// that was not used since the hand last passed this entry. The caller holds c.mu.
func (c *Cache[V]) makeRoom(now time.Time) {
	// In its first round, the hand clears the marks. In its second round, the hand finds an
	// entry without a mark, except if other goroutines used all entries in the meantime.
	for range 2 * len(c.ring) {
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

// expired reports whether the entry has expired. It can return true up to 1 s early,
// because expires is rounded down.
func (e *Entry[V]) expired(now time.Time) bool { return now.Unix() >= int64(e.expires) }

func (c *Cache[V]) evict(e *Entry[V], expired bool) {
	c.forget(e)
	if !expired {
		c.evicted.Add(1)
	}
}

// forget removes e from the ring and from the index. The last entry of the ring moves to
// the place of e. forget does nothing if this cache does not store e. The caller holds
// c.mu.
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
	c.ring[i].place.Store(int32(i)) //nolint:gosec // a ring of 1<<31 entries takes more than 1 TiB
	c.ring[j].place.Store(int32(j)) //nolint:gosec // a ring of 1<<31 entries takes more than 1 TiB
}

// sweeper returns the function that the sweep timer calls. The function holds a weak
// pointer to the cache, so that the garbage collector can free a cache that was never
// closed.
func sweeper[V any](c *Cache[V]) func() {
	alive := weak.Make(c)
	return func() {
		if c := alive.Value(); c != nil {
			c.sweep()
		}
	}
}

// sweep removes expired entries. It runs every SweepInterval while the cache has entries.
func (c *Cache[V]) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for i := 0; i < len(c.ring); {
		if e := c.ring[i]; e.expired(now) {
			c.forget(e) // forget moves the last entry to i, so i does not change
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

// Close removes all entries and stops the sweep timer. Later calls of Store do nothing.
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

// counts contains the counters of hits and misses. It has several elements, so that cores do
// not contend for one cache line. The number of elements is a power of two, so that add
// can select an element with a bit mask.
type counts []count

// count is one element of counts. It is padded to 64 bytes, the size of a cache line.
type count struct {
	hits, misses atomic.Uint64
	_            [48]byte
}

func newCounts() counts {
	shards := 1
	for shards < runtime.GOMAXPROCS(0) && shards < 64 {
		shards *= 2
	}
	return make(counts, shards)
}

func (c counts) add(shard uint32, hit bool) {
	at := &c[shard&uint32(len(c)-1)] //nolint:gosec // len(c) is at most 64
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
