package jwks

import (
	"context"
	"errors"
	"time"
)

// refresher is the state of the one goroutine that fetches. One goroutine makes
// fetches single and ordered: a late answer cannot replace a newer one.
type refresher struct {
	pollState
	failures int  // consecutive
	stale    bool // WentStale was sent for the set in use
}

// outcome is the result of one refresh.
type outcome struct {
	set         *Set // nil if err is not
	notModified bool
	fresh       time.Duration // how long the answer says that it is fresh
	err         error
	rejected    bool // the issuer answered, with a document that is no usable set

	cause        context.Context //nolint:containedctx // that of the flight
	took         time.Duration
	failedBefore int // consecutive failures before this refresh
}

// run is the refresher's goroutine.
func (c *Cache) run() {
	defer close(c.ended)
	if c.opts.Store != nil {
		c.restore()
	}
	var next time.Time // of the refresh that nobody asks for
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

// due returns when the next fetch begins: at next, the scheduled refresh, or when
// the queued fetch is due if that is sooner.
func (c *Cache) due(next time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.queued; f != nil && f.due.Before(next) {
		next = f.due
	}
	return next
}

// alarm returns due, or when the set becomes too old if that is sooner.
func (c *Cache) alarm(due time.Time) time.Time {
	if now := c.state.Load(); now.set != nil && !c.refresher.stale {
		if end := c.epoch.Add(now.until.sinceEpoch); end.Before(due) {
			return end
		}
	}
	return due
}

// noticeStale reports once that the set has become too old.
func (c *Cache) noticeStale() {
	if c.refresher.stale || c.state.Load().set == nil || c.usable(time.Now()) {
		return
	}
	c.refresher.stale = true
	c.opts.Logger.Error("jwks: keys unavailable: the last good key set is older than Options.MaxStale",
		"issuer", c.name, "max_stale", c.opts.MaxStale)
	c.notify(Event{Kind: WentStale})
}

// refresh makes one fetch and returns when the next is due.
func (c *Cache) refresh() time.Time {
	f := c.begin()
	before := c.state.Load().set
	done := c.poll(f.doubt)
	if c.ctx.Err() != nil {
		return time.Time{} // closed: not the issuer's failure, and nobody waits
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

// pause returns how long the refresher waits after a failure, and after how long
// at most a lookup may cause a fetch before that.
//
// The refresher heeds a Retry-After. Lookups do for a CoolDown at most, so that a
// new key is still found within that time, and not at all while there is no
// usable set: each of them is a request that would be refused, and the first one
// after the issuer's return is to be served. That is one fetch per second then.
func (c *Cache) pause(err error) (wait, retry time.Duration) {
	wait = backoff(c.refresher.failures)
	var asked time.Duration
	if status, ok := errors.AsType[*statusError](err); ok {
		asked = status.retry
	}
	wait = max(wait, asked)
	if !c.usable(time.Now()) {
		return wait, min(wait, minPause)
	}
	c.mu.Lock()
	c.heldUntil = time.Now().Add(min(asked, c.opts.CoolDown))
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

// finish ends a flight, after publish. worthwhile says that it brought a new key.
func (c *Cache) finish(f *flight, done outcome, worthwhile bool, next time.Time) {
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
		if f.counted && worthwhile {
			c.misses.refund()
			if c.changes.add(f.began, c.opts.CoolDown) > maxChanges {
				c.heldUntil = time.Now().Add(minPause)
			}
		}
	}
}

// publish makes set, confirmed at that time, the one in use. If fault is not nil, it
// keeps the set and makes fault the answer to lookups that find no key.
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
		if before == nil || before.known[key.identity] == nil {
			return true
		}
	}
	return false
}
