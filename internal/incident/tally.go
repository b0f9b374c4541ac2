package incident

import (
	"context"
	"slices"
	"sync"
	"time"
)

// tally is what became of requests. It is safe for concurrent use.
type tally struct {
	mu                   sync.Mutex // guards all below
	requests             int
	refused, unavailable int
	slowest              time.Duration
	took                 []time.Duration // but for those left out
	leftOut              int
}

// verify makes one request and counts what it comes to.
func (t *tally) verify(ctx context.Context, v Verifier, token string) Outcome {
	start := time.Now()
	outcome := v.Verify(ctx, token)
	took := time.Since(start)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	switch outcome {
	case Refused:
		t.refused++
	case Unavailable:
		t.unavailable++
	case Accepted:
	}
	t.slowest = max(t.slowest, took)
	t.took = append(t.took, took)
	return outcome
}

// leaveOut forgets the time of the last request for quantiles, of a tally that one
// goroutine uses.
func (t *tally) leaveOut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = t.took[:len(t.took)-1]
	t.leftOut++
}

// quantile returns what a part q of the requests was not slower than.
func (t *tally) quantile(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.took))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// steadily calls f n times, each time at its own instant, or at once if that is
// past: one that is slow does not make the others fewer. It ends with ctx.
func steadily(ctx context.Context, start time.Time, every time.Duration, n int, f func(k int)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for k := range n {
		timer.Reset(time.Until(start.Add(time.Duration(k) * every)))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			f(k)
		}
	}
}

// callers has n callers make requests, each one every so often, for a while, and
// none while its last one is not answered. Each presents its own token, of those
// that pick returns.
func (t *tally) callers(ctx context.Context, v Verifier, n int, every, while time.Duration, pick func(caller int) string) {
	var wg sync.WaitGroup
	start := time.Now()
	for caller := range n {
		wg.Go(func() {
			// Not all at the same instant.
			next := start.Add(every * time.Duration(caller) / time.Duration(n))
			for next.Sub(start) < while && ctx.Err() == nil {
				pause(ctx, time.Until(next))
				t.verify(ctx, v, pick(caller))
				for next = next.Add(every); next.Before(time.Now()); {
					next = next.Add(every)
				}
			}
		})
	}
	wg.Wait()
}
