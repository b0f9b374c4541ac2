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
	took     time.Duration // the time of the requests of the last successful refresh; 0 if unknown
	silences int           // the number of refreshes without an answer in time since the last success
	slots    account       // the use of requests

	size    int       // the number of bytes that the last successful refresh used; 0 if unknown
	bytes   account   // the use of bytes
	used    float64   // the number of bytes that the cache used and that are not yet forgotten
	updated time.Time // the time at which used was computed
}

// record records the result of a refresh, the time of its requests, and the bytes it used. An
// issuer that answers quickly with an error, such as status 503, changes nothing.
func (l *Limits) record(s *share, err error, took time.Duration, size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		s.took, s.silences = max(took, 1), 0
		if size > 0 {
			s.size = size
		}
	case errors.Is(err, errWaited): // not the fault of the issuer
	case took >= s.patience() && silent(err):
		s.silences++
	}
}

// restoredTook is the time that counts as the duration of the last successful refresh if the keys
// come from a Store. It is enough for a new connection to a remote issuer.
const restoredTook = 320 * time.Millisecond

// restored records that the cache has keys from a Store. So a failure of its next refresh costs
// little, and the refresh needs less patience than the first refresh of other caches.
func (l *Limits) restored(s *share) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.took = restoredTook
}

// silent reports whether err means that the issuer did not answer in time.
func silent(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return errors.Is(err, errGaveWay) || errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
}

// patience returns the time after which a request of the cache gives way. It is a quarter longer
// than the last successful refresh. From the second refresh without an answer on, it doubles
// with each of them, because the issuer may have become slow.
func (s *share) patience() time.Duration {
	limit := coldPatience
	if s.took > 0 {
		limit = max(patience, s.took+s.took/4)
	}
	return min(limit<<min(max(s.silences-1, 0), 8), maxPatience)
}

var (
	// errGaveWay is the error of a request that was canceled because other caches need it.
	errGaveWay = errors.New("the request took long and was canceled, because many other issuers need requests (Limits.MaxFetches)")
	// errWaited is the error of a cache for which Limits had no place in time.
	errWaited = errors.New("waited for other issuers with the same Limits, or for the share of this issuer")
)

// slot is the permission for one HTTP request. It is either waiting, running or released.
type slot struct {
	place
	share    *share
	cancel   context.CancelCauseFunc
	patience time.Duration // the time after which the request gives way
	since    time.Time     // the time at which the slot was granted
	revoked  bool          // cancel was called
	kept     bool          // the slot is one of the slots that are reserved for long requests
}

// long reports whether the request may need much time.
func (t *slot) long() bool { return t.patience > longPatience }

// slotQueue distributes the slots. Limits.mu guards it.
type slotQueue struct {
	size        int
	grants      int // the number of slots that were granted
	kept        int // the number of running slots with the field kept
	running     []*slot
	short, long queue[*slot] // the slots that wait
	timer       *time.Timer
}

// queueOf returns the queue in which t waits.
func (q *slotQueue) queueOf(t *slot) *queue[*slot] {
	if t.patience > longPatience {
		return &q.long
	}
	return &q.short
}

// request queues a slot for the cache with the given share. When the slot is granted, its field
// granted is closed. The function cancel is called with errGaveWay if the slot must be given
// back. The caller must call release. If previous is not nil, it is an earlier slot of the same
// refresh, and the new slot has its place in the queue.
func (l *Limits) request(s *share, cancel context.CancelCauseFunc, previous *slot) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	t := l.newSlot(s, cancel)
	if previous != nil {
		t.deadline = previous.deadline
	}
	l.slots.queueOf(t).add(t)
	l.dispatch()
	return t
}

// tryRequest does what request does, but returns nil if the slot cannot be granted immediately.
func (l *Limits) tryRequest(s *share, cancel context.CancelCauseFunc) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	q := &l.slots
	if q.short.len()+q.long.len() > 0 || len(q.running) >= q.size {
		return nil
	}
	t := l.newSlot(s, cancel)
	q.grant(t)
	return t
}

func (l *Limits) newSlot(s *share, cancel context.CancelCauseFunc) *slot {
	limit := s.patience()
	return &slot{place: newPlace(s.slots.deadline(time.Now(), l.slotTime(limit))), share: s, cancel: cancel, patience: limit}
}

// slotTime returns the time in which the share of a cache provides a request for the duration d.
func (l *Limits) slotTime(d time.Duration) time.Duration {
	return scale(float64(d) * float64(l.caches) / float64(l.slots.size))
}

// scale converts nanoseconds to a duration that can be added to the current time.
func scale(ns float64) time.Duration {
	return time.Duration(min(ns, float64(maxNeed)))
}

// chargeSlot counts the time for which t was granted. Time after the patience does not count,
// because no other cache needed the slot.
func (l *Limits) chargeSlot(t *slot) {
	now := time.Now()
	t.share.slots.charge(now, l.slotTime(min(now.Sub(t.since), t.patience)))
}

// release gives a slot back, and returns the time for which it was granted. It may be called for
// a slot that was not granted.
func (l *Limits) release(t *slot) (held time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := &l.slots
	if i := slices.Index(q.running, t); i >= 0 {
		held = time.Since(t.since)
		q.running = slices.Delete(q.running, i, i+1)
		if t.kept {
			q.kept--
		}
		l.chargeSlot(t)
	} else {
		q.queueOf(t).remove(t)
	}
	l.dispatch()
	return held
}

// reserved returns the number of slots that are reserved for long requests. If there are too few
// slots, each eighth grant is reserved.
func (q *slotQueue) reserved() int {
	if q.size < reservedShare && q.grants%reservedShare == reservedShare-1 {
		return 1
	}
	return q.size / reservedShare
}

func (q *slotQueue) grant(t *slot) {
	t.since = time.Now()
	if t.long() && q.kept < q.reserved() {
		t.kept = true
		q.kept++
	}
	q.grants++
	q.running = append(q.running, t)
	close(t.granted)
}

// next returns the queue whose first slot is granted next. Short requests come first, except for
// the slots that are reserved.
func (q *slotQueue) next() *queue[*slot] {
	if q.short.len() == 0 || q.long.len() > 0 && q.kept < q.reserved() {
		return &q.long
	}
	return &q.short
}

// dispatch grants free slots. If slots are missing, it takes slots from requests that have been in
// flight for a long time. The caller holds l.mu.
func (l *Limits) dispatch() {
	q := &l.slots
	for len(q.running) < q.size && q.short.len()+q.long.len() > 0 {
		from := q.next()
		t := from.first()
		from.remove(t)
		q.grant(t)
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
	short := q.short.len()
	needed := short + q.long.len()
	now := time.Now()
	for _, r := range q.running {
		if needed <= 0 {
			return wait
		}
		if !r.revoked {
			limit := r.patience
			if r.long() && !r.kept && short > 0 {
				limit = patience
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
		needed--
		short-- // its slot becomes free soon
	}
	return wait
}
