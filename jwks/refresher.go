package jwks

import (
	"context"
	"errors"
	"time"
)

// refresher is the state of the refresher's goroutine. Only this goroutine refreshes the
// key set, so that a late response cannot replace a newer response.
type refresher struct {
	pollState
	failures int  // consecutive failures
	stale    bool // WentStale was sent for the set in use
}

// outcome is the result of one refresh.
type outcome struct {
	set         *Set // nil if err is not nil
	notModified bool
	fresh       time.Duration // how long the response is fresh, by its header
	err         error
	rejected    bool // the issuer answered, but with a document that is not a usable key set

	cause        context.Context //nolint:containedctx // copied from the flight
	took         time.Duration
	failedBefore int // consecutive failures before this refresh
}

// run is the body of the refresher's goroutine.
func (c *Cache) run() {
	defer close(c.ended)
	if c.opts.Store != nil {
		c.restore()
	}
	var next time.Time // when the scheduled refresh begins
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if c.ctx.Err() != nil {
			return
		}
		c.noticeStale()
		due := c.due(next)
		if !due.After(time.Now()) {
			next = c.refresh()
			continue
		}
		timer.Reset(time.Until(c.alarm(due)))
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.ctx.Done():
		}
	}
}

// due returns when the next fetch begins: at next, the time of the scheduled refresh, or
// when the queued fetch is due, if that is sooner.
func (c *Cache) due(next time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.queued; f != nil && f.due.Before(next) {
		next = f.due
	}
	return next
}

// alarm returns due, or the time when the set becomes too old, if that is sooner.
func (c *Cache) alarm(due time.Time) time.Time {
	if now := c.state.Load(); now.set != nil && !c.refresher.stale {
		if end := c.epoch.Add(now.until.sinceEpoch); end.Before(due) {
			return end
		}
	}
	return due
}

// noticeStale reports, once, that the set has become too old.
func (c *Cache) noticeStale() {
	if c.refresher.stale || c.state.Load().set == nil || c.usable(time.Now()) {
		return
	}
	c.refresher.stale = true
	c.opts.Logger.Error("jwks: keys unavailable: the last good key set is older than Options.MaxStale",
		"issuer", c.name, "max_stale", c.opts.MaxStale)
	c.notify(Event{Kind: WentStale})
}

// refresh makes one fetch and returns when the next one is due.
func (c *Cache) refresh() time.Time {
	f := c.begin()
	before := c.state.Load().set
	done := c.poll(f.unconditional)
	if c.ctx.Err() != nil {
		return time.Time{} // the cache was closed: this is not a failure of the issuer
	}
	done.cause, done.took, done.failedBefore = f.cause, time.Since(f.began), c.refresher.failures
	var wait time.Duration
	if done.err == nil {
		c.refresher.failures, c.refresher.stale = 0, false
		wait = c.opts.untilRefresh(done.fresh)
		c.publish(done.set, f.began, nil)
	} else {
		c.refresher.failures++
		var retry time.Duration
		wait, retry = c.pause(done.err)
		c.publish(nil, f.began, &UnavailableError{RetryAfter: wholeSeconds(retry), Err: done.err})
	}
	next := time.Now().Add(wait)
	c.finish(f, done, newKeys(before, done.set), next)
	c.report(before, done, wait)
	if done.err == nil {
		c.save(f.began)
	}
	return next
}

// pause returns two durations after a failure. wait is how long the refresher pauses.
// retry is the longest time until a lookup may cause a fetch.
//
// The refresher obeys Retry-After. Lookups obey it for one CoolDown at most, so that a new
// key is still found within a CoolDown. While there is no usable set, lookups ignore
// Retry-After and cause one fetch per second: all requests fail, and the first request
// after the issuer's return must be served.
func (c *Cache) pause(err error) (wait, retry time.Duration) {
	wait = backoff(c.refresher.failures)
	var requested time.Duration
	if status, ok := errors.AsType[*statusError](err); ok {
		requested = status.retry
	}
	wait = max(wait, requested)
	if !c.usable(time.Now()) {
		return wait, min(wait, minPause)
	}
	c.mu.Lock()
	c.heldUntil = time.Now().Add(min(requested, c.opts.CoolDown))
	c.mu.Unlock()
	return wait, min(wait, c.opts.CoolDown)
}

// begin makes the queued fetch, or a new one, the running fetch.
func (c *Cache) begin() *flight {
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

// finish ends the flight f, after publish. broughtKey reports that f brought a new key.
func (c *Cache) finish(f *flight, done outcome, broughtKey bool, next time.Time) {
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
		c.heldUntil = time.Time{}
		c.history.lastSuccess = f.began
		c.history.restored = false
		if f.counted && broughtKey {
			c.misses.refund()
			if c.changes.add(f.began, c.opts.CoolDown) > maxChanges {
				c.heldUntil = time.Now().Add(minPause)
			}
		}
	}
}

// publish puts set in use. The issuer confirmed the set at the time confirmed. If fault is
// not nil, the refresh failed: publish keeps the set in use, and lookups that find no key
// return fault from now on.
func (c *Cache) publish(set *Set, confirmed time.Time, fault *UnavailableError) {
	next := *c.state.Load()
	if fault != nil {
		next.noSet, next.noKey = fault, fault
	} else {
		next = snapshot{set: set, until: c.deadline(confirmed), noSet: errTooOld, noKey: ErrUnknownKey}
	}
	c.state.Store(&next)
}

var errTooOld error = &UnavailableError{RetryAfter: time.Second, Err: errors.New("the last good key set is older than Options.MaxStale")}

// newKeys reports whether after has a key that before does not have.
func newKeys(before, after *Set) bool {
	if after == nil || before == after {
		return false
	}
	for _, key := range after.keys {
		if before == nil || before.byIdentity[key.identity] == nil {
			return true
		}
	}
	return false
}
