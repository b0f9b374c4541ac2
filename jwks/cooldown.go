package jwks

import "time"

// coolDown is a rate limit: burst events at once, then one per interval. Its state
// is one point in time. Unlike x/time/rate, it can take an event out of the count
// again (refund). It is not safe for concurrent use.
type coolDown struct {
	interval time.Duration
	burst    int
	full     time.Time // when burst events may happen at once again
}

// take reports whether an event may happen now, and counts the event if so.
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

// refund takes the last event out of the count.
func (c *coolDown) refund() { c.full = c.full.Add(-c.interval) }

// maxChanges is how many consecutive fetches for missing keys may bring new keys
// before further fetches are kept a second apart: if the nodes of an issuer publish
// different keys, every fetch brings new ones.
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
