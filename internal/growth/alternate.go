package growth

import "time"

const (
	// shortCall is the time of a call that is too short for a comparison in alternate: the calls
	// before it cost it up to 1 µs. A processor learns the whole of such a call, so that a batch
	// is a fair measurement.
	shortCall = 2 * time.Microsecond
	// longestRound is the approximate processor time of a round of several passes.
	longestRound = 50 * time.Millisecond
)

// alternate measures the processor time of all sizes while their calls alternate. It needs the
// results of measureBatches. The time of one size is the least of all rounds, as for the batches.
func (m *measurement) alternate() {
	for round := range rounds {
		if round >= leastRounds && m.first(m.timeFault) == "" || !m.alternateOnce() {
			return
		}
	}
}

// alternateOnce makes passes over all sizes. Each pass calls the work of each size once.
// alternateOnce returns false if the system does not report the processor time.
func (m *measurement) alternateOnce() bool {
	pass, shortest := time.Duration(0), longestRound // the times of one pass and of the shortest call
	var garbage uint64
	for i := range m.sizes {
		call := max(m.sizes[i].perCall(), shortCall)
		pass, shortest = pass+call, min(shortest, call)
		garbage += m.sizes[i].bytes
	}
	var overhead time.Duration // of the measurement itself
	var sums [len(m.sizes)]time.Duration
	passes := max(1, min(batchTime/shortest, longestRound/pass))
	for range passes {
		if m.collect(garbage) {
			for i := range m.sizes {
				m.sizes[i].work() // a garbage collection empties pools
			}
		}
		overhead += timeOf(func() {})
		for i := range m.sizes {
			sums[i] += timeOf(m.sizes[i].work)
		}
	}
	for i, sum := range sums {
		c := &m.sizes[i]
		if took := max((sum-overhead)/passes, 1); c.alternating == 0 || took < c.alternating {
			c.alternating = took
		}
	}
	_, ok := processorTime()
	return ok
}

// timeOf returns the processor time of one call of work.
func timeOf(work func()) time.Duration {
	start, _ := processorTime()
	work()
	end, _ := processorTime()
	return end - start
}
