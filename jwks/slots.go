package jwks

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"
)

// share is the state that Limits keep for one cache. Limits.mu guards the fields.
type share struct {
	answered bool          // whether the issuer answered the last refresh; see Limits.record
	silences int           // the number of refreshes without an answer since the last success
	took     time.Duration // the time of the last successful refresh; 0 if there was none

	used    float64   // the number of bytes that the cache used and that are not yet forgotten
	updated time.Time // the time at which used was computed
	finish  float64   // the virtual time at which byteQueue finishes the bytes of this cache
}

// record records the result of a refresh and the time that it took. An issuer that answers
// quickly with an error, such as status 503, holds no request for long. So this error changes
// nothing.
func (l *Limits) record(s *share, err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		s.answered, s.silences, s.took = true, 0, max(took, 1)
	case errors.Is(err, errWaited): // not the fault of the issuer
	case took >= maxPatience || silent(err):
		s.answered = false
		s.silences++
	}
}

// silent reports whether err means that the issuer did not answer in time.
func silent(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, errGaveWay) || errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
}

// patience returns the time after which a request of the cache gives way to a cache whose issuer
// answers. It is a quarter longer than the last successful refresh.
func (s *share) patience() time.Duration {
	took := min(s.took, maxPatience)
	return min(max(patience, took+took/4), maxPatience)
}

// coldPatience returns the time after which a request of the cache gives way to a cache whose
// issuer has not answered. It doubles with each refresh without an answer, because the issuer may
// have become slow.
func (s *share) coldPatience() time.Duration {
	limit, doublings := s.patience(), s.silences-1
	if s.took == 0 {
		limit, doublings = coldPatience, s.silences
	}
	return min(limit<<min(max(doublings, 0), 8), longPatience)
}

var (
	// errGaveWay is the error of a request that was canceled because other caches need it.
	errGaveWay = errors.New("the request took long and was canceled, because many other issuers need requests (Limits.MaxFetches)")
	// errWaited is the error of a cache for which Limits had no place in time.
	errWaited = errors.New("waited for other issuers")
)

// slot is the permission for one HTTP request. It is either waiting, running or released.
type slot struct {
	share   *share
	granted chan struct{} // closed when the slot is granted
	since   time.Time     // the time at which the slot was granted
	cancel  context.CancelCauseFunc
	revoked bool // cancel was called
	renewed bool // see renew
	first   bool // the issuer had answered when the slot was requested

	silences int       // share.silences when the slot was requested
	turn     time.Time // the slots of caches whose issuer answers are granted in this order
}

func newSlot(s *share, cancel context.CancelCauseFunc) *slot {
	turn := time.Now().Add(slowPenalty * (s.patience() - patience))
	return &slot{share: s, granted: make(chan struct{}), cancel: cancel, first: s.answered, silences: s.silences, turn: turn}
}

// before reports whether t comes before other, which has the same value of first and was
// requested earlier.
func (t *slot) before(other *slot) bool {
	if t.first {
		return t.turn.Before(other.turn)
	}
	return t.silences < other.silences
}

// slotQueue distributes the slots. Limits.mu guards it.
type slotQueue struct {
	size    int
	grants  int     // the number of slots that were granted
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
	t := newSlot(s, cancel)
	l.slots.waiting = append(l.slots.waiting, t)
	l.dispatch()
	return t
}

// requestAgain does what request does, for a further request of a refresh that has begun. It
// comes before the slots that wait.
func (l *Limits) requestAgain(s *share, cancel context.CancelCauseFunc) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	t := newSlot(s, cancel)
	t.silences, t.turn = -1, time.Time{}
	l.slots.waiting = append(l.slots.waiting, t)
	l.dispatch()
	return t
}

// tryRequest does what request does, but returns nil if the slot cannot be granted immediately.
func (l *Limits) tryRequest(s *share, cancel context.CancelCauseFunc) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	t := newSlot(s, cancel)
	if len(l.slots.waiting) > 0 || !l.slots.fits(t) {
		return nil
	}
	l.slots.grant(t)
	return t
}

// renew keeps a granted slot for the next request of the same refresh. If the issuer has not
// answered before, the patience with it starts again, but only once. The time of the last
// refresh of another issuer contains all its requests.
func (l *Limits) renew(t *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.first && !t.renewed {
		t.since, t.renewed = time.Now(), true
	}
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

// cold returns the number of running slots of caches whose issuer had not answered.
func (q *slotQueue) cold() (n int) {
	for _, r := range q.running {
		if !r.first {
			n++
		}
	}
	return n
}

// reserved returns the number of slots that are reserved for caches whose issuer has not
// answered. If there are too few slots, each eighth grant is reserved.
func (q *slotQueue) reserved() int {
	if q.size < reservedShare && q.grants%reservedShare == reservedShare-1 {
		return 1
	}
	return q.size / reservedShare
}

// fits reports whether t can be granted now.
func (q *slotQueue) fits(t *slot) bool {
	return len(q.running) < q.size && (t.first || q.cold() < max(1, q.size*3/4))
}

func (q *slotQueue) grant(t *slot) {
	t.since = time.Now()
	q.grants++
	q.running = append(q.running, t)
	close(t.granted)
}

// next returns the index of the waiting slot that is granted next, or -1.
func (q *slotQueue) next() int {
	first, cold := -1, -1
	for i, t := range q.waiting {
		best := &cold
		if t.first {
			best = &first
		}
		if *best < 0 || t.before(q.waiting[*best]) {
			*best = i
		}
	}
	if first < 0 || cold >= 0 && q.cold() < q.reserved() {
		return cold
	}
	return first
}

// dispatch grants free slots, mostly to caches whose issuer answers. If slots are missing, it
// takes slots from the requests that have been in flight for the longest time. The caller holds
// l.mu.
func (l *Limits) dispatch() {
	q := &l.slots
	for i := q.next(); i >= 0 && q.fits(q.waiting[i]); i = q.next() {
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
	first := 0
	for _, t := range q.waiting {
		if t.first {
			first++
		}
	}
	needed, cold := len(q.waiting), q.cold()
	if first > 0 { // the waiting caches whose issuer has not answered need the reserved slots only
		needed = first + min(len(q.waiting)-first, max(0, q.reserved()-cold))
	}
	now := time.Now()
	for _, r := range q.running {
		if needed == 0 {
			return wait
		}
		if !r.revoked {
			limit := q.patience(r, first > 0, cold)
			if limit < 0 {
				continue
			}
			if left := limit - now.Sub(r.since); left > 0 {
				if wait == 0 || left < wait {
					wait = left
				}
				continue
			}
			r.revoked = true
			r.cancel(errGaveWay)
		}
		if !r.first {
			cold-- // its slot becomes free soon
		}
		needed--
	}
	return wait
}

// patience returns the time after which the running slot r gives way, or a negative number if it
// does not give way. The argument first is whether a cache whose issuer answers waits, and cold
// is the number of running slots of the other caches.
func (q *slotQueue) patience(r *slot, first bool, cold int) time.Duration {
	switch {
	case !r.first && first && cold > max(1, q.reserved()):
		return r.share.patience()
	case !r.first:
		return r.share.coldPatience()
	case first:
		return r.share.patience()
	case cold < max(1, q.reserved()):
		return longPatience
	default:
		return -1 // it needs its slot more urgently
	}
}
