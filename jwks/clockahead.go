package jwks

import "time"

// minClockAhead is the least difference between the clocks that Status.ClockAhead shows. Smaller
// differences can come from the resolution of Date and from the network.
const minClockAhead = 5 * time.Second

// minAgreed is the number of consecutive answers that must show the same difference as the answer
// before, once two answers have shown different ones.
const minAgreed = 3

// clockAhead is the value of Status.ClockAhead, and the time of the answer that shows it. In
// contrast to clocks, it must not take the age of a stored answer for a difference of the clocks,
// even if the HTTP cache sends no Age. So two answers must show the same difference, because the
// ages of two stored answers differ. A Date in the future needs no second answer: no stored answer
// comes from the future.
type clockAhead struct {
	ahead  time.Duration
	last   answerTimes // the last answer that was compared
	agreed int         // the number of consecutive answers that agreed
	varied bool        // whether two answers have shown different differences
}

// add adds an answer with a good key set.
func (c *clockAhead) add(t answerTimes) {
	if !t.dated {
		*c = clockAhead{}
		return
	}
	ahead, sure := t.clockAhead()
	before, sureBefore := c.last.clockAhead()
	switch {
	case sure && ahead < 0:
		c.ahead = ahead
	case c.last.dated && t.received.Sub(c.last.received) < minSpacing:
		return // the same stored answer may have arrived twice
	case c.last.dated && (ahead-before).Abs() > repeatSkew:
		c.ahead, c.agreed, c.varied = 0, 0, true
	case c.last.dated:
		c.agreed++
		if c.ahead = 0; sure && sureBefore && (c.agreed >= minAgreed || !c.varied) {
			c.ahead = min(ahead, before)
		}
	}
	c.last = t
}

// clockAhead returns the time by which the clock of this machine was ahead, if the answer was made
// when it was sent. It is negative if the clock was behind. The bool reports whether the difference
// is at least minClockAhead, whenever during the request the issuer wrote its Date.
func (t answerTimes) clockAhead() (ahead time.Duration, sure bool) {
	if !t.dated {
		return 0, false
	}
	const halfSecond = time.Second / 2 // the issuer truncates Date to seconds
	half := max(0, t.received.Sub(t.sent)) / 2
	ahead = t.behind() - half - halfSecond
	return ahead.Round(time.Second), ahead.Abs()-half-halfSecond >= minClockAhead
}

// now returns the value of Status.ClockAhead. If the wall clock of this machine was set since the
// last answer, or if the machine was suspended, the difference is unknown.
func (c *clockAhead) now(now time.Time) time.Duration {
	elapsed := now.Sub(c.last.received) // on the monotonic clock
	if jump := now.Round(0).Sub(c.last.received.Round(0)) - elapsed; jump.Abs() > repeatSkew {
		return 0
	}
	return c.ahead
}
