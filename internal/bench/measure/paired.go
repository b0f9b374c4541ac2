// Package measure finds what a piece of work costs beside another one.
package measure

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Work is what is measured: one unit of it, again and again.
type Work struct {
	Name string
	Run  func()
}

// Cost is what one unit of a work costs.
type Cost struct {
	// Ratio is its CPU time as a multiple of the floor's, in bursts side by side;
	// the median, and the quartiles around it.
	Ratio, Low, High float64
	// Time is its CPU time: the lower quartile, since noise only adds.
	Time time.Duration
	// Allocs and Bytes are what it allocates.
	Allocs, Bytes int64
}

// Paired measures works against a floor. Each round runs a burst of every one, in
// another order, each between two bursts of the floor: what slows the machine
// down slows both. Time is that of the CPU, of all threads, the collector's
// included.
func Paired(floor Work, works []Work, rounds int, burst time.Duration) (Cost, []Cost) {
	all := append([]Work{floor}, works...)
	counts := make([]int, len(all))
	for i, w := range all {
		counts[i] = calibrate(w, burst)
	}
	ratios, times := make([][]float64, len(all)), make([][]float64, len(all))
	for range rounds {
		order := rand.Perm(len(works)) //nolint:gosec // G404: nothing secret about it
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

// calibrate returns how many units fill a burst.
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

// run returns the CPU time of one unit in nanoseconds.
func run(w Work, n int) float64 {
	start := cpu()
	for range n {
		w.Run()
	}
	return float64(cpu()-start) / float64(n)
}

// cpu is the CPU time of this process.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// allocations counts over many units, so that what is allocated once in a while
// does not count.
func allocations(w Work) (allocs, bytes int64) {
	const n = 200
	allocs = int64(testing.AllocsPerRun(n, w.Run))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		w.Run()
	}
	runtime.ReadMemStats(&after)
	return allocs, int64(after.TotalAlloc-before.TotalAlloc) / n //nolint:gosec // it fits
}

// Quantile returns the value below which a part of the values is.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(part*float64(len(values)-1)+0.5)]
}
