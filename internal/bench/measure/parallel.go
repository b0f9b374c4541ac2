package measure

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Scaling returns the gain of each work from a second processor. The gain is the throughput of
// two workers on two processors, divided by the throughput of one worker on one processor.
// Throughputs are measured with the wall clock. Each gain is the median of all rounds. Each
// round runs every work once with one worker and once with two workers. A work returns the
// function that a worker calls repeatedly.
func Scaling(rounds int, burst time.Duration, works ...func(worker int) func()) []float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	runs := make([][2]func(), len(works))
	for i, work := range works {
		runs[i] = [2]func(){work(0), work(1)}
	}
	gains := make([][]float64, len(works))
	for range rounds {
		for i, run := range runs {
			one := throughput(burst, run[:1])
			two := throughput(burst, run[:])
			gains[i] = append(gains[i], two/one)
		}
	}
	medians := make([]float64, len(works))
	for i := range gains {
		medians[i] = quantile(gains[i], 0.5)
	}
	return medians
}

// throughput returns the number of units per second that all workers complete together. There
// is one processor for each worker.
func throughput(burst time.Duration, workers []func()) float64 {
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
