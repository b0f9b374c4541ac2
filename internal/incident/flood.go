package incident

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	floodWindows    = 10
	floodWindow     = 200 * time.Millisecond
	floodGoroutines = 200
	floodEach       = 5 // the number of forged tokens of one goroutine in one flood period
	validEvery      = time.Millisecond
	// ballast is a number of bytes that the process allocates, because a service also has a
	// large heap. In a process with a small heap, the garbage collector runs twenty times per
	// second. This distorts the measurement.
	ballast = 64 << 20
)

// Flood is an incident in which 200 goroutines send 10,000 tokens with forged key ids in 2 s.
// At the same time, there are 1,000 valid requests per second with different tokens. The flood
// has ten periods of 200 ms. Before each flood period, there is a calm period of the same
// length. The Result counts the valid requests of the flood periods.
func Flood(ctx context.Context, s Subject) (Result, error) {
	r, _, err := floodOnce(ctx, s)
	if err != nil {
		return r, err
	}
	r.Story = fmt.Sprintf("%s forged key ids in %v, beside %s valid requests; slowest forged request: %v",
		Thousands(r.Forged), floodWindows*floodWindow, Thousands(r.Requests), Short(r.SlowestForged))
	return r, nil
}

// FloodLatency is the incident Flood, and measures the durations of valid requests. A busy machine
// slows flood periods and calm periods equally, so the load of the machine does not change
// Result.Ratio. FloodLatency runs the flood the given number of times. The Result contains the
// ratio and the percentiles of the run with the median ratio. The other counts and durations are
// the highest of all runs. Nothing else may run in the process.
func FloodLatency(times int) Run {
	return func(ctx context.Context, s Subject) (Result, error) {
		heap := make([]byte, ballast)
		defer runtime.KeepAlive(heap)
		var runs []Result
		for range times {
			r, leftOut, err := floodOnce(ctx, s)
			if err != nil {
				return r, err
			}
			if all := 2 * r.Requests; leftOut > all/2 { // the calm periods have as many requests
				return r, fmt.Errorf("the machine is too busy to measure: other threads interrupted %d of %d valid requests", leftOut, all)
			}
			runs = append(runs, r)
		}
		slices.SortFunc(runs, func(a, b Result) int { return cmp.Compare(a.Ratio, b.Ratio) })
		r := runs[len(runs)/2]
		for _, other := range runs {
			r.Refused, r.Unavailable = max(r.Refused, other.Refused), max(r.Unavailable, other.Unavailable)
			r.Fetches = max(r.Fetches, other.Fetches)
			r.Slowest, r.SlowestForged = max(r.Slowest, other.Slowest), max(r.SlowestForged, other.SlowestForged)
		}
		return r, nil
	}
}

// floodOnce runs the flood once. It also returns the number of valid requests that the percentiles
// leave out.
func floodOnce(ctx context.Context, s Subject) (r Result, leftOut int, err error) {
	r, err = play(ctx, s, nil, func(i *issuer, v Verifier) (Result, error) {
		const perWindow = int(floodWindow / validEvery)
		tokens, forger := i.tokens(2*floodWindows*perWindow), i.forger()
		next := func() []string {
			some := tokens[:perWindow]
			tokens = tokens[perWindow:]
			return some
		}
		runtime.GC() // collects the garbage of i.tokens
		var calm, flooded, forged tally
		for w := range floodWindows {
			validRequests(ctx, v, next(), &calm)
			var wg sync.WaitGroup
			start, every := time.Now(), floodWindow/floodEach
			for g := range floodGoroutines {
				wg.Go(func() {
					callAtIntervals(ctx, start.Add(every*time.Duration(g)/floodGoroutines), every, floodEach, func(k int) {
						forged.verify(ctx, v, forger.token((w*floodGoroutines+g)*floodEach+k))
					})
				})
			}
			validRequests(ctx, v, next(), &flooded)
			wg.Wait()
		}
		r := newResult(&flooded, i)
		r.Forged, r.SlowestForged = forged.requests, forged.slowest
		r.P99, r.P99Calm = flooded.quantile(0.99), calm.quantile(0.99)
		r.Ratio = float64(r.P99) / float64(max(1, r.P99Calm))
		leftOut = flooded.leftOut + calm.leftOut
		return r, nil
	})
	return r, leftOut, err
}

// validRequests makes one request with each of the valid tokens, at 1,000 requests per second.
// If the system gives the processor to a different thread during a request, the quantiles do
// not include this request.
func validRequests(ctx context.Context, v Verifier, tokens []string, t *tally) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	callAtIntervals(ctx, time.Now(), validEvery, len(tokens), func(k int) {
		count := preemptions()
		t.verify(ctx, v, tokens[k])
		if preemptions() != count {
			t.leaveOut()
		}
	})
}
