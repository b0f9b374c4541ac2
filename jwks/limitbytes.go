package jwks

import "time"

// byteQueue limits the bytes that the caches process per second. Limits.mu guards it.
//
// The balance grows with the time. A cache reserves the bytes of a document before it processes
// the document. A reservation reduces the balance, and needs a balance that is positive.
type byteQueue struct {
	rate    float64   // bytes per second
	balance float64   // the number of bytes that may be processed now
	updated time.Time // the time at which balance was computed
	waiting queue[*byteTicket]
	timer   *time.Timer
}

// byteTicket is a reservation that waits.
type byteTicket struct {
	place
	size float64
}

// reserve queues a reservation of n bytes. When it is granted, the field granted of the ticket is
// closed.
func (l *Limits) reserve(s *share, n int) *byteTicket {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	t := &byteTicket{newPlace(s.bytes.deadline(time.Now(), l.byteTime(n))), float64(n)}
	l.bytes.waiting.add(t)
	l.dispatchBytes()
	return t
}

// withdraw ends a reservation that the caller no longer needs.
func (l *Limits) withdraw(t *byteTicket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.bytes.waiting.remove(t) {
		l.bytes.balance += t.size
	}
	l.dispatchBytes()
}

// tryReserve reserves n bytes and returns true if this is possible immediately.
func (l *Limits) tryReserve(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	l.dispatchBytes()
	if l.bytes.waiting.len() > 0 || l.bytes.balance <= 0 {
		return false
	}
	l.bytes.balance -= float64(n)
	return true
}

// settle ends an attempt that reserved some bytes and processed some bytes. If it failed, all
// reserved bytes count as used by this cache, because they were not available to others. Bytes
// that were processed without a reservation are few, and must not delay other caches.
func (l *Limits) settle(s *share, reserved, processed int, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	now, used := time.Now(), processed
	if failed {
		used = max(used, reserved)
	}
	s.bytes.charge(now, l.byteTime(used))
	s.forget(now, l.bytes.rate)
	s.used += float64(processed)
	l.bytes.balance += float64(max(0, reserved-processed))
	l.dispatchBytes()
}

// byteTime returns the time in which the share of a cache provides n bytes.
func (l *Limits) byteTime(n int) time.Duration {
	return scale(float64(n) * float64(l.caches) / l.bytes.rate * float64(time.Second))
}

// dispatchBytes grants reservations while the balance is positive. The caller holds l.mu.
func (l *Limits) dispatchBytes() {
	q := &l.bytes
	now := time.Now()
	q.balance = min(q.balance+now.Sub(q.updated).Seconds()*q.rate, q.rate*burstTime.Seconds())
	q.updated = now
	for q.waiting.len() > 0 && q.balance > 0 {
		t := q.waiting.first()
		q.waiting.remove(t)
		q.balance -= t.size
		close(t.granted)
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	if q.waiting.len() > 0 {
		wait := time.Duration((1 - q.balance) / q.rate * float64(time.Second))
		q.timer = time.AfterFunc(max(wait, time.Millisecond), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.dispatchBytes()
		})
	}
}

// forget forgets the bytes that the cache used some time ago.
func (s *share) forget(now time.Time, rate float64) {
	s.used = max(0, s.used-now.Sub(s.updated).Seconds()*rate/ownShare)
	s.updated = now
}

// pause returns how long the cache must wait before its next request, because it used more
// bytes than its share.
func (l *Limits) pause(s *share) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start()
	s.forget(time.Now(), l.bytes.rate)
	if s.used < ownBurst {
		return 0
	}
	return max(time.Millisecond, time.Duration((s.used-ownBurst)*ownShare/l.bytes.rate*float64(time.Second)))
}
