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
	// ballast is a heap of the size that a service has. Beside none at all, the
	// collector runs twenty times a second in any process that does something, and
	// it would be the collector that is measured.
	ballast = 64 << 20
)

// Flood is 10,000 tokens with forged key ids in 2 s, from 200 goroutines, and
// 1,000 valid requests per second beside them, each with a token of its own. The
// flood comes in ten bursts, each after as long a calm: what it does to the valid
// requests is told by what is next to it in time, since a busy machine slows both.
// The whole is done as many times as asked; the result is that of the median
// ratio, with the worst of what is counted.
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
		r.Story = fmt.Sprintf("%d forged key ids in %v; p99 of valid requests %v, %v in calm: %.2fx; slowest forged %v",
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
	runtime.GC() // what the minting left
	var calm, flooded, forged tally
	for w := range floodWindows {
		valid(ctx, v, next(), &calm)
		var wg sync.WaitGroup
		start, every := time.Now(), floodWindow/floodEach
		for g := range floodGoroutines {
			wg.Go(func() {
				steadily(ctx, start.Add(every*time.Duration(g)/floodGoroutines), every, floodEach, func(k int) {
					forged.verify(ctx, v, forger.token((w*floodGoroutines+g)*floodEach+k))
				})
			})
		}
		valid(ctx, v, next(), &flooded)
		wg.Wait()
	}
	r = result(&flooded, i)
	r.Forged, r.SlowestForged = forged.requests, forged.slowest
	if n := flooded.leftOut + calm.leftOut; n > (flooded.requests+calm.requests)/2 {
		return r, fmt.Errorf("the machine is too busy to say: %d of %d valid requests were interrupted", n, flooded.requests+calm.requests)
	}
	r.P99, r.P99Calm = flooded.quantile(0.99), calm.quantile(0.99)
	r.Ratio = float64(r.P99) / float64(max(1, r.P99Calm))
	return r, ctx.Err()
}

// valid makes a valid request with each token, 1,000 per second. Those during
// which the system gave the processor to somebody else say nothing about us, and
// are left out of quantiles.
func valid(ctx context.Context, v Verifier, tokens []string, t *tally) {
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
