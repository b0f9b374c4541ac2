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
	floodEach       = 5 // forged tokens of one goroutine in one window
	validEvery      = time.Millisecond
	// ballast is the size of a heap like that of a service. In a process with a small heap,
	// garbage collection runs twenty times per second and distorts the measurement.
	ballast = 64 << 20
)

// Flood is an incident: 10,000 tokens with forged key ids in 2 s, from 200 goroutines. At the
// same time there are 1,000 valid requests per second, each with its own token. The flood
// comes in ten bursts, with calm periods of the same length between them. A busy machine slows
// bursts and calm periods equally, so that their ratio stays comparable. Flood repeats this
// the given number of times. It returns the round with the median ratio, but the worst counts
// and durations of all rounds.
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
		r.Story = fmt.Sprintf("%d forged key ids in %v; p99 of valid requests %v, in calm periods %v (%.2fx); slowest forged request %v",
			r.Forged, floodWindows*floodWindow, Short(r.P99), Short(r.P99Calm), r.Ratio, Short(r.SlowestForged))
		return r, nil
	}
}

func floodOnce(ctx context.Context, s Subject) (r Result, err error) {
	i := newIssuer()
	defer i.Close()
	v, err := open(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	const perWindow = int(floodWindow / validEvery)
	tokens, forger := i.tokens(2*floodWindows*perWindow), i.forger()
	next := func() []string {
		some := tokens[:perWindow]
		tokens = tokens[perWindow:]
		return some
	}
	runtime.GC() // collect the garbage that i.tokens left
	var calm, flooded, forged tally
	for w := range floodWindows {
		validRequests(ctx, v, next(), &calm)
		var wg sync.WaitGroup
		start, every := time.Now(), floodWindow/floodEach
		for g := range floodGoroutines {
			wg.Go(func() {
				steadily(ctx, start.Add(every*time.Duration(g)/floodGoroutines), every, floodEach, func(k int) {
					forged.verify(ctx, v, forger.token((w*floodGoroutines+g)*floodEach+k))
				})
			})
		}
		validRequests(ctx, v, next(), &flooded)
		wg.Wait()
	}
	r = result(&flooded, i)
	r.Forged, r.SlowestForged = forged.requests, forged.slowest
	if n := flooded.leftOut + calm.leftOut; n > (flooded.requests+calm.requests)/2 {
		return r, fmt.Errorf("the machine is too busy to measure: %d of %d valid requests were interrupted by other processes", n, flooded.requests+calm.requests)
	}
	r.P99, r.P99Calm = flooded.quantile(0.99), calm.quantile(0.99)
	r.Ratio = float64(r.P99) / float64(max(1, r.P99Calm))
	return r, ctx.Err()
}

// validRequests makes a valid request with each token, 1,000 per second. If the system gave
// the processor to another thread during a request, the request is left out of quantiles.
func validRequests(ctx context.Context, v Verifier, tokens []string, t *tally) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	steadily(ctx, time.Now(), validEvery, len(tokens), func(k int) {
		before := preempted()
		t.verify(ctx, v, tokens[k])
		if preempted() != before {
			t.leaveOut()
		}
	})
}
