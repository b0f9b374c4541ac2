package incident

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A Run is a function that runs one incident for a Subject and returns the measurements. It
// returns an error only if it cannot run the incident. The Result contains the failures of the
// subject.
type Run func(context.Context, Subject) (Result, error)

// Result is the measurement of one incident. A field is zero if the incident does not measure
// this field.
type Result struct {
	// Story describes in one sentence how the incident went.
	Story string
	// Requests is the number of requests with valid tokens. Refused is the number of these
	// requests with the Outcome Refused. Unavailable is the number of these requests with
	// the Outcome Unavailable or NotAsked. NotAsked is the number of those with NotAsked.
	Requests, Refused, Unavailable, NotAsked int
	// Slowest is the longest duration of a valid request.
	Slowest time.Duration
	// Fetches is the number of requests for the key set of the issuer. It does not include the
	// requests before the incident.
	Fetches int

	// P99 is the 99th percentile of the durations of valid requests in flood periods. P99Calm
	// is the 99th percentile of the durations of valid requests in calm periods.
	P99, P99Calm time.Duration
	// Ratio is P99 divided by P99Calm.
	Ratio float64
	// Forged is the number of requests with tokens that must be refused. ForgedUnavailable is
	// the number of these requests with the Outcome Unavailable or NotAsked.
	Forged, ForgedUnavailable int
	// SlowestForged is the longest duration of a forged request.
	SlowestForged time.Duration

	// Late is the longest delay of a timer in this process, because the machine is busy. The
	// incidents do not measure it.
	Late time.Duration

	// KnownRequests is the number of further valid requests, which use a known key. Other requests
	// must not disturb them. KnownRefused is the number of these requests that were not accepted.
	KnownRequests, KnownRefused int

	// PerStep is the number of fetches in each step of the incident.
	PerStep []int
	// After is the time until the expected event. The event is that a valid request is
	// accepted, or that a token signed with a withdrawn key is refused, or that a response
	// body ends. If Never is true, After is the time for which the incident waited.
	After time.Duration
	// Never reports that the event did not happen.
	Never bool
	// Restored is the time until a valid request is accepted again after the issuer is healthy again.
	// It is negative if the request is not accepted.
	Restored time.Duration
	// AcceptedLater is the number of requests that were accepted although the event had happened
	// that must refuse them.
	AcceptedLater int
	// ReadyTooEarly is the number of readiness checks that succeeded before the issuer was healthy.
	ReadyTooEarly int
	// Goroutines is the number of goroutines that still run after the verifier was closed.
	Goroutines int
	// PeakHeap is the largest growth of the heap in bytes.
	PeakHeap int64
	// CutOff reports that the issuer stopped sending a body because of PeakHeap. This protects
	// the machine.
	CutOff bool
	// Tried is the number of odd documents, odd keys, hostile bodies or readiness checks in the
	// incident.
	Tried int
	// LostKeys contains the names of documents, keys and bodies. After each of them, the
	// verifier did not accept a valid token.
	LostKeys []string
	// ForgedAccepted contains the names of odd keys. For each of them, the verifier accepted an
	// invalid token that was signed with this key.
	ForgedAccepted []string

	// Lookups is the number of lookups. Allocations is the number of allocations per lookup.
	Lookups     int
	Allocations float64
}

// newResult returns a Result with the counts of t and i.
func newResult(t *tally, i *issuer) Result {
	return Result{Requests: t.requests, Refused: t.refused, Unavailable: t.unavailable, NotAsked: t.notAsked, Slowest: t.slowest, Fetches: i.fetches()}
}

// openVerifier opens a verifier and waits until the verifier accepts a valid token. Then it
// starts to count fetches.
func openVerifier(ctx context.Context, s Subject, setup Setup, i *issuer) (Verifier, error) {
	v, err := s.Open(setup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	token := i.Token(nil)
	for deadline := time.Now().Add(10 * time.Second); v.Verify(ctx, token) != Accepted; {
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, closeVerifier(v, fmt.Errorf("%s: the verifier refuses a valid token before the incident begins", s.Name))
		}
		wait(ctx, 10*time.Millisecond)
	}
	i.countFetches()
	return v, nil
}

// play runs an incident: it starts an issuer, opens a verifier, waits until the verifier accepts
// tokens, calls act, and stops both. The function adjust changes the setup of the verifier; it can
// be nil. Incidents that begin without keys, or that need the closed verifier, do not use play.
func play(ctx context.Context, s Subject, adjust func(*Setup), act func(*issuer, Verifier) (Result, error)) (r Result, err error) {
	i := newIssuer()
	defer i.Close()
	setup := i.setup()
	if adjust != nil {
		adjust(&setup)
	}
	v, err := openVerifier(ctx, s, setup, i)
	if err != nil {
		return r, err
	}
	defer func() { err = closeVerifier(v, err) }()
	r, err = act(i, v)
	return r, errors.Join(err, ctx.Err())
}

// everySecond makes the verifier refresh its keys every second.
func everySecond(s *Setup) { s.Interval = time.Second }

// closeVerifier closes v. It returns err, joined with the error of Close.
func closeVerifier(v Verifier, err error) error { return errors.Join(err, v.Close()) }

// wait waits for the duration d. It returns earlier if ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Short rounds d to three digits.
func Short(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d/1000 < unit { // 1000*unit overflows for very long times
			return d.Round(unit)
		}
	}
}

// Thousands returns n with a comma before each group of three digits.
func Thousands(n int) string {
	text := strconv.Itoa(n)
	for end := len(text) - 3; end > 0 && text[end-1] != '-'; end -= 3 {
		text = text[:end] + "," + text[end:]
	}
	return text
}
