package jwks

import "time"

// Readiness is the part of [Status] that readiness checks need. In contrast to Status, it
// contains no slices.
type Readiness struct {
	// Ready, Stale and Restored are the fields of Status with these names.
	Ready, Stale, Restored bool
	// LastSuccess is Status.LastSuccess.
	LastSuccess time.Time
	// Age is Status.Age.
	Age time.Duration
	// Keys is the number of usable keys.
	Keys int
}

// ReadinessAt returns the current readiness of the cache. It does not read the clock. The
// argument now must be an unchanged result of time.Now, because ReadinessAt uses both the wall
// clock reading and the monotonic clock reading. ReadinessAt takes less than 100 ns and
// allocates no memory, so it suits handlers that answer requests without a token.
func (c *Cache) ReadinessAt(now time.Time) Readiness {
	state := c.state.Load()
	c.mu.Lock()
	r := Readiness{Restored: c.history.restored, LastSuccess: c.history.lastSuccess}
	c.mu.Unlock()
	if !r.LastSuccess.IsZero() {
		r.Age = age(r.LastSuccess, now)
	}
	if state.set != nil {
		r.Ready = !c.reached(state.until, now)
		r.Stale = !r.Ready
		r.Keys = len(state.set.keys)
	}
	return r
}

// age returns the time from the time last to the time now. The longer time counts, because the
// monotonic clock stops while the machine is suspended, and the wall clock may be set back. The
// result is 0 if last is after now, because a refresh began after the caller read the clock.
func age(last, now time.Time) time.Duration {
	return max(0, now.Sub(last), now.Round(0).Sub(last))
}
