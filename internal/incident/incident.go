package incident

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run runs one incident for a subject and measures it. It returns an error if the incident
// cannot be run. Failures of the subject are in the Result instead.
type Run func(context.Context, Subject) (Result, error)

// Result is the measurement of one incident. Fields that an incident does not measure are
// zero.
type Result struct {
	// Story is what happened, in one sentence.
	Story string
	// Requests is the number of requests with valid tokens. Refused is the number of these
	// requests with status 401, Unavailable with status 503.
	Requests, Refused, Unavailable int
	// Slowest is the longest duration of a valid request.
	Slowest time.Duration
	// Fetches is the number of requests to the issuer for its keys, after the first.
	Fetches int

	// P99 is the 99th percentile of the durations of valid requests during the incident.
	// P99Calm is the same for valid requests without the incident.
	P99, P99Calm time.Duration
	// Ratio is P99 divided by P99Calm.
	Ratio float64
	// Forged is the number of requests that must not be accepted. ForgedUnavailable is the
	// number of these requests with status 503.
	Forged, ForgedUnavailable int
	// SlowestForged is the longest duration of a forged request.
	SlowestForged time.Duration

	// PerStep is the number of fetches in each step of the incident.
	PerStep []int
	// After is the time until valid requests were accepted, or until requests with
	// withdrawn keys were refused. If Never is true, it is how long the incident waited.
	After time.Duration
	// Never reports that valid requests were not accepted, or that requests with withdrawn
	// keys were not refused.
	Never bool
	// Goroutines is the number of goroutines left after everything was closed.
	Goroutines int
	// PeakHeap is the growth of the heap in bytes.
	PeakHeap int64
	// CutOff reports that the incident was stopped because of PeakHeap, to protect the
	// machine.
	CutOff bool
	// Tried is the number of odd documents, keys or bodies.
	Tried int
	// LostKeys are the names of the documents, keys or bodies after which a valid token was
	// not accepted.
	LostKeys []string
	// ForgedAccepted are the names of the odd keys under which a forged token was accepted.
	ForgedAccepted []string

	// Lookup is the duration of the slowest kind of lookup.
	Lookup time.Duration
	// Allocations is the number of allocations per lookup.
	Allocations float64
	// Growth is the duration of a lookup with 1,000 keys, divided by the duration with one
	// key.
	Growth float64
	// Sharing is the duration of a lookup if all cores share one cache, divided by the
	// duration with one cache per core.
	Sharing float64
}

// result returns the counts of t and i.
func result(t *tally, i *issuer) Result {
	return Result{Requests: t.requests, Refused: t.refused, Unavailable: t.unavailable, Slowest: t.slowest, Fetches: i.fetches()}
}

// open opens a verifier, waits until it has the issuer's keys, and then starts to count
// fetches.
func open(ctx context.Context, s Subject, setup Setup, i *issuer) (Verifier, error) {
	v, err := s.Open(setup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	token := i.Token(nil)
	for deadline := time.Now().Add(10 * time.Second); v.Verify(ctx, token) != Accepted; {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, closing(v, fmt.Errorf("%s: a valid token is not accepted before the incident begins", s.Name))
		}
		pause(ctx, 10*time.Millisecond)
	}
	i.count()
	return v, nil
}

// closing closes v and returns err, joined with the error of Close.
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

// Short rounds d to three digits, for display.
func Short(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
}
