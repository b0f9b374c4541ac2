// Package growth measures how the cost of a function grows with the size of its input. Tests
// use the package to show that hostile input cannot cost more than its size permits.
package growth

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
)

const (
	doublings = 4 // how many times the size of the input doubles
	rounds    = 5 // how many times the processor time of one size is measured; the least counts

	// maxTimeFactor is the largest permitted growth of the processor time when the size
	// doubles. Linear work doubles, and quadratic work quadruples.
	maxTimeFactor = 3
	// leastTime is the shortest processor time that is long enough for a comparison.
	leastTime = 500 * time.Microsecond
	// slack is the number of allocations that do not count, because the runtime allocates too,
	// and because maps grow in steps. In addition, 2 percent do not count.
	slack = 32
)

// Check doubles the size of an input four times, beginning with size. The function prepare
// returns the work for one input. Check fails the test if the processor time of the process
// grows by more than a factor of three per doubling, on average over two doublings, or if the
// number of allocations grows faster than the size. One doubling alone depends on the processor's
// caches. The processor time is the least of five rounds. Each round
// measures all sizes, so a busy machine disturbs all sizes alike; the two largest sizes are
// measured only until they are within the limits. Check compares only the
// allocations on systems that do not report the processor time, and while the race detector is
// on, because the detector's own cost grows in steps.
func Check(tb testing.TB, name string, size int, prepare func(size int) (work func())) {
	tb.Helper()
	var works [doublings + 1]func()
	var times [doublings + 1]time.Duration
	var allocations [doublings + 1]uint64
	for i := range works {
		works[i] = prepare(size << i)
		works[i]() // the first call may fill pools and tables
	}
	repeat, count := repetitions(works[0]), rounds
	if testkit.RaceEnabled {
		count = 3 // the processor time does not count
	}
	// The least time of the small sizes is measured in all rounds. The large sizes are measured
	// until they are within the limit, because a disturbance only adds to their time.
	for round := range count {
		for i, work := range works {
			if i > doublings-2 && round > 0 && within(times, allocations, i) {
				continue
			}
			took, allocated := measure(work, repeat)
			if round == 0 {
				times[i], allocations[i] = took, allocated
			}
			times[i], allocations[i] = min(times[i], took), min(allocations[i], allocated)
		}
	}
	tb.Logf("%s, sizes %d to %d: processor time of %d calls %v, allocations of one call %v", name, size, size<<doublings, repeat, times, allocations)
	for i := range doublings - 1 {
		if limit := timeLimit(times[i]); times[i+2] > limit && !testkit.RaceEnabled {
			tb.Errorf("%s: processor time grows from %v to %v when the size doubles twice, from %d to %d, want at most %v",
				name, times[i], times[i+2], size<<i, size<<(i+2), limit)
		}
	}
	for i := range doublings {
		if limit := allocationLimit(allocations[i]); allocations[i+1] > limit {
			tb.Errorf("%s: allocations grow from %d to %d when the size doubles from %d to %d, want at most %d",
				name, allocations[i], allocations[i+1], size<<i, size<<(i+1), limit)
		}
	}
}

// within reports whether the size with the number i is within both limits.
func within(times [doublings + 1]time.Duration, allocations [doublings + 1]uint64, i int) bool {
	return times[i] <= timeLimit(times[i-2]) && allocations[i] <= allocationLimit(allocations[i-1])
}

// timeLimit returns the longest permitted processor time for an input that is four times as
// large as an input that takes the given time.
func timeLimit(took time.Duration) time.Duration {
	return max(took, leastTime) * maxTimeFactor * maxTimeFactor
}

// allocationLimit returns the largest permitted number of allocations for an input that is twice
// as large as an input with n allocations.
func allocationLimit(n uint64) uint64 { return 2*n + n/50 + slack }

// repetitions returns how many calls of work take at least leastTime.
func repetitions(work func()) int {
	for n := 1; ; n *= 2 {
		least := time.Duration(math.MaxInt64)
		for range 3 { // one measurement alone may be disturbed
			start, ok := processorTime()
			for range n {
				work()
			}
			end, _ := processorTime()
			if !ok || testkit.RaceEnabled {
				return 1
			}
			least = min(least, end-start)
		}
		if least >= leastTime {
			return n
		}
	}
}

// measure calls work several times. It returns the processor time of all calls, and the number
// of allocations of one call.
func measure(work func(), calls int) (took time.Duration, allocations uint64) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection must not fall into one size only
	runtime.GC()                                     // the garbage of the previous measurement must not cost this measurement time
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, _ := processorTime()
	for range calls {
		work()
	}
	end, _ := processorTime()
	runtime.ReadMemStats(&after)
	return end - start, (after.Mallocs - before.Mallocs) / uint64(calls) //nolint:gosec // calls is positive
}
