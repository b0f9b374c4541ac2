package jwks

import (
	"context"
	"errors"
	"time"
)

// refresher is the state of the refresher's goroutine. Only this goroutine puts fetched key
// sets in use, so a late response cannot replace a newer response.
type refresher struct {
	pollState
	where    locator
	judge    judge
	failures int  // the number of consecutive failures
	stale    bool // whether the event WentStale was sent for the set in use

	wrongAnswers int       // the number of consecutive failures in which the issuer answered; see wrongAddress
	hadKeys      bool      // whether a refresh has succeeded
	logged       time.Time // the time of the last log record of a failure

	wasUsed    bool // whether a cache with Options.OnDemand was used since the start
	mayRestore bool // whether the Store is read if the next fetch fails
}

// outcome is the result of one refresh.
type outcome struct {
	set         *Set // nil if err is not nil
	notModified bool
	fresh       time.Duration // the time for which the response is fresh, from its header
	err         error
	rejected    bool      // whether the issuer sent a document that is not a usable key set
	foundURL    bool      // whether the fetch found the URL of the key set, which was unknown before
	retryAt     time.Time // the time until which the issuer wants no request; zero if it names none

	times         answerTimes // zero if there is no response, or no response with a document
	confirmedAt   time.Time   // the time from which Options.MaxStale counts; zero if err is not nil
	unconditional bool        // whether the request had to bypass HTTP caches
	empty         bool        // whether the document is a valid key set without a usable key
	oldAnswer     bool        // whether the set is older than MaxStale and is put in use nevertheless
	withdrew      bool        // whether the keys were dropped because of this answer

	inFlight time.Duration // the time of the requests
	size     int           // the number of bytes that were read

	cause        context.Context //nolint:containedctx // the cause of the flight
	took         time.Duration
	failedBefore int // the number of consecutive failures before this refresh
}

// run is the body of the refresher's goroutine.
func (c *core) run() {
	defer close(c.ended)
	defer c.opts.Limits.leave()
	defer c.reportAbandoned()
	if c.opts.Store != nil && c.opts.OnDemand == 0 {
		c.restore()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if c.ctx.Err() != nil || !c.awaitDemand() {
			return
		}
		c.reportStale()
		due := c.nextFetch(time.Now())
		if !due.After(time.Now()) {
			c.schedule(c.refresh())
			continue
		}
		timer.Reset(min(time.Until(c.wakeTime(due)), maxTick))
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.ctx.Done():
		}
	}
}

// maxTick is the longest time between two readings of the wall clock. Timers of Go stop while the
// machine is suspended, so a refresh that became due during this time begins at most maxTick after
// the machine continues.
const maxTick = 5 * time.Second

// schedule sets the start time of the next scheduled refresh.
func (c *core) schedule(next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scheduled = deadline{next.Sub(c.epoch), next.UnixNano()}
}

// nextFetch returns the start time of the next fetch. It returns now if the scheduled refresh is
// due on at least one of the two clocks. The queued fetch may begin earlier.
func (c *core) nextFetch(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := now
	if !c.reached(c.scheduled, now) {
		next = c.epoch.Add(c.scheduled.sinceEpoch)
	}
	if f := c.queued; f != nil && f.due.Before(next) {
		return f.due
	}
	return next
}

// wakeTime returns the earlier of two times: due, and the time when the set becomes too old.
// If reportStale has reported the set, wakeTime returns due.
func (c *core) wakeTime(due time.Time) time.Time {
	if now := c.state.Load(); now.set != nil && !c.refresher.stale {
		if end := c.epoch.Add(now.until.sinceEpoch); end.Before(due) {
			return end
		}
	}
	return due
}

// reportStale writes a log record and sends an event when the set has become too old. It
// reports each set only once.
func (c *core) reportStale() {
	if c.refresher.stale || c.state.Load().set == nil || c.usable(time.Now()) {
		return
	}
	c.refresher.stale = true
	c.pullForward(time.Now())
	c.opts.Logger.Error("jwks: keys unavailable: the last good key set is older than Options.MaxStale",
		"issuer", c.name, "max_stale", c.opts.MaxStale)
	c.notify(Event{Kind: WentStale})
}

// refresh makes one fetch and returns the time of the next scheduled refresh.
func (c *core) refresh() time.Time {
	first := c.acquirePermit()
	if first == nil {
		return time.Time{} // the cache was closed
	}
	f := c.begin()
	c.countPostponed(f)
	previous := c.state.Load().set
	if c.refresher.judge.unconditional(time.Now(), c.opts.MaxInterval) {
		f.unconditional = true
	}
	done := c.poll(first, f)
	if c.ctx.Err() != nil {
		return time.Time{} // the fetch failed because the cache was closed
	}
	done.cause, done.took, done.failedBefore = f.cause, time.Since(f.began), c.refresher.failures
	c.opts.Limits.record(&c.share, done.err, done.inFlight, done.size)
	if c.refresher.judge.add(&done, c.opts.MaxInterval) && previous != nil {
		done.withdrew = true
		c.withdraw()
	}
	c.restoreAfterFailure(done.err)
	var wait time.Duration
	if done.err == nil {
		c.refresher.failures, c.refresher.stale, c.refresher.hadKeys = 0, false, true
		wait = c.opts.untilRefresh(done.fresh)
		c.publish(&done, nil)
	} else {
		c.refresher.failures++
		var retry time.Duration
		wait, retry = c.pause(done)
		c.publish(&done, &UnavailableError{RetryAfter: wholeSeconds(retry), Err: c.describeWithdrawn(done.err)})
	}
	if done.retryAt.IsZero() {
		wait = c.refresher.judge.limit(wait, c.opts.MaxInterval)
	}
	next := time.Now().Add(wait)
	c.finish(f, done, newKeys(previous, done.set), next)
	c.report(previous, done, wait)
	c.save(&done)
	return next
}

// begin makes the queued fetch the running fetch. If no fetch is queued, begin creates a
// fetch.
func (c *core) begin() *flight {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.queued
	if f == nil {
		f = &flight{due: now, done: make(chan struct{})}
	}
	f.began = now
	c.queued, c.running = nil, f
	c.history.lastAttempt = now
	c.history.fetches++
	return f
}

// finish ends the flight f. It must be called after publish. The argument broughtKey is true if
// f brought a new key.
func (c *core) finish(f *flight, done outcome, broughtKey bool, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	f.err = done.err
	c.running = nil
	c.history.lastError = done.err
	c.history.failures = c.refresher.failures
	c.history.next = next
	c.history.url = redact(c.refresher.where.url)
	switch {
	case done.err != nil:
		c.history.failed++
		if done.rejected {
			c.history.rejected++
		}
	case done.notModified:
		c.history.notModified++
	default:
		c.history.refreshed++
	}
	if done.err == nil {
		c.held.Store(nil)
		c.history.lastSuccess = f.began
		c.history.restored = false
		c.history.clockAhead = c.refresher.judge.clockAhead
		c.answers = answers{f.questions, f.began}
		if f.counted && broughtKey {
			c.misses.refund()
			if c.changes.add(f.began, c.opts.CoolDown) > maxChanges {
				c.held.Store(&holds{withKeys: time.Now().Add(minPause)})
			}
		}
	}
}

// publish puts the set of the refresh done in use. If fault is not nil, the refresh failed. In
// this case, the set in use stays in use, and lookups that find no key return fault.
func (c *core) publish(done *outcome, fault *UnavailableError) {
	next := *c.state.Load()
	if fault != nil {
		next.noSet, next.noKey = fault, fault
	} else {
		next = snapshot{
			set: done.set, until: c.deadline(done.confirmedAt), noSet: errTooOld, noKey: ErrUnknownKey,
			confirmedAt: done.confirmedAt, oldAnswer: done.oldAnswer,
		}
	}
	c.state.Store(&next)
}

var errTooOld error = &UnavailableError{RetryAfter: time.Second, Err: errors.New("the last good key set is older than Options.MaxStale")}

// newKeys reports whether the set current has a key that the set previous does not have.
func newKeys(previous, current *Set) bool {
	if current == nil || previous == current {
		return false
	}
	for _, key := range current.keys {
		if previous == nil || previous.byIdentity[key.identity] == nil {
			return true
		}
	}
	return false
}
