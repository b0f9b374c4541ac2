package incident

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run makes one incident happen to a subject and measures. It returns an error
// where that was not possible: what the subject does wrong is in the result.
type Run func(context.Context, Subject) (Result, error)

// Result is what was measured in one incident. Fields that an incident does not
// speak of are zero.
type Result struct {
	// Story says what happened, for people, in one sentence.
	Story string
	// Requests are the honest requests, Refused and Unavailable those of them that
	// were told 401 and 503.
	Requests, Refused, Unavailable int
	// Slowest is the longest that an honest request took.
	Slowest time.Duration
	// Fetches is how often the issuer was asked for its keys, after the start.
	Fetches int

	// P99 is that of the honest requests in the incident, P99Calm that beside it.
	P99, P99Calm time.Duration
	// Ratio is P99 by P99Calm.
	Ratio float64
	// Forged are the requests that ought to be refused, and ForgedUnavailable those
	// of them that were told 503.
	Forged, ForgedUnavailable int
	// SlowestForged is the longest that one of Forged took.
	SlowestForged time.Duration

	// PerStep is how often the issuer was asked in each step of the incident.
	PerStep []int
	// After is how long it took until good requests were accepted, or bad ones
	// refused.
	After time.Duration
	// Never says that they were not, in the time After.
	Never bool
	// Goroutines is how many were left when everything had been closed.
	Goroutines int
	// PeakHeap is by how many bytes the heap grew.
	PeakHeap int64
	// CutOff says that the incident was ended at PeakHeap, for the sake of the
	// machine.
	CutOff bool
	// Tried is how many odd things were tried.
	Tried int
	// Lost are those that cost a good key.
	Lost []string
	// Fooled are those under which something bad was accepted.
	Fooled []string

	// Lookup is what the dearest lookup costs.
	Lookup time.Duration
	// Allocations is how many a lookup makes.
	Allocations float64
	// Growth is the price with 1000 keys by that with one.
	Growth float64
	// Sharing is the price of one cache for all cores by that of one each.
	Sharing float64
}

// result returns what t and i have counted.
func result(t *tally, i *issuer) Result {
	return Result{Requests: t.requests, Refused: t.refused, Unavailable: t.unavailable, Slowest: t.slowest, Fetches: i.fetches()}
}

// open opens a verifier and waits until it has the issuer's keys. Fetches are
// counted from then on.
func open(ctx context.Context, s Subject, setup Setup, i *issuer) (Verifier, error) {
	v, err := s.Open(setup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	token := i.Token(nil)
	for deadline := time.Now().Add(10 * time.Second); v.Verify(ctx, token) != Accepted; {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, closing(v, fmt.Errorf("%s: a good token is not accepted, before anything has happened", s.Name))
		}
		pause(ctx, 10*time.Millisecond)
	}
	i.count()
	return v, nil
}

// closing closes v and returns err with what that brings.
func closing(v Verifier, err error) error { return errors.Join(err, v.Close()) }

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Short rounds what people read to three digits.
func Short(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
}
