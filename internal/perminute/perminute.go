// Package perminute counts log records, so that a process writes a limited number of them in a
// minute.
package perminute

import (
	"math"
	"sync/atomic"
	"time"
)

// Count counts the records of one minute. The zero Count has counted nothing. It is safe for
// concurrent use.
type Count struct {
	state atomic.Uint64 // the upper 32 bits are the minute, and the lower 32 bits are the count
}

// Add counts a record, and returns the number of the record in its minute. For the first record of
// a minute, unlogged is the number of records that exceeded the limit in the last minute with
// records. For other records, unlogged is 0.
func (c *Count) Add(now time.Time, limit uint64) (number, unlogged uint64) {
	minute := uint64(now.Unix()/60) & math.MaxUint32 //nolint:gosec // an overflow does no harm, because the code only compares the minute
	for {
		old := c.state.Load()
		if old>>32 == minute {
			return c.state.Add(1) & math.MaxUint32, 0
		}
		if c.state.CompareAndSwap(old, minute<<32|1) {
			if count := old & math.MaxUint32; count > limit {
				unlogged = count - limit
			}
			return 1, unlogged
		}
	}
}

// Reset makes c the zero Count. It is for tests.
func (c *Count) Reset() { c.state.Store(0) }
