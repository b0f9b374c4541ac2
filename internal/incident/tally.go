package incident

import (
	"context"
	"slices"
	"sync"
	"time"
)

// tally counts the outcomes and durations of requests. It is safe for concurrent use.
type tally struct {
	mu                   sync.Mutex // guards all below
	requests             int
	refused, unavailable int
	slowest              time.Duration
	took                 []time.Duration // durations of the requests that are not left out
	leftOut              int
}

// verify makes one request and counts its outcome.
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

// leaveOut removes the duration of the last request from quantiles. No other goroutine may
// use the tally.
func (t *tally) leaveOut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = t.took[:len(t.took)-1]
	t.leftOut++
}

// quantile returns the q-quantile of the durations, e.g. the p99 for 0.99.
func (t *tally) quantile(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.took))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// steadily calls f n times, at intervals of every, beginning at start. After a slow call, the
// next calls follow without a pause, so that the number of calls stays the same. steadily
// stops when ctx ends.
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

// callers makes requests from n callers, for the duration while. Each caller makes requests
// at intervals of every, but skips the times at which it still waits for a response. pick
// returns the token of a caller.
func (t *tally) callers(ctx context.Context, v Verifier, n int, every, while time.Duration, pick func(caller int) string) {
	var wg sync.WaitGroup
	start := time.Now()
	for caller := range n {
		wg.Go(func() {
			// The callers start at different times.
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
