package jwks

import (
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

const (
	// revalidateAfter is the longest time between two unconditional requests that succeed, unless
	// MaxInterval is longer. A conditional request may be answered by an HTTP cache.
	revalidateAfter = time.Hour
	// minEmpties is the number of answers without a usable key after which the keys are dropped.
	minEmpties = 3
	// emptySpacing is the number of parts into which MaxInterval is divided. Of the answers
	// without a usable key that arrive within one part, only the first one counts. So an issuer
	// that has no keys for a few seconds while it starts withdraws nothing.
	emptySpacing = 8
	// emptyWaits is the number of refreshes in one MaxInterval after an answer without a usable key.
	emptyWaits = 4
	// repeatSkew is the largest difference between the ages of one stored answer that an HTTP
	// cache repeats. The field Age has a resolution of 1 s.
	repeatSkew = 2 * time.Second
)

// noUsableKeyError is the error for a valid key set without a key that can verify signatures. All other
// documents have other errors, so only such a key set withdraws keys.
type noUsableKeyError struct{ text string }

func (e *noUsableKeyError) Error() string { return "jwks: not a usable key set: " + e.text }

// judge has what the answers of the issuer say about the keys in use. The order of the answers is
// the order in which the issuer made them, because an HTTP cache may send an older answer later. Only
// Age says this. Date does not, because the replicas of an issuer may have different clocks.
// Only the refresher's goroutine writes the fields. The attempts of a poll read them, while this
// goroutine waits.
type judge struct {
	answered   bool      // whether an answer of the issuer was put in use since the start
	usableAt   time.Time // the arrival of the last answer with a usable key
	usableMade time.Time // the time at which the issuer made the newest answer with a usable key
	// emptyMade is the time at which the issuer made the newest answer without a usable key. It is
	// zero if a newer answer has a usable key.
	emptyMade time.Time
	empties   int       // the answers without a usable key that count
	countedAt time.Time // the arrival of the last of them
	withdrawn bool      // whether the keys were dropped, and no newer answer has a usable key
	validated time.Time // the start of the last unconditional request that succeeded

	usable, empty answerTimes // the last answer with a usable key, and the last one without
	clocks        clocks
	clockAhead    clockAhead
}

// unconditional reports whether the next request must bypass HTTP caches.
func (j *judge) unconditional(now time.Time, maxInterval time.Duration) bool {
	return !j.emptyMade.IsZero() || age(j.validated, now) >= revalidateAfter-maxInterval
}

// limit returns the time until the next refresh, for which wait is proposed.
func (j *judge) limit(wait, maxInterval time.Duration) time.Duration {
	if j.emptyMade.IsZero() {
		return wait
	}
	return min(wait, maxInterval/emptyWaits)
}

// restored tells j that stored keys are in use, which the issuer confirmed at the given time.
func (j *judge) restored(confirmedAt time.Time) { j.usableAt, j.usableMade = confirmedAt, confirmedAt }

// add tells j the result of a refresh. It reports whether the issuer has withdrawn its keys. This
// is so if no answer had a usable key for MaxInterval, and minEmpties answers without one count.
func (j *judge) add(done *outcome, maxInterval time.Duration) (withdrawn bool) {
	t := done.times
	at, made := t.received, t.made()
	j.clocks.add(t)
	if done.err == nil {
		j.answered = true
		j.clockAhead.add(t)
		if done.unconditional {
			j.validated = done.times.sent
		}
		if j.emptyMade.IsZero() || made.After(j.emptyMade) && !t.repeats(j.usable) {
			j.usable = t
			j.usableAt, j.withdrawn = at, false
			j.emptyMade, j.empties, j.countedAt = time.Time{}, 0, time.Time{}
		}
		if made.After(j.usableMade) {
			j.usableMade = made
		}
		return false
	}
	if !done.empty || !made.After(j.usableMade) {
		return false
	}
	repeated := t.stored && made.Sub(j.emptyMade) <= repeatSkew || t.repeats(j.empty)
	j.empty = t
	if made.After(j.emptyMade) {
		j.emptyMade = made
	}
	if done.unconditional && !repeated && (j.empties == 0 || at.Sub(j.countedAt) >= maxInterval/emptySpacing) {
		j.empties, j.countedAt = j.empties+1, at
	}
	return j.empties >= minEmpties && at.Sub(j.usableAt) >= maxInterval
}

// checkAge returns an error if the key set of the answer a must not be used, because an HTTP cache
// has stored it for too long. Otherwise it sets done.confirmedAt.
func (c *core) checkAge(done *outcome, a *answer) error {
	j, state, arrived := &c.refresher.judge, c.state.Load(), a.times.received
	if j.withdrawn && (!a.times.made().After(j.emptyMade) || a.times.repeats(j.usable)) {
		return errors.New("an HTTP cache answered with a key set from the time before the issuer withdrew its keys")
	}
	done.confirmedAt = a.times.confirmed(a.directives)
	if arrived.Sub(done.confirmedAt) < c.opts.MaxStale {
		if done.set == state.set && !state.oldAnswer && state.confirmedAt.After(done.confirmedAt) {
			done.confirmedAt = state.confirmedAt // an earlier answer has confirmed the same set later
		}
		return nil
	}
	old := fmt.Errorf("an HTTP cache answered with a key set that is older than Options.MaxStale: its age is %v", a.times.age.Round(time.Second))
	if a.times.byClock {
		old = fmt.Errorf("%w (its Date compared with the clock of this machine; check whether this clock and the clock of the issuer are correct)", old)
	}
	clock := a.times.byClock && a.times.unproven // the next answers show whether it is the clock
	switch {
	case !clock && (j.answered || a.directives.named()), c.usable(arrived) && !state.oldAnswer, c.usable(arrived) && !clock:
		return old
	case c.opts.RefuseOldAnswers:
		return fmt.Errorf("%w (Options.RefuseOldAnswers)", old)
	}
	done.oldAnswer, done.confirmedAt = true, arrived
	return nil
}

// withdraw drops the keys in use.
func (c *core) withdraw() {
	c.refresher.stale, c.refresher.judge.withdrawn = false, true
	c.state.Store(&snapshot{withdrawn: true, noSet: errWithdrawn, noKey: errWithdrawn})
}

var errWithdrawn error = &UnavailableError{RetryAfter: time.Second, Err: errors.New("the issuer has withdrawn its keys")}

// describeWithdrawn returns the error of lookups after the failed refresh done.
func (c *core) describeWithdrawn(err error) error {
	if !c.state.Load().withdrawn {
		return err
	}
	return fmt.Errorf("the issuer has withdrawn its keys: %w", err)
}

// reportWithdrawn writes a log record and sends an event after withdraw.
func (c *core) reportWithdrawn(err error) {
	c.opts.Logger.Error("jwks: keys unavailable: the issuer answers, but publishes no usable key any more",
		"issuer", c.name, "max_interval", c.opts.MaxInterval, "error", quote.Line(err.Error()))
	c.notify(Event{Kind: Withdrawn, Err: err})
}

// reportOldAnswer writes a log record after checkAge has accepted an old answer.
func (c *core) reportOldAnswer(t answerTimes) {
	age := t.age
	if t.byClock {
		c.opts.Logger.Warn("jwks: the first key set is older than Options.MaxStale, according to its Date and the clock of this machine. "+
			"If both clocks are correct, it comes from an HTTP cache, and it may lack new keys and contain withdrawn keys. "+
			"Check the clocks of this machine and of the issuer",
			"issuer", c.name, "age", age.Round(time.Second), "max_stale", c.opts.MaxStale)
		return
	}
	c.opts.Logger.Warn("jwks: the first key set comes from an HTTP cache and is older than Options.MaxStale. "+
		"It may lack new keys and contain withdrawn keys. Let the issuer send Cache-Control with max-age",
		"issuer", c.name, "age", age.Round(time.Second), "max_stale", c.opts.MaxStale)
}
