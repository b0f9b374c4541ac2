package jwks

import (
	"context"
	"errors"
	"time"
)

const (
	// maxWait is the longest time for which a lookup waits for a fetch. While keys are
	// available, the time counts from the start of the fetch. So if the issuer hangs, a lookup
	// that begins more than maxWait after the start of the fetch does not wait. The documented
	// limit is longer (2 s), because goroutines wake late on a busy machine.
	maxWait = 1800 * time.Millisecond
	// maxWaiting is the number of goroutines that may wait for a fetch at the same time.
	maxWaiting = 10_000
	// minPause is the time between the fetches that lookups cause while keys are
	// unavailable.
	minPause = time.Second
	// missBurst is the number of fetches that lookups cause without a pause while keys are
	// available.
	missBurst = 2
	// maxRounds is the largest number of fetches that one lookup waits for.
	maxRounds = 3
)

// flight is one fetch. A lookup, Refresh or the refresher creates the flight, and the fetch may
// begin later.
type flight struct {
	due     time.Time // the fetch does not begin before this time
	began   time.Time // guarded by core.mu; zero until the fetch begins
	renewed time.Time // guarded by core.mu; the time of the second request of the fetch, see core.hedge
	counted bool      // the fetch counts in core.misses
	local   bool      // the flight sends no request, because it reads the Store or has ended
	// postponed means that no lookup waits for the flight while it is queued. See core.postpone.
	postponed bool
	// repeats means that the last fetch has answered the questions for which the flight was queued.
	repeats bool
	// questions are the questions of lookups before the fetch began. See answers.
	questions map[question]struct{}
	// unconditional means that the request must bypass HTTP caches, because a lookup or
	// Refresh requested the fetch.
	unconditional bool
	// cause has the values of the context of the lookup that requested the fetch. It is
	// nil if no lookup requested the fetch. It is set before the fetch begins.
	cause context.Context //nolint:containedctx // a fetch may end later than the lookup that requested it
	done  chan struct{}   // closed when the fetch ends
	err   error           // the error of the fetch; valid after done is closed
}

// key is the implementation of [Cache.Key]. The lookup began at the time start.
func (c *core) key(ctx context.Context, kid, alg string, tried []*Key, start time.Time) ([]*Key, error) {
	seen, now := c.state.Load(), time.Now()
	keys, err := c.lookupUntried(kid, alg, tried, now)
	if err == nil || !c.fetchCanHelp(kid, alg, tried) {
		return keys, err
	}
	// Each round reads the clock only once, because reading the clock is slow.
	m := miss{question: questionOf(kid, alg, tried), ofKey: true, badSignature: len(tried) > 0}
	for range maxRounds {
		f, limit, isNewer, refused := c.demand(ctx, now, start, seen, m)
		if f == nil {
			return nil, refused
		}
		waited := c.wait(ctx, f, limit)
		seen, now = c.state.Load(), time.Now()
		if keys, err = c.lookupUntried(kid, alg, tried, now); err == nil {
			return keys, nil
		}
		switch {
		case errors.Is(waited, errSlow) && len(tried) > 0 && c.usable(now):
			return nil, ErrUnknownKey
		case errors.Is(waited, errSlow) && errors.Is(err, ErrUnavailable):
			return nil, err // err describes the problem more exactly than errSlow
		case waited != nil:
			return nil, waited
		case f.local:
		case isNewer, f.err != nil && c.usable(now) && !c.sentOnce(f, start):
			return nil, err
		}
		// The fetch may have begun before this lookup. So the response may lack a key that the issuer
		// published after the start of the fetch. Or the fetch may have failed, but the issuer
		// answers again now. The next round waits for a newer fetch.
	}
	// No fetch began after this lookup.
	return nil, c.refused(m, false, seen, now, now)
}

// lookupUntried does what lookupAt does, but leaves out the keys in tried. If keys are
// available, but all keys that fit are in tried, the error is ErrUnknownKey.
func (c *core) lookupUntried(kid, alg string, tried []*Key, now time.Time) ([]*Key, error) {
	keys, err := c.lookupAt(kid, alg, now)
	if len(tried) == 0 {
		return keys, err
	}
	if keys = removeTried(keys, tried); len(keys) > 0 {
		return keys, nil
	}
	if c.usable(now) {
		err = ErrUnknownKey
	}
	return nil, err
}

// fetchCanHelp reports whether a newer set can contain a key for the token.
func (c *core) fetchCanHelp(kid, alg string, tried []*Key) bool {
	if algorithmOf(alg) == noAlgorithm {
		return false
	}
	now := c.state.Load()
	return kid != "" || len(tried) > 0 || now.set == nil || now.set.tooManyFit(kid, alg) == nil
}

// demand returns the fetch that a lookup must wait for, and the time at which the wait must
// end. The fetch is the fetch in flight, the queued fetch, or a new fetch. The fetch is nil if
// the last fetch has answered the question of the lookup, or if Options.CoolDown, Retry-After or
// maxChanges does not allow a fetch. The error is then the error of the lookup.
//
// The lookup began at the time start and read the snapshot seen. If the cache has a newer
// snapshot than seen, demand returns a flight that has ended, so that the caller repeats the
// lookup. The result isNewer reports whether the fetch certainly begins after the lookup.
func (c *core) demand(ctx context.Context, now, start time.Time, seen *snapshot, m miss) (f *flight, limit time.Time, isNewer bool, err error) {
	c.mu.Lock()
	// A fetch publishes its set before finish locks c.mu. So if seen is the newest snapshot,
	// each fetch that brings a newer set is still in flight, and join returns this fetch.
	if c.state.Load() != seen {
		c.mu.Unlock()
		ended := make(chan struct{})
		close(ended)
		return &flight{local: true, done: ended}, now, false, nil
	}
	usable := c.usable(now)
	var fresh bool
	isAnswered := usable && c.isAnswered(m, now, seen)
	if !isAnswered {
		f, fresh = c.join(now, usable)
	}
	if f == nil {
		due := c.postpone(m, now, isAnswered)
		var toLog deniedCounts
		if !isAnswered {
			toLog = c.denied.add(now, m.badSignature)
			c.history.denied++
		}
		c.mu.Unlock()
		if !isAnswered {
			c.reportDenied(ctx, toLog)
		}
		return nil, now, false, c.refused(m, isAnswered, seen, now, due)
	}
	if isNewer = f.began.IsZero() || f.began.After(start); f.began.IsZero() {
		if f.cause == nil {
			f.cause = context.WithoutCancel(ctx)
		}
		if m.ofKey {
			f.ask(m.question)
		}
	}
	limit = start.Add(maxWait)
	if !usable && f.began.IsZero() && f.due.After(limit) {
		limit = now // the issuer wants no request before, so the lookup does not wait
	}
	if !f.local && usable && !c.endsSoon(f, now) {
		if c.hedge(f, now) {
			select {
			case c.poke <- struct{}{}:
			default:
			}
		}
		from := latest(f.began, f.renewed)
		if from.IsZero() {
			from = f.due // the fetch waits for Options.Limits
		}
		limit = from.Add(min(maxWait, limit.Sub(from)))
	}
	if fresh && usable {
		c.history.missFetches++
	}
	c.mu.Unlock()
	if fresh && usable {
		c.notify(Event{Kind: MissFetch})
	}
	return f, limit, isNewer, nil
}

// reportDenied sends the event of a denied lookup, and writes a log record if there are numbers to
// log.
func (c *core) reportDenied(ctx context.Context, toLog deniedCounts) {
	c.notify(Event{Kind: MissDenied})
	if toLog != (deniedCounts{}) {
		c.opts.Logger.WarnContext(ctx, "jwks: Options.CoolDown or Retry-After denied fetches for tokens that no published key verifies",
			"issuer", c.name, "unknown_kid", toLog.unknownID, "bad_signature", toLog.badSignature)
	}
}

// join returns the fetch that demand returns. The result fresh reports whether join has created
// this fetch. The caller holds c.mu.
func (c *core) join(now time.Time, usable bool) (f *flight, fresh bool) {
	switch {
	case c.running != nil:
		return c.running, false
	case c.queued != nil && !c.queued.postponed:
		return c.queued, false
	case usable && now.Before(c.retryAt(true)):
		return nil, false
	case usable && !c.misses.allow(now):
		return nil, false
	}
	due := now
	if !usable {
		// Without Retry-After, the fetch begins within about 1 s, so that it ends before the lookup
		// stops waiting. The first request after the outage must get the key that it needs.
		for _, next := range []time.Time{c.history.lastAttempt.Add(minPause), c.retryAt(false)} {
			if next.After(due) {
				due = next
			}
		}
	}
	f = c.enqueue(due)
	f.postponed, f.unconditional, f.counted = false, true, usable
	return f, true
}

// enqueue queues a fetch that begins at the time due. If a fetch with a later start is already
// queued, enqueue changes the start of this fetch to due, and the fetch is no longer postponed. The
// caller holds c.mu.
func (c *core) enqueue(due time.Time) *flight {
	switch {
	case c.queued == nil:
		c.queued = &flight{due: due, done: make(chan struct{})}
	case due.Before(c.queued.due):
		c.queued.due, c.queued.postponed = due, false
	default:
		return c.queued
	}
	select {
	case c.wake <- struct{}{}:
	default: // wake already has a value, so the refresher will read the queue
	}
	return c.queued
}

// errSlow is the error of a lookup that waited for maxWait. It is also the error of a lookup
// that did not wait, because maxWaiting goroutines were waiting.
var errSlow error = &UnavailableError{RetryAfter: wholeSeconds(maxWait), Err: errors.New("the issuer has not answered in time")}

// wait returns nil when f has ended. It returns errSlow at the time limit. If maxWaiting
// goroutines are waiting, it returns errSlow immediately.
func (c *core) wait(ctx context.Context, f *flight, limit time.Time) error {
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
