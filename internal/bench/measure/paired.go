// Package measure compares the costs of pieces of work: CPU time, allocations and
// instructions. It also measures the gain from a second processor.
package measure

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Work is a piece of work. Each call of Run is one unit.
type Work struct {
	Name string
	Run  func()
}

// Cost is the cost of one unit of work.
type Cost struct {
	// Ratio is the CPU time, divided by the CPU time of the floor in adjacent bursts. It is
	// the median of all rounds; Low and High are the quartiles.
	Ratio, Low, High float64
	// Time is the CPU time: the lower quartile of all rounds, because noise only adds time.
	Time time.Duration
	// Allocs and Bytes are the number and the size of allocations.
	Allocs, Bytes int64
}

// Paired measures works against a floor, a piece of work that all of them include. Each
// round runs one burst of every work, in random order, between two bursts of the floor, so
// that other load on the machine slows both. Times are CPU times of all threads, including the
// garbage collector.
func Paired(floor Work, works []Work, rounds int, burst time.Duration) (Cost, []Cost) {
	all := append([]Work{floor}, works...)
	counts := make([]int, len(all))
	for i, w := range all {
		counts[i] = calibrate(w, burst)
	}
	ratios, times := make([][]float64, len(all)), make([][]float64, len(all))
	for range rounds {
		order := rand.Perm(len(works)) //nolint:gosec // G404: the order need not be secret
		before := run(floor, counts[0])
		for _, i := range order {
			i++
			own := run(all[i], counts[i])
			after := run(floor, counts[0])
			ratios[i] = append(ratios[i], own/((before+after)/2))
			times[i] = append(times[i], own)
			times[0] = append(times[0], after)
			before = after
		}
	}
	costs := make([]Cost, len(all))
	for i, w := range all {
		costs[i].Time = time.Duration(quantile(times[i], 0.25))
		costs[i].Ratio, costs[i].Low, costs[i].High = quantile(ratios[i], 0.5), quantile(ratios[i], 0.25), quantile(ratios[i], 0.75)
		costs[i].Allocs, costs[i].Bytes = allocations(w)
	}
	costs[0].Ratio, costs[0].Low, costs[0].High = 1, 1, 1
	return costs[0], costs[1:]
}

// calibrate returns the number of units that take about as long as a burst.
func calibrate(w Work, burst time.Duration) int {
	n := 1
	for {
		took := time.Duration(run(w, n) * float64(n))
		if took >= burst/2 {
			return max(1, int(float64(n)*float64(burst)/float64(took)))
		}
		n *= 2
	}
}

// run runs n units and returns the CPU time of one unit in nanoseconds.
func run(w Work, n int) float64 {
	start := cpu()
	for range n {
		w.Run()
	}
	return float64(cpu()-start) / float64(n)
}

// cpu returns the CPU time of this process.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// allocations returns the average number and size of allocations in a unit. It averages
// over many units, so that rare allocations do not count.
func allocations(w Work) (allocs, bytes int64) {
	const n = 200
	allocs = int64(testing.AllocsPerRun(n, w.Run))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		w.Run()
	}
	runtime.ReadMemStats(&after)
	return allocs, int64(after.TotalAlloc-before.TotalAlloc) / n //nolint:gosec // far below the maximum of an int64
}

// quantile returns a quantile of the values, and sorts them. Part 0.5 is the median.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(part*float64(len(values)-1)+0.5)]
}
