package jwks

import "time"

// coolDown is a rate limit: burst events without a pause, then one per interval. Its
// state is one point in time. Unlike x/time/rate, it can uncount an event that has
// happened (refund). It is not safe for concurrent use.
type coolDown struct {
	interval time.Duration
	burst    int
	full     time.Time // from this time on, burst events may happen without a pause
}

// take reports whether an event may happen now. If so, it counts the event.
func (c *coolDown) take(now time.Time) bool {
	full := c.full
	if full.Before(now) {
		full = now
	}
	if full.Sub(now) > time.Duration(c.burst-1)*c.interval {
		return false
	}
	c.full = full.Add(c.interval)
	return true
}

// refund removes the last event from the count.
func (c *coolDown) refund() { c.full = c.full.Add(-c.interval) }

// maxChanges limits consecutive fetches for missing keys that bring new keys. After this
// number, such fetches are at least 1 s apart. If the nodes of an issuer publish different
// keys, every fetch may bring new keys.
const maxChanges = 10

// streak counts consecutive events less than soon apart.
type streak struct {
	n    int
	last time.Time
}

// add counts an event at the time now and returns the length of the streak. An event
// more than soon after the last event starts a new streak.
func (s *streak) add(now time.Time, soon time.Duration) int {
	if now.Sub(s.last) > soon {
		s.n = 0
	}
	s.n, s.last = s.n+1, now
	return s.n
}
