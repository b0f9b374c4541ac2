package bearer

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/bearerkit/bearer/jwks"
)

const (
	defaultCacheSize = 4096
	// tokenMemory is how many bytes a remembered token may take on average.
	tokenMemory = 1 << 10
	// entryMemory is what one takes beside its claims: entry, key and nodes of
	// the index, and the place in the ring.
	entryMemory = 590
	// headerMemory is what a header takes beside its text.
	headerMemory = 384
	// sweepInterval is how long an expired token may stay in memory.
	sweepInterval = time.Minute
)

// CacheStatus is the verified-token cache of a verifier, seen from outside.
type CacheStatus struct {
	// Entries is how many tokens are in it, and Capacity how many there may be:
	// Config.CacheSize, or the default. Capacity is zero where the cache is off.
	Entries, Capacity int
	// Hits counts the tokens that were found verified, Misses those that were
	// not, Evictions the tokens that made room for others before they expired;
	// all since the start.
	Hits, Misses, Evictions uint64
}

// CacheStatus describes the verified-token cache as it is now.
func (v *JWTVerifier) CacheStatus() CacheStatus { return v.cache.status() }

// entry is a token that was verified, and all that the next verdict on it needs.
// It is immutable but for the marks at its end.
type entry struct {
	Claims
	key *jwks.Key // that signed it
	id  any       // a digest, as the index has it

	flight flight
	ok     bool        // valid after flight.done: it was verified
	used   atomic.Bool // since the ring's hand came by
	cost   int32       // bytes, in the ring
	at     int32       // its place in the ring, which the cache's mutex guards
}

// holds reports whether the verdict of an earlier request still stands: all of it
// that depends on the time or on anything outside of the token. What depends on
// the request, Config.Validate and the rule, is asked afterwards, as on the first
// request. A verdict that does not stand is made anew, so that there is one place
// that says why.
func (e *entry) holds(now time.Time) bool {
	v := e.by
	keys, err := v.lookup(e.header, now)
	return err == nil && slices.Contains(keys, e.key) && v.checkTimes(&e.Claims, now) == nil
}

// index is the verified tokens of one door: a verifier's, or those of all Issuers,
// which know whose a token is only once they have found it here. Finding takes no
// lock.
type index struct {
	digester *digester
	entries  sync.Map // of digest to *entry
	headers  headers
	flights  flights
}

func newIndex() *index { return &index{digester: newDigester()} }

// find sets t to what is remembered of it, if that still holds. A nil index
// remembers nothing.
func (ix *index) find(t *token) bool {
	if ix == nil {
		return false
	}
	ix.digester.sum(&t.digest, t.raw)
	known, ok := ix.entries.Load(t.digest)
	if !ok {
		return false
	}
	e, ok := known.(*entry)
	if !ok || !e.holds(time.Now()) {
		return false
	}
	t.remembered(e)
	return true
}

// remembered makes t what an earlier request, or one at the same time, has found
// it to be.
func (t *token) remembered(e *entry) {
	if !e.used.Load() { // or else all cores would write to one place
		e.used.Store(true)
	}
	t.entry, t.by, t.hit, t.whole = e, e.by, true, true
}

// cache is what one verifier remembers in an index, and how much of it. Only
// tokens that were verified enter, so that nobody without a good token can evict
// another one's.
type cache struct {
	index    *index // nil: off
	capacity int
	counts   counts
	evicted  atomic.Uint64

	mu     sync.Mutex // guards all below
	ring   []*entry
	hand   int // where to look for room next
	bytes  int
	timer  *time.Timer
	closed bool
}

// newCache returns a cache of Config.CacheSize.
func newCache(size int) *cache {
	c := &cache{capacity: size, counts: newCounts()}
	switch {
	case size < 0:
		c.capacity = 0
		return c
	case size == 0:
		c.capacity = defaultCacheSize
	}
	c.index = newIndex()
	return c
}

func (c *cache) status() CacheStatus {
	c.mu.Lock()
	entries := len(c.ring)
	c.mu.Unlock()
	s := CacheStatus{Entries: entries, Capacity: c.capacity, Evictions: c.evicted.Load()}
	for i := range c.counts {
		s.Hits += c.counts[i].hits.Load()
		s.Misses += c.counts[i].misses.Load()
	}
	return s
}

// store remembers a token that was verified, which takes that many bytes.
func (c *cache) store(e *entry, memory int, now time.Time) {
	e.cost = int32(min(memory, 1<<30)) //nolint:gosec // it fits
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := min(c.capacity, math.MaxInt/tokenMemory) * tokenMemory
	if c.closed || int(e.cost) > limit {
		return
	}
	if known, ok := c.index.entries.Load(e.id); ok {
		if old, ok := known.(*entry); ok && old.by.cache == c {
			c.forget(old)
		}
	}
	full := false
	for len(c.ring) >= c.capacity || c.bytes+int(e.cost) > limit {
		c.makeRoom(now)
		full = true
	}
	e.at = int32(len(c.ring)) //nolint:gosec // no more than fit into memory
	c.ring = append(c.ring, e)
	c.bytes += int(e.cost)
	if behind := c.hand - 1; full && behind < len(c.ring) {
		c.swap(behind, len(c.ring)-1) // so that its turn is the last
	}
	c.index.entries.Store(e.id, e)
	if c.timer == nil {
		c.timer = time.AfterFunc(sweepInterval, sweeper(c))
	}
}

// makeRoom forgets one token: the next that was not used since it was last looked
// at (the clock algorithm), or that has expired.
func (c *cache) makeRoom(now time.Time) {
	for range 2 * len(c.ring) { // the second time round none has its mark, unless it is used right now
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		e := c.ring[c.hand]
		expired := !now.Before(e.expiresAt)
		c.hand++
		if expired || !e.used.Swap(false) {
			c.evict(e, expired)
			return
		}
	}
	c.evict(c.ring[0], false)
}

func (c *cache) evict(e *entry, expired bool) {
	c.forget(e)
	if !expired {
		c.evicted.Add(1)
	}
}

// forget removes an entry of the ring, whose place the last one takes. The caller
// holds c.mu.
func (c *cache) forget(e *entry) {
	if int(e.at) >= len(c.ring) || c.ring[e.at] != e {
		return
	}
	last := len(c.ring) - 1
	c.swap(int(e.at), last)
	c.ring[last] = nil
	c.ring = c.ring[:last]
	c.bytes -= int(e.cost)
	c.index.entries.CompareAndDelete(e.id, e)
}

func (c *cache) swap(i, j int) {
	c.ring[i], c.ring[j] = c.ring[j], c.ring[i]
	c.ring[i].at, c.ring[j].at = int32(i), int32(j) //nolint:gosec // no more than fit into memory
}

// sweeper returns the sweep of a cache that lives only as long as anybody else
// wants it to: a verifier that is not closed does not stay for its timer.
func sweeper(c *cache) func() {
	alive := weak.Make(c)
	return func() {
		if c := alive.Value(); c != nil {
			c.sweep()
		}
	}
}

// sweep forgets what has expired, once in a while as long as there is anything.
func (c *cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for i := 0; i < len(c.ring); {
		if e := c.ring[i]; !now.Before(e.expiresAt) {
			c.forget(e) // another one comes to i
		} else {
			i++
		}
	}
	c.timer = nil
	if len(c.ring) == 0 {
		c.ring = nil
	} else if !c.closed {
		c.timer = time.AfterFunc(sweepInterval, sweeper(c))
	}
}

// close forgets everything, and keeps nothing from now on.
func (c *cache) close() {
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

// counts counts hits and misses in several places, so that cores do not fight
// over one. Workspaces have a place each, and a core gets the one it had before
// where it can.
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

func (c counts) of(t *token) *count { return &c[t.place&uint32(len(c)-1)] } //nolint:gosec // 64 at most
