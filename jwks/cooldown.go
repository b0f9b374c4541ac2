package jwks

import "time"

// coolDown lets burst events through at once and then one per interval. It is a
// leaky bucket as a single point in time. (x/time/rate keeps what was taken; an
// event here that proves worth its while is given back.) It is not safe for
// concurrent use.
type coolDown struct {
	interval time.Duration
	burst    int
	full     time.Time // when all of burst will be there again
}

// take reports whether an event may happen now, and counts it if so.
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

// giveBack takes the last event out of the count.
func (c *coolDown) giveBack() { c.full = c.full.Add(-c.interval) }

// maxChanges is how many fetches for keys that are not in the set may bring new
// ones, each soon after the last, before they are kept a second apart: the nodes
// of an issuer that publish different keys have new ones for every fetch.
const maxChanges = 10

// streak is how many events there were, each soon after the last.
type streak struct {
	n    int
	last time.Time
}

func (s *streak) add(now time.Time, soon time.Duration) int {
	if now.Sub(s.last) > soon {
		s.n = 0
	}
	s.n, s.last = s.n+1, now
	return s.n
}
