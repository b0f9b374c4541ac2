package incident

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A tally counts the outcomes of requests and collects their durations. It is safe for
// concurrent use.
type tally struct {
	mu                   sync.Mutex // guards the fields below
	requests             int
	refused, unavailable int
	notAsked             int // the part of unavailable with the Outcome NotAsked
	slowest              time.Duration
	took                 []time.Duration // the durations of all requests except the requests that leaveOut removed
	leftOut              int             // the number of requests that leaveOut removed
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
	case NotAsked:
		t.notAsked++
		t.unavailable++
	case Unavailable:
		t.unavailable++
	case Accepted:
	}
	t.slowest = max(t.slowest, took)
	t.took = append(t.took, took)
	return outcome
}

// leaveOut removes the duration of the last request, so that quantiles do not include it. No
// other goroutine may use the tally at this time.
func (t *tally) leaveOut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = t.took[:len(t.took)-1]
	t.leftOut++
}

// quantile returns the q-quantile of the durations. For example, q = 0.99 returns the p99.
func (t *tally) quantile(q float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.took))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// callAtIntervals calls f n times. The first call is at the time start. The time between two
// calls is interval. If a slow call delays the next calls, the delayed calls follow each other
// without a pause. callAtIntervals returns earlier if ctx ends.
func callAtIntervals(ctx context.Context, start time.Time, interval time.Duration, n int, f func(k int)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for k := range n {
		timer.Reset(time.Until(start.Add(time.Duration(k) * interval)))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			f(k)
		}
	}
}

// runCallers runs n callers for the duration d. The time between two requests of a caller is
// interval. If a caller still waits for a response when its next request is due, the caller
// skips this next request. The function pick returns the token of a caller.
func (t *tally) runCallers(ctx context.Context, v Verifier, n int, interval, d time.Duration, pick func(caller int) string) {
	var wg sync.WaitGroup
	start := time.Now()
	for caller := range n {
		wg.Go(func() {
			// The callers start at different times.
			next := start.Add(interval * time.Duration(caller) / time.Duration(n))
			for next.Sub(start) < d && ctx.Err() == nil {
				wait(ctx, time.Until(next))
				t.verify(ctx, v, pick(caller))
				for next = next.Add(interval); next.Before(time.Now()); {
					next = next.Add(interval)
				}
			}
		})
	}
	wg.Wait()
}
