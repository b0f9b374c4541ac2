package jwks

import (
	"context"
	"errors"
	"time"
)

const (
	// maxWait is the longest that a lookup waits. Where there is a set it counts from
	// the start of the fetch: an issuer that hangs costs those who come early 2 s once,
	// and later ones nothing. A tenth of that is left for a busy machine to notice that
	// it is over.
	maxWait = 1800 * time.Millisecond
	// maxWaiting bounds how many goroutines wait at once.
	maxWaiting = 10_000
	// minPause is the time between fetches that lookups cause while there is no
	// usable set.
	minPause = time.Second
)

// flight is one fetch, from being asked for to its end.
type flight struct {
	due     time.Time // not before
	began   time.Time // guarded by Cache.mu; zero: not yet
	doubt   bool      // a key is missing: ask the issuer itself, not caches
	counted bool      // taken from the cool-down
	local   bool      // asks no issuer: it reads the Store, or is over
	// cause is the context of the lookup that asked for it, for its values; nil
	// where none did. It is set before the fetch begins.
	cause context.Context //nolint:containedctx // a fetch outlives whoever asked for it
	done  chan struct{}   // closed at the end
	err   error           // valid after done
}

// Key is [Cache.Lookup] and, where that finds nothing, a fetch that it waits for:
// until ctx ends, and 2 seconds at most. All callers share one fetch at a time,
// which no caller's context ends. For keys that a usable set does not have, the 2
// seconds count from the start of the fetch, fetches are limited by
// Options.CoolDown, and in between the answer comes at once. Without a usable set
// the issuer is asked once per second.
//
// The keys in tried are those whose signature check failed: the issuer may have
// new material under the old id. Key then returns keys not among them. It returns
// ErrUnknownKey if a usable set has none, also where it could not be refreshed:
// the key that the token names did not sign it.
//
// Call it only for tokens that would be accepted with the right key: what is
// expired or for somebody else should not cause traffic. The errors are those of
// Lookup, and ctx.Err().
func (c *Cache) Key(ctx context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	seen, asked := c.state.Load(), time.Now()
	keys, err := c.pick(kid, alg, tried, asked)
	if err == nil || !c.fetchable(kid, alg, tried) {
		return keys, err
	}
	now := asked // it is read once a round: that is what most of a denied miss would cost
	for range 3 {
		f, limit := c.demand(ctx, now, asked, seen, len(tried) > 0)
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
			return nil, err // which knows more
		case waited != nil:
			return nil, waited
		case f.local:
		case !c.before(f, asked), f.err != nil && c.usable(now):
			return nil, err
		}
		// It began before we asked, and so may have been answered before the key,
		// or the issuer, was there. One that begins now will tell.
	}
	return nil, err
}

// pick answers from memory.
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

// fetchable reports whether a fetch could change that no key was found.
func (c *Cache) fetchable(kid, alg string, tried []*Key) bool {
	if algorithmOf(alg) == noAlgorithm {
		return false
	}
	now := c.state.Load()
	return kid != "" || len(tried) > 0 || now.set == nil || !now.set.ambiguous(alg)
}

func (c *Cache) before(f *flight, asked time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.began.Before(asked)
}

// demand returns a fetch that may bring what was not found in what was seen, for a
// caller who has waited since asked: the one under way, the one queued, or a new one
// if the limits allow, or else nil; and until when to wait for it. If there is more
// to be seen since, it is a fetch that is over. What was not found is another key than that
// which does not fit the signature, or any key of the id.
func (c *Cache) demand(ctx context.Context, now, asked time.Time, seen *snapshot, badSignature bool) (*flight, time.Time) {
	c.mu.Lock()
	if c.state.Load() != seen {
		c.mu.Unlock()
		over := make(chan struct{})
		close(over)
		return &flight{local: true, done: over}, now
	}
	usable := c.usable(now) // what a fetch brought is published before it ends, under the lock
	f, fresh := c.join(now, usable)
	if f != nil && f.cause == nil && f.began.IsZero() {
		f.cause = context.WithoutCancel(ctx)
	}
	limit := asked.Add(maxWait)
	if f != nil && !f.began.IsZero() && !f.local && usable {
		limit = f.began.Add(min(maxWait, limit.Sub(f.began)))
	}
	var told denied
	if f == nil {
		told = c.denied.count(now, badSignature)
		c.report.denied++
	} else if fresh && usable {
		c.report.missFetches++
	}
	c.mu.Unlock()
	switch {
	case f == nil:
		c.notify(Event{Kind: MissDenied})
		if told != (denied{}) {
			c.opts.Logger.WarnContext(ctx, "jwks: tokens that no published key verifies come faster than Options.CoolDown allows to ask for new keys",
				"issuer", c.name, "unknown_kid", told.unknown, "bad_signature", told.forged)
		}
	case fresh && usable:
		c.notify(Event{Kind: MissFetch})
	}
	return f, limit
}

// join is demand without its messages. It reports whether the fetch is a new
// one. The caller holds c.mu.
func (c *Cache) join(now time.Time, usable bool) (f *flight, fresh bool) {
	switch {
	case c.running != nil:
		return c.running, false
	case c.queued != nil:
		return c.queued, false
	case usable && now.Before(c.hold):
		return nil, false
	case usable && !c.misses.take(now):
		return nil, false
	}
	due := now
	if !usable {
		// Not at once, perhaps, but soon enough to wait for: the first request
		// after the issuer's return is to be served.
		if next := c.report.lastAttempt.Add(minPause); next.After(due) {
			due = next
		}
	}
	f = c.enqueue(due)
	f.doubt, f.counted = true, usable
	return f, true
}

// enqueue asks the refresher for a fetch at the time due, or moves the one that
// is queued there if that is sooner. The caller holds c.mu.
func (c *Cache) enqueue(due time.Time) *flight {
	if c.queued == nil {
		c.queued = &flight{due: due, done: make(chan struct{})}
	} else if due.Before(c.queued.due) {
		c.queued.due = due
	}
	select {
	case c.poke <- struct{}{}:
	default: // it has been told, and looks at the queue afterwards
	}
	return c.queued
}

// errSlow ends a wait that was long enough.
var errSlow error = &UnavailableError{RetryAfter: wholeSeconds(maxWait), Err: errors.New("the issuer has not answered in time")}

// wait waits for the end of f, until limit at most.
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

// deniedLog keeps a flood from becoming one of log records.
type deniedLog struct {
	denied
	last time.Time
}

// denied counts lookups that caused no fetch.
type denied struct {
	unknown int // for a key id that is not in the set
	forged  int // for a signature that no key of its id fits
}

// count counts one, and returns what to report, once a minute.
func (d *deniedLog) count(now time.Time, badSignature bool) (told denied) {
	if badSignature {
		d.forged++
	} else {
		d.unknown++
	}
	if now.Sub(d.last) < time.Minute {
		return told
	}
	told, d.denied, d.last = d.denied, denied{}, now
	return told
}
