package measure

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Scaling returns how many times as much of each work is done by two processors as
// by one, by wall clock: the median of some rounds in which all works take turns.
// A worker gets a function of its own.
func Scaling(rounds int, burst time.Duration, works ...func(worker int) func()) []float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	runs := make([][2]func(), len(works))
	for i, work := range works {
		runs[i] = [2]func(){work(0), work(1)}
	}
	gains := make([][]float64, len(works))
	for range rounds {
		for i, run := range runs {
			one := done(burst, run[:1])
			two := done(burst, run[:])
			gains[i] = append(gains[i], two/one)
		}
	}
	medians := make([]float64, len(works))
	for i := range gains {
		medians[i] = quantile(gains[i], 0.5)
	}
	return medians
}

// done returns how many units a second the workers do.
func done(burst time.Duration, workers []func()) float64 {
	runtime.GOMAXPROCS(len(workers))
	var stop atomic.Bool
	var units atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	timer := time.AfterFunc(burst, func() { stop.Store(true) })
	defer timer.Stop()
	for _, run := range workers {
		all.Go(func() {
			n := int64(0)
			for ; !stop.Load(); n++ {
				run()
			}
			units.Add(n)
		})
	}
	all.Wait()
	return float64(units.Load()) / time.Since(start).Seconds()
}
