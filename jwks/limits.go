package jwks

import (
	"fmt"
	"sync"
	"time"
)

// Limits limit the work that all issuers together can cause. Caches share Limits if the field
// Options.Limits of the caches has the same pointer. Share Limits if parties that you do not
// trust can configure issuers, or if there are many issuers. The zero Limits are ready to use.
// Limits are safe for concurrent use and must not be copied. Do not change the fields after the
// first use.
//
// The limits are fair. An issuer that does not answer, or that sends large documents, does not
// delay the refresh for another issuer that answers quickly. If the limits are reached,
// requests in flight that take long give way. The refresh of such a request fails, and the last
// good key set of its cache stays in use.
type Limits struct {
	// MaxFetches is the largest number of HTTP requests that are in flight at the same time.
	// Caches whose last refresh ended without an answer, or that have not refreshed their keys
	// yet, can use at most three quarters of the requests, and an eighth is reserved for them.
	// If all requests are in use and another cache needs one, a request is canceled that has
	// been in flight for more than 200 ms and takes a quarter longer than the last successful
	// refresh, or that has been in flight for more than 1 s. For caches whose last refresh ended
	// without an answer, this time doubles with each such refresh, up to 2 s. Zero: 128.
	MaxFetches int
	// MaxBytesPerSecond is the average number of bytes that the caches process per second, in
	// key sets and metadata. Compressed bytes count four times. Small documents are processed
	// before large documents. One cache can use at most a sixteenth of MaxBytesPerSecond, in
	// addition to the first 2 MiB. Zero: 4 MiB.
	MaxBytesPerSecond int

	mu      sync.Mutex // guards the fields below
	slots   slotQueue
	bytes   byteQueue
	caches  int // the number of caches that share the Limits
	started bool
}

const (
	defaultMaxFetches        = 128
	defaultMaxBytesPerSecond = 4 << 20

	// patience is the least time after which a request gives way to another cache. If the issuers
	// of 2,000 caches that answered quickly stop answering at the same time, a cache waits for at
	// most 2,000 / MaxFetches * patience, which is 3.1 s.
	patience = 200 * time.Millisecond
	// coldPatience is the patience with an issuer that has never answered.
	coldPatience = 500 * time.Millisecond
	// longPatience is the largest patience of a request that counts as short. It is the patience
	// with an issuer that usually answers within 500 ms.
	longPatience = 625 * time.Millisecond
	// maxPatience is the largest patience. It is the default of Options.Timeout.
	maxPatience = defaultTimeout
	// reservedShare is the share of MaxFetches that is reserved for long requests:
	// 1 / reservedShare.
	reservedShare = 8

	// ownShare is the share of MaxBytesPerSecond that one cache can use: 1 / ownShare.
	ownShare = 16
	// ownBurst is the number of bytes that one cache can use without a pause.
	ownBurst = 2 * maxDocument
	// burstTime is the time for which the caches together can save unused bytes.
	burstTime = 4 * time.Second
	// compressedCost is the number of bytes for which one compressed byte counts.
	compressedCost = 4
)

// join counts a cache that begins to share the Limits, until it calls leave.
func (l *Limits) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caches++
}

func (l *Limits) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caches--
}

// problems returns an error for each invalid field.
func (l *Limits) problems() (errs []error) {
	for _, field := range []struct {
		name  string
		value int
	}{{"MaxFetches", l.MaxFetches}, {"MaxBytesPerSecond", l.MaxBytesPerSecond}} {
		if field.value < 0 {
			errs = append(errs, fmt.Errorf("jwks: Limits.%s: %d is negative; want 0 for the default, or a positive number", field.name, field.value))
		}
	}
	return errs
}

// start applies the defaults. The caller holds l.mu.
func (l *Limits) start() {
	if l.started {
		return
	}
	l.started = true
	l.slots.size = l.MaxFetches
	if l.slots.size == 0 {
		l.slots.size = defaultMaxFetches
	}
	l.bytes.rate = float64(l.MaxBytesPerSecond)
	if l.bytes.rate == 0 {
		l.bytes.rate = defaultMaxBytesPerSecond
	}
	l.bytes.balance, l.bytes.updated = l.bytes.rate*burstTime.Seconds(), time.Now()
}
