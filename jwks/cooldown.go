package jwks

import "time"

// coolDown is a rate limit. It allows maxAtOnce events without a pause, and then one event per
// interval. Unlike x/time/rate, coolDown has a method that removes an event from the
// count. A coolDown is not safe for concurrent use.
type coolDown struct {
	interval  time.Duration
	maxAtOnce int
	full      time.Time // from this time on, maxAtOnce events are allowed without a pause
}

// next returns the earliest time at which the limit allows an event.
func (c *coolDown) next(now time.Time) time.Time {
	if next := c.full.Add(-time.Duration(c.maxAtOnce-1) * c.interval); next.After(now) {
		return next
	}
	return now
}

// allow reports whether the limit allows an event now. If the result is true, allow counts
// the event.
func (c *coolDown) allow(now time.Time) bool {
	if c.next(now).After(now) {
		return false
	}
	c.take(now)
	return true
}

// isFull reports whether the limit allows maxAtOnce events without a pause.
func (c *coolDown) isFull(now time.Time) bool { return !c.full.After(now) }

// take counts an event now.
func (c *coolDown) take(now time.Time) {
	if c.full.Before(now) {
		c.full = now
	}
	c.full = c.full.Add(c.interval)
}

// refund removes the last event from the count.
func (c *coolDown) refund() { c.full = c.full.Add(-c.interval) }

// maxChanges is the largest number of consecutive fetches that bring new keys without a pause.
// After each further consecutive fetch that brings new keys, lookups cause no fetch for 1 s.
// This limit is needed because every fetch may bring new keys if the servers of an issuer
// publish different keys.
const maxChanges = 10

// streak counts consecutive events. Two events are consecutive if the time between them is
// at most the argument maxGap of add.
type streak struct {
	n    int
	last time.Time
}

// add counts an event at the time now and returns the number of consecutive events.
func (s *streak) add(now time.Time, maxGap time.Duration) int {
	if now.Sub(s.last) > maxGap {
		s.n = 0
	}
	s.n, s.last = s.n+1, now
	return s.n
}
