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
// length. A busy machine slows flood periods and calm periods equally, so the load of
// the machine does not change Result.Ratio. Flood runs the given number of rounds. Each round
// has a whole flood. The Result contains the ratio and the percentiles of the round with the
// median ratio. The other counts and durations in the Result are the highest of all rounds.
func Flood(times int) Run {
	return func(ctx context.Context, s Subject) (Result, error) {
		heap := make([]byte, ballast)
		defer runtime.KeepAlive(heap)
		var rounds []Result
		for range times {
			r, err := floodOnce(ctx, s)
			if err != nil {
				return r, err
			}
			rounds = append(rounds, r)
		}
		slices.SortFunc(rounds, func(a, b Result) int { return cmp.Compare(a.Ratio, b.Ratio) })
		r := rounds[len(rounds)/2]
		for _, other := range rounds {
			r.Refused, r.Unavailable = max(r.Refused, other.Refused), max(r.Unavailable, other.Unavailable)
			r.Fetches = max(r.Fetches, other.Fetches)
			r.Slowest, r.SlowestForged = max(r.Slowest, other.Slowest), max(r.SlowestForged, other.SlowestForged)
		}
		r.Story = fmt.Sprintf("%d forged key ids in %v; p99 of valid requests: %v during the flood, %v in calm periods (ratio %.2f); slowest forged request: %v",
			r.Forged, floodWindows*floodWindow, Short(r.P99), Short(r.P99Calm), r.Ratio, Short(r.SlowestForged))
		return r, nil
	}
}

func floodOnce(ctx context.Context, s Subject) (r Result, err error) {
	i := newIssuer()
	defer i.Close()
	v, err := openVerifier(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	defer func() { err = closeVerifier(v, err) }()
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
	r = newResult(&flooded, i)
	r.Forged, r.SlowestForged = forged.requests, forged.slowest
	if n := flooded.leftOut + calm.leftOut; n > (flooded.requests+calm.requests)/2 {
		return r, fmt.Errorf("the machine is too busy to measure: other threads interrupted %d of %d valid requests", n, flooded.requests+calm.requests)
	}
	r.P99, r.P99Calm = flooded.quantile(0.99), calm.quantile(0.99)
	r.Ratio = float64(r.P99) / float64(max(1, r.P99Calm))
	return r, ctx.Err()
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
