package jwks

import (
	"context"
	"errors"
	"time"
)

// refresher is what belongs to the one goroutine that fetches. That it is one
// makes fetches single and ordered: a late answer cannot replace a newer one.
type refresher struct {
	findings
	failures int  // in a row
	stale    bool // it has been told that the set is too old
}

// outcome is what one refresh came to.
type outcome struct {
	set         *Set // nil if err
	notModified bool
	fresh       time.Duration
	err         error
	rejected    bool // err is about the document, which came

	cause        context.Context //nolint:containedctx // as that of the flight
	took         time.Duration
	failedBefore int // how many times in a row
}

// run is the refresher.
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
		case <-c.poke:
		case <-c.ctx.Done():
		}
	}
}

// due returns when the next fetch begins, given when that which nobody asks for
// does.
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
	if now := c.state.Load(); now.set != nil && !c.own.stale {
		if end := c.epoch.Add(now.until.sinceEpoch); end.Before(due) {
			return end
		}
	}
	return due
}

// noticeStale says once that the set has become too old.
func (c *Cache) noticeStale() {
	if c.own.stale || c.state.Load().set == nil || c.usable(time.Now()) {
		return
	}
	c.own.stale = true
	c.opts.Logger.Error("jwks: keys unavailable: the last good key set is older than Options.MaxStale",
		"issuer", c.name, "max_stale", c.opts.MaxStale)
	c.notify(Event{Kind: WentStale})
}

// refresh makes one fetch and returns when the next is due.
func (c *Cache) refresh() time.Time {
	f := c.begin()
	before := c.state.Load().set
	done := c.ask(f.doubt)
	if c.ctx.Err() != nil {
		return time.Time{} // closed: not the issuer's failure, and nobody waits
	}
	done.cause, done.took, done.failedBefore = f.cause, time.Since(f.began), c.own.failures
	var wait time.Duration
	if done.err == nil {
		c.own.failures, c.own.stale = 0, false
		wait = c.opts.untilRefresh(done.fresh)
		c.publish(done.set, f.began, nil)
	} else {
		c.own.failures++
		var retry time.Duration
		wait, retry = c.pause(done.err)
		c.publish(nil, f.began, &UnavailableError{RetryAfter: wholeSeconds(retry), Err: done.err})
	}
	next := time.Now().Add(wait)
	c.finish(f, done, newKeys(before, done.set), next)
	c.tell(before, done, wait)
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
	wait = backoff(c.own.failures)
	var asked time.Duration
	if status, ok := errors.AsType[*statusError](err); ok {
		asked = status.retry
	}
	wait = max(wait, asked)
	if !c.usable(time.Now()) {
		return wait, min(wait, minPause)
	}
	c.mu.Lock()
	c.hold = time.Now().Add(min(asked, c.opts.CoolDown))
	c.mu.Unlock()
	return wait, min(wait, c.opts.CoolDown)
}

// begin makes the queued fetch, or a new one, the running one.
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
	c.report.lastAttempt = now
	c.report.fetches++
	return f
}

// finish ends a flight. What it brought has been published.
func (c *Cache) finish(f *flight, done outcome, worthwhile bool, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	f.err = done.err
	c.running = nil
	c.report.lastError = done.err
	c.report.failures = c.own.failures
	c.report.next = next
	c.report.url = redact(c.own.where.url)
	switch {
	case done.err != nil:
		c.report.failed++
		if done.rejected {
			c.report.rejected++
		}
	case done.notModified:
		c.report.notModified++
	default:
		c.report.refreshed++
	}
	if done.err == nil {
		c.hold = time.Time{}
		c.report.lastSuccess = f.began
		c.report.restored = false
		if f.counted && worthwhile {
			c.misses.giveBack()
			if c.changes.add(f.began, c.opts.CoolDown) > maxChanges {
				c.hold = time.Now().Add(minPause)
			}
		}
	}
}

// publish makes a confirmed set the one in use, or says what is wrong.
func (c *Cache) publish(set *Set, confirmed time.Time, fault *UnavailableError) {
	next := *c.state.Load()
	if fault != nil {
		next.down, next.miss = fault, fault
	} else {
		next = snapshot{set: set, until: c.deadline(confirmed), down: errTooOld, miss: ErrUnknownKey}
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
