package jwks

import (
	"context"
	"errors"
	"time"
)

const (
	// maxWait is the longest time that a lookup waits for a fetch. With a usable set, it
	// counts from the start of the fetch: while an issuer hangs, the first lookups wait,
	// and later lookups do not. The documented limit is 2 s, because goroutines wake late
	// on a busy machine.
	maxWait = 1800 * time.Millisecond
	// maxWaiting is how many goroutines may wait for a fetch at the same time.
	maxWaiting = 10_000
	// minPause is the time between fetches that lookups cause while there is no
	// usable set.
	minPause = time.Second
)

// flight is one fetch. It exists from the time when a lookup, Refresh or the refresher
// requests the fetch until the fetch ends.
type flight struct {
	due     time.Time // the fetch does not begin before this time
	began   time.Time // guarded by Cache.mu; zero until the fetch begins
	counted bool      // the fetch counts against the cool-down
	local   bool      // the flight sends no request: it reads the Store, or has ended
	// unconditional makes the request bypass HTTP caches: a key is missing, or Refresh was
	// called.
	unconditional bool
	// cause has the values of the context of the lookup that requested the fetch. It is
	// nil if no lookup requested the fetch. It is set before the fetch begins.
	cause context.Context //nolint:containedctx // a fetch outlives the lookup that requested it
	done  chan struct{}   // closed when the fetch ends
	err   error           // valid after done
}

// Key is like [Cache.Lookup], but if Lookup finds no key, Key fetches the key set and waits
// for the result. The wait ends with ctx, and after 2 s at most. Concurrent callers share
// one fetch. If a caller's ctx ends, the fetch continues. At most 10,000 goroutines wait;
// further callers get the error immediately.
//
// While there is a usable set, the 2 s count from the start of the fetch, and
// Options.CoolDown limits the fetches: if the limit is reached, Key returns immediately.
// While there is no usable set, the issuer is queried once per second.
//
// The keys in tried are those under which the token's signature did not verify: the issuer
// may have published new material under the same id. Key returns only keys that are not in
// tried. If a usable set has no other key, the error is ErrUnknownKey, even if the refresh
// failed: the key that the token names did not sign the token.
//
// Call Key only for tokens that are valid apart from the key: an expired token, or a token
// of another issuer, must not cause a fetch. The errors are those of Lookup, and ctx.Err().
func (c *Cache) Key(ctx context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	seen, start := c.state.Load(), time.Now()
	keys, err := c.pick(kid, alg, tried, start)
	if err == nil || !c.fetchCanHelp(kid, alg, tried) {
		return keys, err
	}
	now := start // the clock is read once per round: this is most of the cost of a denied lookup
	for range 3 {
		f, limit := c.demand(ctx, now, start, seen, len(tried) > 0)
		if f == nil {
			return nil, err
		}
		waited := c.wait(ctx, f, limit)
		seen, now = c.state.Load(), time.Now()
		if keys, err = c.pick(kid, alg, tried, now); err == nil {
			return keys, nil
		}
		switch {
		case errors.Is(waited, errSlow) && len(tried) > 0 && c.usable(now):
			return nil, ErrUnknownKey
		case errors.Is(waited, errSlow) && errors.Is(err, ErrUnavailable):
			return nil, err // err has the cause; waited reports only that the fetch is slow
		case waited != nil:
			return nil, waited
		case f.local:
		case !c.beganBefore(f, start), f.err != nil && c.usable(now):
			return nil, err
		}
		// The fetch began before this lookup, so its response may be older than the
		// key, or than the issuer's return. The next round waits for a newer fetch.
	}
	return nil, err
}

// pick is LookupAt, but leaves out the keys in tried. If a usable set has no other key,
// the error is ErrUnknownKey.
func (c *Cache) pick(kid, alg string, tried []*Key, now time.Time) ([]*Key, error) {
	keys, err := c.LookupAt(kid, alg, now)
	if len(tried) == 0 {
		return keys, err
	}
	if keys = untried(keys, tried); len(keys) > 0 {
		return keys, nil
	}
	if c.usable(now) {
		err = ErrUnknownKey
	}
	return nil, err
}

// fetchCanHelp reports whether a newer set can have the key that was not found.
func (c *Cache) fetchCanHelp(kid, alg string, tried []*Key) bool {
	if algorithmOf(alg) == noAlgorithm {
		return false
	}
	now := c.state.Load()
	return kid != "" || len(tried) > 0 || now.set == nil || !now.set.ambiguous(alg)
}

// beganBefore reports whether f began before the time t.
func (c *Cache) beganBefore(f *flight, t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.began.Before(t)
}

// demand returns the fetch to wait for, and until when to wait. The fetch is nil if the
// limit on fetches was reached; otherwise it is the fetch in flight, the queued fetch, or
// a new fetch. If the snapshot seen is no longer current, demand returns a flight that has
// ended, so that the caller repeats its lookup. start is when the lookup began.
// badSignature reports that the set has keys with the token's kid, but that none of them
// verifies the signature.
func (c *Cache) demand(ctx context.Context, now, start time.Time, seen *snapshot, badSignature bool) (*flight, time.Time) {
	c.mu.Lock()
	// A fetch ends under c.mu, after it has published its set. So if seen is current, a
	// fetch that brings a newer set has not ended, and join returns it.
	if c.state.Load() != seen {
		c.mu.Unlock()
		ended := make(chan struct{})
		close(ended)
		return &flight{local: true, done: ended}, now
	}
	usable := c.usable(now)
	f, fresh := c.join(now, usable)
	if f != nil && f.cause == nil && f.began.IsZero() {
		f.cause = context.WithoutCancel(ctx)
	}
	limit := start.Add(maxWait)
	if f != nil && !f.began.IsZero() && !f.local && usable {
		limit = f.began.Add(min(maxWait, limit.Sub(f.began)))
	}
	var toLog denied
	if f == nil {
		toLog = c.denied.count(now, badSignature)
		c.history.denied++
	} else if fresh && usable {
		c.history.missFetches++
	}
	c.mu.Unlock()
	switch {
	case f == nil:
		c.notify(Event{Kind: MissDenied})
		if toLog != (denied{}) {
			c.opts.Logger.WarnContext(ctx, "jwks: Options.CoolDown denied fetches for tokens that no published key verifies",
				"issuer", c.name, "unknown_kid", toLog.unknownID, "bad_signature", toLog.badSignature)
		}
	case fresh && usable:
		c.notify(Event{Kind: MissFetch})
	}
	return f, limit
}

// join returns the fetch that demand returns, and whether it is a new fetch. The caller
// holds c.mu.
func (c *Cache) join(now time.Time, usable bool) (f *flight, fresh bool) {
	switch {
	case c.running != nil:
		return c.running, false
	case c.queued != nil:
		return c.queued, false
	case usable && now.Before(c.heldUntil):
		return nil, false
	case usable && !c.misses.take(now):
		return nil, false
	}
	due := now
	if !usable {
		// The fetch begins within 1 s, so that the lookup can wait for its end: the first
		// request after the issuer's return must be served.
		if next := c.history.lastAttempt.Add(minPause); next.After(due) {
			due = next
		}
	}
	f = c.enqueue(due)
	f.unconditional, f.counted = true, usable
	return f, true
}

// enqueue queues a fetch for the time due, or moves the queued fetch there if due is
// sooner. The caller holds c.mu.
func (c *Cache) enqueue(due time.Time) *flight {
	if c.queued == nil {
		c.queued = &flight{due: due, done: make(chan struct{})}
	} else if due.Before(c.queued.due) {
		c.queued.due = due
	}
	select {
	case c.wake <- struct{}{}:
	default: // a wake-up is pending: after it, the refresher reads the queue
	}
	return c.queued
}

// errSlow is the error of a lookup that waited for maxWait, or that did not wait because
// too many goroutines wait.
var errSlow error = &UnavailableError{RetryAfter: wholeSeconds(maxWait), Err: errors.New("the issuer has not answered in time")}

// wait waits until f has ended, but not after limit. It returns nil if f has ended.
func (c *Cache) wait(ctx context.Context, f *flight, limit time.Time) error {
	left := time.Until(limit)
	select {
	case <-f.done:
		return nil
	default:
		if left <= 0 || c.waiting.Load() >= maxWaiting {
			return errSlow
		}
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-f.done:
		return nil
	case <-timer.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return errClosed
	}
}

// deniedLog limits the log records about denied lookups to one a minute.
type deniedLog struct {
	denied
	last time.Time // when the last record was written
}

// denied counts the lookups that caused no fetch because of the limit on fetches.
type denied struct {
	unknownID    int // the set has no key with the token's kid
	badSignature int // no key with the token's kid verifies the signature
}

// count counts one lookup. Once a minute, it returns the counts to log; otherwise it
// returns zeros.
func (d *deniedLog) count(now time.Time, badSignature bool) (toLog denied) {
	if badSignature {
		d.badSignature++
	} else {
		d.unknownID++
	}
	if now.Sub(d.last) < time.Minute {
		return toLog
	}
	toLog, d.denied, d.last = d.denied, denied{}, now
	return toLog
}
