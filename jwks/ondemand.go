package jwks

import (
	"crypto/sha256"
	"time"
)

// idle is the state of an idle cache. Such a cache has no keys, sends no requests and waits for the
// first lookup.
var idle = &snapshot{noSet: errIdle, noKey: errIdle, idle: true} //nolint:gochecknoglobals // never changed

// touch records a use of the cache. It writes at most eight times per Options.OnDemand, because
// many goroutines use a cache at the same time.
func (c *core) touch(now time.Time) {
	d := now.Sub(c.epoch)
	if last := time.Duration(c.used.Load()); d-last >= c.opts.OnDemand/8 {
		c.used.Store(int64(d))
	}
}

// forget makes the cache idle if it was not used for Options.OnDemand, and reports whether it is
// idle. Only the refresher calls forget.
func (c *core) forget() bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queued != nil || c.waiting.Load() > 0 {
		return false
	}
	if c.state.Load().idle {
		return true
	}
	// The last use may be later than c.used by an eighth; see touch.
	if unused := now.Sub(c.epoch) - time.Duration(c.used.Load()); unused < c.opts.OnDemand+c.opts.OnDemand/8 {
		return false
	}
	c.state.Store(idle)
	c.scheduled = deadline{}
	c.history.lastSuccess, c.history.next, c.history.restored = time.Time{}, time.Time{}, false
	c.history.lastError, c.history.failures = nil, 0
	r := &c.refresher
	r.failures, r.stale = 0, false
	r.have, r.digest, r.document, r.fetchedFrom = validators{}, [sha256.Size]byte{}, nil, ""
	return true
}

// awaitDemand waits until a lookup or Refresh asks an idle cache for keys. It returns false if the
// cache is closed.
func (c *core) awaitDemand() bool {
	if c.opts.OnDemand == 0 {
		return true
	}
	for c.forget() {
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			return false
		}
	}
	if c.state.Load().idle {
		c.touch(time.Now()) // Refresh, too, uses the cache
		c.state.CompareAndSwap(idle, &snapshot{noSet: errNoAnswer, noKey: errNoAnswer})
		r := &c.refresher
		if r.wasUsed {
			r.mayRestore = c.opts.Store != nil
		} else if c.opts.Store != nil {
			c.readStore()
		}
		r.wasUsed = true
	}
	return c.ctx.Err() == nil
}

// restoreAfterFailure reads the Store after the first fetch of a cache that was idle, if this fetch
// has failed. Before, the Store might bring back keys that the issuer has withdrawn meanwhile.
func (c *core) restoreAfterFailure(err error) {
	r := &c.refresher
	switch {
	case err == nil, c.state.Load().set != nil:
		r.mayRestore = false
	case !r.mayRestore:
	case r.judge.withdrawn: // saving this may have failed
		r.mayRestore = false
		c.withdraw()
	case c.saver.isIdle():
		r.mayRestore = false
		c.readStore()
	}
}
