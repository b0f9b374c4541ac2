package jwks

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// MaxFetches is the largest number of HTTP requests that are in flight at the same time. A
	// cache whose last refresh failed, or that has not refreshed its keys yet, can use at most
	// three quarters of the requests. If all requests are in use and another cache needs one, a
	// request that has been in flight for more than 200 ms is canceled. Zero: 128.
	MaxFetches int
	// MaxBytesPerSecond is the average number of bytes that the caches process per second, in
	// key sets and metadata. Compressed bytes count four times. Small documents are processed
	// before large documents. One cache can use at most a sixteenth of MaxBytesPerSecond, in
	// addition to the first 2 MiB. Zero: 4 MiB.
	MaxBytesPerSecond int

	mu      sync.Mutex // guards the fields below
	slots   slotQueue
	bytes   byteQueue
	started bool
}

const (
	defaultMaxFetches        = 128
	defaultMaxBytesPerSecond = 4 << 20

	// patience is the time after which a request gives way to a cache whose last refresh
	// succeeded. So if the issuers of 2,000 caches stop answering at the same time, a cache
	// waits for at most 2,000 / MaxFetches * patience, which is 3 s.
	patience = 200 * time.Millisecond
	// longPatience is the time after which a request gives way to a cache whose last refresh
	// failed or that has not refreshed its keys yet.
	longPatience = 2 * time.Second

	// ownShare is the share of MaxBytesPerSecond that one cache can use: 1 / ownShare.
	ownShare = 16
	// ownBurst is the number of bytes that one cache can use without a pause.
	ownBurst = 2 * maxDocument
	// burstTime is the time for which the caches together can save unused bytes.
	burstTime = 4 * time.Second
	// compressedCost is the number of bytes for which one compressed byte counts.
	compressedCost = 4
)

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

// share is the state that Limits keep for one cache. Limits.mu guards the fields.
type share struct {
	answered bool // whether the last refresh succeeded

	used    float64   // the number of bytes that the cache used and that are not yet forgotten
	updated time.Time // the time at which used was computed
	finish  float64   // the virtual time at which byteQueue finishes the bytes of this cache
}

// setAnswered records whether the last refresh of the cache succeeded.
func (l *Limits) setAnswered(s *share, answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.answered = answered
}

// errGaveWay is the error of a request that was canceled because other caches need it.
var errGaveWay = errors.New("the request took long and was canceled, because many other issuers need requests (Limits.MaxFetches)")

// slot is the permission for one HTTP request. It is either waiting, running or released.
type slot struct {
	share   *share
	granted chan struct{} // closed when the slot is granted
	since   time.Time     // the time at which the slot was granted
	cancel  context.CancelCauseFunc
	revoked bool // cancel was called
	first   bool // the share had answered when the slot was requested
}

// slotQueue distributes the slots. Limits.mu guards it.
type slotQueue struct {
	size    int
	running []*slot // in the order in which they were granted
	waiting []*slot // in the order in which they were requested
	timer   *time.Timer
}

// request queues a slot for the cache with the given share. When the slot is granted, its field
// granted is closed. The function cancel is called with errGaveWay if the slot must be given
// back. The caller must call release.
func (l *Limits) request(s *share, cancel context.CancelCauseFunc) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	t := &slot{share: s, granted: make(chan struct{}), cancel: cancel, first: s.answered}
	l.slots.waiting = append(l.slots.waiting, t)
	l.dispatch()
	return t
}

// tryRequest does what request does, but returns nil if the slot cannot be granted immediately.
func (l *Limits) tryRequest(s *share, cancel context.CancelCauseFunc) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	t := &slot{share: s, granted: make(chan struct{}), cancel: cancel, first: s.answered}
	if len(l.slots.waiting) > 0 || !l.slots.fits(t) {
		return nil
	}
	l.slots.grant(t)
	return t
}

// release gives a slot back. It may be called for a slot that was not granted.
func (l *Limits) release(t *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := func(other *slot) bool { return other == t }
	l.slots.running = slices.DeleteFunc(l.slots.running, is)
	l.slots.waiting = slices.DeleteFunc(l.slots.waiting, is)
	l.dispatch()
}

// fits reports whether t can be granted now.
func (q *slotQueue) fits(t *slot) bool {
	if len(q.running) >= q.size {
		return false
	}
	if t.first {
		return true
	}
	others := 0
	for _, r := range q.running {
		if !r.first {
			others++
		}
	}
	return others < max(1, q.size*3/4)
}

func (q *slotQueue) grant(t *slot) {
	t.since = time.Now()
	q.running = append(q.running, t)
	close(t.granted)
}

// dispatch grants free slots, first to caches whose last refresh succeeded. If slots are
// missing, it takes slots from the requests that have been in flight for the longest time.
// The caller holds l.mu.
func (l *Limits) dispatch() {
	q := &l.slots
	next := func() int {
		if i := slices.IndexFunc(q.waiting, func(t *slot) bool { return t.first }); i >= 0 || len(q.waiting) == 0 {
			return i
		}
		return 0
	}
	for i := next(); i >= 0 && q.fits(q.waiting[i]); i = next() {
		q.grant(q.waiting[i])
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	if wait := q.revoke(); wait > 0 {
		q.timer = time.AfterFunc(wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.dispatch()
		})
	}
}

// revoke cancels requests that must give way to waiting caches. It returns the time until it
// must be called again, or 0.
func (q *slotQueue) revoke() (wait time.Duration) {
	needed, first := 0, false
	for _, t := range q.waiting {
		if t.first {
			needed, first = needed+1, true
		}
	}
	limit := patience
	if !first {
		needed, limit = len(q.waiting), longPatience
	}
	now := time.Now()
	for _, r := range q.running {
		switch {
		case needed == 0:
			return wait
		case r.revoked: // its slot becomes free soon
		case r.first && !first: // it needs its slot more urgently
			continue
		case now.Sub(r.since) < limit:
			if left := limit - now.Sub(r.since); wait == 0 || left < wait {
				wait = left
			}
			continue
		default:
			r.revoked = true
			r.cancel(errGaveWay)
		}
		needed--
	}
	return wait
}
