// Package measure measures the CPU time, the allocations and the instructions of a piece of
// work. It also measures the gain from a second processor.
package measure

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Work is a piece of work to measure. Each call of Run is one unit.
type Work struct {
	Name string
	Run  func()
}

// Cost is the cost of one unit of work.
type Cost struct {
	// Ratio is the CPU time of the work divided by the CPU time of the floor, which runs
	// immediately before and after the work. Ratio is the median of all rounds. Low and High
	// are the quartiles.
	Ratio, Low, High float64
	// Time is the CPU time. It is the lower quartile of all rounds, because other load on the
	// machine can only make a round slower.
	Time time.Duration
	// Allocs is the number of allocations. Bytes is their total size.
	Allocs, Bytes int64
}

// Paired measures works and compares them with the floor. The floor is a piece of work that
// every work includes. In each round, Paired runs the works in random order. It runs each work
// for the duration burst, and runs the floor before and after each work, so that other load on
// the machine slows the work and the floor equally. All times are CPU times of all threads,
// including the garbage collector.
func Paired(floor Work, works []Work, rounds int, burst time.Duration) (Cost, []Cost) {
	all := append([]Work{floor}, works...)
	counts := make([]int, len(all))
	for i, w := range all {
		counts[i] = calibrate(w, burst)
	}
	ratios, times := make([][]float64, len(all)), make([][]float64, len(all))
	for range rounds {
		order := rand.Perm(len(works)) //nolint:gosec // an attacker gains nothing from the order
		previous := cpuPerUnit(floor, counts[0])
		for _, i := range order {
			i++
			own := cpuPerUnit(all[i], counts[i])
			next := cpuPerUnit(floor, counts[0])
			ratios[i] = append(ratios[i], own/((previous+next)/2))
			times[i] = append(times[i], own)
			times[0] = append(times[0], next)
			previous = next
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

// calibrate returns the number of units whose total time is about the duration burst.
func calibrate(w Work, burst time.Duration) int {
	n := 1
	for {
		took := time.Duration(cpuPerUnit(w, n) * float64(n))
		if took >= burst/2 {
			return max(1, int(float64(n)*float64(burst)/float64(took)))
		}
		n *= 2
	}
}

// cpuPerUnit runs n units of w, and returns the CPU time of one unit in nanoseconds.
func cpuPerUnit(w Work, n int) float64 {
	start := cpuTime()
	for range n {
		w.Run()
	}
	return float64(cpuTime()-start) / float64(n)
}

// cpuTime returns the CPU time that this process has used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// allocations returns the number of allocations in one unit, and their total size in bytes.
// Both are averages over many units, rounded down, so that rare allocations do not count.
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

// quantile sorts the values and returns the q-quantile. For example, q = 0.5 returns the
// median.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1)+0.5)]
}
