package jwks

import (
	"context"
	"slices"
	"time"
)

// byteQueue limits the bytes that the caches process per second. Limits.mu guards it.
//
// The balance grows with the time. Processing a document reduces the balance, and needs a
// balance that is positive. The waiting documents are processed in the order of their finish
// times (fair queuing). The finish time of a document is the virtual time at which an equal share
// of the rate for each waiting cache finishes the document. So a small document does not wait for
// large documents. A large document is processed in steps. Of two large documents, all steps of the
// document that began first come first. Otherwise, no document ends in time if there are many.
type byteQueue struct {
	rate    float64   // bytes per second
	balance float64   // the number of bytes that may be processed now
	updated time.Time // the time at which balance was computed
	virtual float64   // the virtual time, in bytes per waiting cache
	turns   uint64    // the number of documents
	waiting []*byteTicket
	timer   *time.Timer
}

// byteTurn is the place of a document in the queue. Limits.mu guards the fields.
type byteTurn struct {
	number uint64  // the number of the document; 0 before the first step
	start  float64 // the virtual time of the first step
}

// byteTicket is a step that waits.
type byteTicket struct {
	turn    *byteTurn
	size    float64
	finish  float64
	granted chan struct{}
}

// before reports whether t comes before other.
func (t *byteTicket) before(other *byteTicket) bool {
	return t.finish < other.finish || t.finish == other.finish && t.turn.number < other.turn.number
}

// spend waits until the cache may process the next n bytes of a document. The argument total is
// the estimated number of bytes of the whole document. If ctx ends first, spend returns an error.
func (l *Limits) spend(ctx context.Context, s *share, turn *byteTurn, n, total int) error {
	if n == 0 {
		return nil
	}
	l.mu.Lock()
	l.start()
	if turn.number == 0 {
		l.bytes.turns++
		turn.number, turn.start = l.bytes.turns, max(s.finish, l.bytes.virtual)
	}
	t := &byteTicket{turn: turn, size: float64(n), finish: turn.start + float64(total), granted: make(chan struct{})}
	s.finish = max(s.finish, turn.start) + t.size
	l.bytes.waiting = append(l.bytes.waiting, t)
	l.dispatchBytes()
	l.mu.Unlock()
	var err error
	select {
	case <-t.granted:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		waiting := len(l.bytes.waiting)
		l.bytes.waiting = slices.DeleteFunc(l.bytes.waiting, func(other *byteTicket) bool { return other == t })
		if len(l.bytes.waiting) < waiting { // the ticket was not granted at the last moment
			s.finish -= t.size
			return err
		}
	}
	s.settle(time.Now(), l.bytes.rate)
	s.used += t.size
	return nil
}

// trySpend does what spend does, but returns false instead of waiting.
func (l *Limits) trySpend(s *share, n int) bool {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return l.spend(ended, s, new(byteTurn), n, n) == nil
}

// charge counts n bytes that the cache has processed, for this cache only.
func (l *Limits) charge(s *share, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	s.settle(time.Now(), l.bytes.rate)
	s.used = max(0, s.used+float64(n))
}

// correct counts n bytes that the cache has processed in addition to the bytes of spend. If spend
// reserved too many bytes, n is negative.
func (l *Limits) correct(s *share, n int) {
	l.charge(s, n)
	l.mu.Lock()
	defer l.mu.Unlock()
	s.finish += float64(n)
	l.bytes.balance -= float64(n)
	l.dispatchBytes()
}

// dispatchBytes lets documents be processed while the balance is positive. The caller holds
// l.mu.
func (l *Limits) dispatchBytes() {
	q := &l.bytes
	now := time.Now()
	q.balance = min(q.balance+now.Sub(q.updated).Seconds()*q.rate, q.rate*burstTime.Seconds())
	q.updated = now
	for len(q.waiting) > 0 && q.balance > 0 {
		i := 0
		for j, t := range q.waiting {
			if t.before(q.waiting[i]) {
				i = j
			}
		}
		t := q.waiting[i]
		q.virtual += t.size / float64(len(q.waiting))
		q.balance -= t.size
		q.waiting = slices.Delete(q.waiting, i, i+1)
		close(t.granted)
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	if len(q.waiting) > 0 {
		wait := time.Duration((1 - q.balance) / q.rate * float64(time.Second))
		q.timer = time.AfterFunc(max(wait, time.Millisecond), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.dispatchBytes()
		})
	}
}

// settle forgets the bytes that the cache used some time ago.
func (s *share) settle(now time.Time, rate float64) {
	s.used = max(0, s.used-now.Sub(s.updated).Seconds()*rate/ownShare)
	s.updated = now
}

// pause returns how long the cache must wait before its next request, because it used more
// bytes than its share.
func (l *Limits) pause(s *share) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	s.settle(time.Now(), l.bytes.rate)
	if s.used < ownBurst {
		return 0
	}
	return max(time.Millisecond, time.Duration((s.used-ownBurst)*ownShare/l.bytes.rate*float64(time.Second)))
}
