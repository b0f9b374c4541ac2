// Package growth measures how the cost of a function grows with the size of its input. Tests
// use the package to show that hostile input cannot cost more than its size permits.
package growth

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
)

const (
	doublings   = 4 // how many times the size of the input doubles
	leastRounds = 2 // how many times the processor time of one size is measured; the least counts
	rounds      = 5 // the same while a size is outside the limits
	attempts    = 5 // how many times everything is measured before Check fails

	// maxTimeFactor is the largest permitted growth of the processor time when the size
	// doubles. Linear work doubles, and quadratic work quadruples.
	maxTimeFactor = 3
	// batchTime is the processor time of a batch of calls that is long enough for a comparison.
	batchTime = 2 * time.Millisecond
	// longTime is the processor time of a batch that a disturbance hardly changes. Such a batch
	// is measured again only until it is within the limit.
	longTime = 20 * time.Millisecond

	// slackCalls is the number of allocations that do not count, because the runtime allocates
	// too, because slices and maps grow in steps, and because the JSON library caches up to 256
	// strings between calls. In addition, 2 percent do not count.
	slackCalls = 32 + 256
	// maxBytesFactor is the largest permitted growth of the allocated memory when the size
	// doubles. It is more than 2, because slices and maps grow in steps.
	maxBytesFactor = 3
	// slackBytes and slackSize are the memory that does not count: some bytes, and some bytes for
	// each unit of the size.
	slackBytes, slackSize = 4 << 10, 8

	// maxGarbage is the garbage in bytes that may lie around while a batch runs.
	maxGarbage = 16 << 20
)

// Check doubles the size of an input four times, beginning with size. The function prepare
// returns the work for one input. Check fails the test in these cases:
//
//   - The processor time of the process grows by more than a factor of three when the size
//     doubles. The time of one size is the least of five rounds, or of two rounds if then no
//     size is outside the limits. Each round measures all sizes, so a busy machine disturbs all
//     sizes alike.
//   - The number of allocations grows faster than the size.
//   - The allocated memory grows by more than a factor of three when the size doubles. Memory of
//     at most 8 bytes for each unit of the size does not count.
//
// Each time is the time of many calls with the same input. A processor predicts the branches of a
// call from earlier calls, and finds its memory in the cache, but only if the input is small. So
// the time of linear work can grow by more than a factor of three. If it does, Check measures the
// times again while the calls of all sizes alternate, so that no call profits from the call
// before it. Growth counts only if both times are outside the limits.
//
// Other programs and other goroutines disturb a measurement, so Check measures everything up to
// five times, and fails only if each measurement is outside the limits. Quadratic work is
// outside the limits each time.
//
// While the race detector is on, Check compares only the number of allocations, because the
// detector itself takes time and memory. On systems that do not report the processor time, Check
// does not compare the time.
func Check(tb testing.TB, name string, size int, prepare func(size int) (work func())) {
	tb.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection must not fall into one size only
	m := measurement{name: name, size: size}
	for i := range m.sizes {
		m.sizes[i].work = prepare(size << i)
		m.sizes[i].work() // the first call may fill pools and tables
	}
	runtime.GC()
	var faults []string
	for range attempts {
		m.measure()
		tb.Log(m.String())
		fault := m.fault()
		if fault == "" {
			return
		}
		faults = append(faults, fault)
	}
	tb.Errorf("%s: in each of %d measurements, the cost grows too much:\n%s", name, attempts, strings.Join(faults, "\n"))
}

// measurement is the cost of all sizes.
type measurement struct {
	name    string
	size    int // the smallest size
	sizes   [doublings + 1]cost
	garbage uint64 // the memory that was allocated since the last garbage collection, in bytes
}

// cost is the cost of one call of work. All numbers are the least of the rounds so far.
type cost struct {
	work        func()
	calls       int           // the number of calls in a batch
	time        time.Duration // of a batch
	alternating time.Duration // of one call, while the calls of all sizes alternate; 0 if it was not measured
	allocations uint64
	bytes       uint64
}

// String returns all numbers of the measurement.
func (m *measurement) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: sizes %d to %d:", m.name, m.size, m.size<<doublings)
	for i := range m.sizes {
		c := &m.sizes[i]
		fmt.Fprintf(&b, " %v, %d allocations, %d bytes;", c.perCall(), c.allocations, c.bytes)
	}
	if m.sizes[0].alternating > 0 {
		b.WriteString(" while the sizes alternate:")
		for i := range m.sizes {
			fmt.Fprintf(&b, " %v;", m.sizes[i].alternating)
		}
	}
	return strings.TrimSuffix(b.String(), ";")
}

// measure measures all sizes in batches. If only the processor time is outside the limits, it
// measures the processor time again while the sizes alternate.
func (m *measurement) measure() {
	for i := range m.sizes {
		m.sizes[i].alternating = 0
	}
	m.measureBatches()
	if m.first(m.memoryFault) == "" && m.first(m.timeFault) != "" {
		m.alternate()
	}
}

// measureBatches measures all sizes in each round.
func (m *measurement) measureBatches() {
	for round := range rounds {
		if round >= leastRounds && m.fault() == "" {
			return
		}
		for i := range m.sizes {
			c := &m.sizes[i]
			if i > 0 && round > 0 && c.time >= longTime && m.faultOf(i) == "" {
				continue
			}
			m.collect(c.bytes * uint64(c.calls)) //nolint:gosec // calls is not negative
			c.measure(round == 0)
		}
	}
}

// collect adds bytes to the garbage, and collects the garbage if it is too much. It reports
// whether it collected the garbage.
func (m *measurement) collect(bytes uint64) bool {
	if m.garbage += bytes; m.garbage <= maxGarbage {
		return false
	}
	runtime.GC()
	m.garbage = 0
	return true
}

// fault describes the first doubling that is outside the limits. It returns "" if there is none. The
// memory comes first, because it is the same in each measurement, and the time of small sizes is not.
func (m *measurement) fault() string {
	return cmp.Or(m.first(m.memoryFault), m.first(m.timeFault))
}

// first returns the first fault that faultOf finds, or "".
func (m *measurement) first(faultOf func(i int) string) string {
	for i := 1; i < len(m.sizes); i++ {
		if fault := faultOf(i); fault != "" {
			return fault
		}
	}
	return ""
}

// faultOf compares the size with the number i with half of this size.
func (m *measurement) faultOf(i int) string {
	return cmp.Or(m.memoryFault(i), m.timeFault(i))
}

// memoryFault does what faultOf does, for the allocations only.
func (m *measurement) memoryFault(i int) string {
	half, c := &m.sizes[i-1], &m.sizes[i]
	allocations := 2*half.allocations + half.allocations/50 + slackCalls
	bytes := max(maxBytesFactor*half.bytes+slackBytes, slackSize*uint64(m.size)<<i) //nolint:gosec // the size is positive
	switch {
	case c.allocations > allocations:
		return m.describe(i, "allocations grow from %d to %d, want at most %d", half.allocations, c.allocations, allocations)
	case !testkit.RaceEnabled && c.bytes > bytes:
		return m.describe(i, "allocated bytes grow from %d to %d, want at most %d", half.bytes, c.bytes, bytes)
	}
	return ""
}

// timeFault does what faultOf does, for the processor time only. If the sizes alternated, both
// times must be outside the limit, because an alternating time includes what other sizes cost.
func (m *measurement) timeFault(i int) string {
	half, c := &m.sizes[i-1], &m.sizes[i]
	before, now := half.perCall(), c.perCall()
	if testkit.RaceEnabled || now <= maxTimeFactor*before {
		return ""
	}
	fault := m.describe(i, "processor time grows from %v to %v, want at most %v", before, now, maxTimeFactor*before)
	if half.alternating == 0 || before < shortCall {
		return fault
	}
	before, now = half.alternating, c.alternating
	if now <= maxTimeFactor*before {
		return ""
	}
	return fmt.Sprintf("%s; while the sizes alternate, from %v to %v", fault, before, now)
}

// describe returns a text about the size with the number i.
func (m *measurement) describe(i int, format string, args ...any) string {
	return fmt.Sprintf(format, args...) + fmt.Sprintf(" when the size doubles from %d to %d", m.size<<(i-1), m.size<<i)
}

// perCall returns the time of one call in a batch.
func (c *cost) perCall() time.Duration {
	if c.calls == 0 {
		return 0
	}
	return c.time / time.Duration(c.calls)
}

// measure measures one batch. If first is true, it forgets earlier results, and finds the number
// of calls that take at least batchTime.
//
// A call before the batch fills pools and enlarges the stack, because a garbage collection empties
// pools and shrinks the stack. Otherwise, a batch of one call costs much more than other batches.
func (c *cost) measure(first bool) {
	if first || c.time < longTime {
		c.work()
	}
	if !first {
		took, allocations, bytes, _ := c.batch()
		c.add(took, allocations, bytes)
		return
	}
	c.calls, c.allocations, c.bytes = 1, math.MaxUint64, math.MaxUint64
	for {
		took, allocations, bytes, ok := c.batch()
		c.time = took
		c.add(took, allocations, bytes)
		if took >= batchTime || !ok || testkit.RaceEnabled {
			return
		}
		// The time of a short batch is not exact, so the next batch is at most 100 times as long.
		c.calls *= min(int(batchTime/max(took, time.Microsecond))+1, 100)
	}
}

// add adds the result of a batch.
func (c *cost) add(took time.Duration, allocations, bytes uint64) {
	c.time, c.allocations, c.bytes = min(c.time, took), min(c.allocations, allocations), min(c.bytes, bytes)
}

// batch calls work several times. It returns the processor time of all calls, and the
// allocations of one call. The result ok is false if the system does not report the processor
// time.
func (c *cost) batch() (took time.Duration, allocations, bytes uint64, ok bool) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, ok := processorTime()
	for range c.calls {
		c.work()
	}
	end, _ := processorTime()
	runtime.ReadMemStats(&after)
	calls := uint64(c.calls) //nolint:gosec // calls is positive
	return end - start, (after.Mallocs - before.Mallocs) / calls, (after.TotalAlloc - before.TotalAlloc) / calls, ok
}

// Time returns the processor time of one call of work, as the least of five batches. It returns
// 0 on systems that do not report the processor time.
func Time(work func()) time.Duration {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	work()
	c := cost{work: work}
	for round := range rounds {
		runtime.GC()
		c.measure(round == 0)
	}
	return c.perCall()
}
