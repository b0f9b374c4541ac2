package memory

import (
	"runtime"
	"sync/atomic"
)

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
