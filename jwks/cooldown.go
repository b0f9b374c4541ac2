package jwks

import "time"

// coolDown is a rate limit: burst events at once, then one per interval. Its state is
// one point in time. Unlike x/time/rate, it can remove an event from the count (refund).
// It is not safe for concurrent use.
type coolDown struct {
	interval time.Duration
	burst    int
	full     time.Time // from then on, burst events may happen at once
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

// maxChanges is how many consecutive fetches for missing keys may bring new keys
// before further fetches are kept 1 s apart. If the nodes of an issuer publish different
// keys, every fetch may bring new ones.
const maxChanges = 10

// streak counts consecutive events less than soon apart.
type streak struct {
	n    int
	last time.Time
}

// add counts an event at the time now and returns the length of the streak.
func (s *streak) add(now time.Time, soon time.Duration) int {
	if now.Sub(s.last) > soon {
		s.n = 0
	}
	s.n, s.last = s.n+1, now
	return s.n
}
