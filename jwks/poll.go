package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// pollState is the state that one poll of the issuer passes to the next poll.
type pollState struct {
	where       locator
	fetchedFrom string            // the URL of the last key set that was fetched
	have        validators        // the validators of the response with this key set
	digest      [sha256.Size]byte // the SHA-256 hash of the document of this key set
	document    []byte            // the document, which the cache saves in the Store; nil if there is no Store
}

// errReplaced is the cause for which poll cancels a request that a newer request replaces.
var errReplaced = errors.New("a newer request replaces this request")

// attempt is one request of a poll and its result.
type attempt struct {
	outcome
	pollState
	replaced bool
}

// poll fetches the issuer's key set. It takes at most Options.Timeout, in addition to the time
// for which it waits for the Limits. The permit is for the
// first request, and poll releases it.
//
// An issuer that hung may never answer the requests that it received while it hung. So while
// keys are unavailable and a goroutine waits for them, poll sends a new request each second.
// The first request stays open, because the issuer may be slow and may still answer this
// request. Of the later requests, only the newest request stays open, because an issuer that
// works again answers this request.
func (c *core) poll(first *permit, unconditional bool) outcome {
	end := time.Now().Add(c.opts.Timeout)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	results := make(chan attempt)
	open, newest := 0, first
	try := func(p *permit) {
		open, newest = open+1, p
		state := c.refresher.pollState
		left := time.Until(end)
		go func() { results <- c.attempt(ctx, left, p, &state, unconditional) }()
	}
	try(first)
	var retryAt time.Time // the latest time until which the issuer wants no request
	limitReached := false // the issuer wants no further request
	retry := time.NewTicker(minPause)
	defer retry.Stop()
	var best attempt
	for open > 0 {
		select {
		case r := <-results:
			open--
			limitReached = limitReached || limited(r.err)
			if r.retryAt.After(retryAt) {
				retryAt = r.retryAt
			}
			if best.set == nil && (!r.replaced || r.set != nil) {
				best = r
			}
			if best.set != nil {
				cancel() // end the requests that are still open
			}
		case <-retry.C:
			// Shortly before the deadline, a new request has too little time. The next poll
			// sends this request.
			if time.Until(end) < minPause/2 || limitReached || c.usable(time.Now()) || c.waiting.Load() == 0 {
				continue
			}
			p := c.tryPermit()
			if open > 1 {
				newest.cancel(errReplaced)
			}
			if p == nil {
				continue // the canceled request of this cache may have had the last place
			}
			try(p)
			c.recordAttempt()
		}
	}
	c.refresher.pollState = best.pollState
	best.retryAt = retryAt
	return best.outcome
}

// attempt fetches the key set once and releases the permit. It takes at most the duration limit,
// in addition to the time for which it waits for the Limits.
func (c *core) attempt(ctx context.Context, limit time.Duration, p *permit, state *pollState, unconditional bool) attempt {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(context.Cause(p.ctx)) })() //nolint:contextcheck // the attempt ends with both contexts
	ctx, stop := p.withTimeout(ctx, limit)
	defer stop()
	done := c.fetch(ctx, p, state, unconditional)
	cause := context.Cause(ctx)
	switch {
	case done.err == nil, errors.Is(done.err, errWaited):
	case errors.Is(cause, errGaveWay):
		done.err = errGaveWay
	case errors.Is(cause, context.DeadlineExceeded) && !errors.Is(done.err, cause):
		done.err = fmt.Errorf("the issuer has not answered within Options.Timeout: %w", cause)
	}
	if d := requestedPause(done.err); d > 0 {
		done.retryAt = time.Now().Add(d)
	}
	p.failed = done.err != nil
	done.size = p.processed
	p.release()
	done.inFlight = p.took
	return attempt{done, *state, errors.Is(cause, errReplaced)}
}

// recordAttempt sets Status.LastAttempt to the current time. It is called when poll sends a
// further request.
func (c *core) recordAttempt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.lastAttempt = time.Now()
}

// fetch gets the key set once. Discovery comes first if the URL of the key set is unknown or
// the metadata is due. If the URL no longer works, fetch runs discovery and tries the new URL.
// fetch returns a panic in a Transport or a parser as an error.
func (c *core) fetch(ctx context.Context, p *permit, state *pollState, unconditional bool) (done outcome) {
	defer func() {
		if v := recover(); v != nil {
			done = outcome{err: fmt.Errorf("jwks: panic in a refresh: %v", v)}
		}
	}()
	where := &state.where
	if where.due(time.Now()) {
		if err := c.discover(ctx, p, where); err != nil {
			return outcome{err: err}
		}
	}
	done = c.fetchSet(ctx, p, state, unconditional)
	if done.err != nil && where.mayRepeat(time.Now()) && !tooManyRequests(done.err) {
		if ctx.Err() != nil {
			where.until = time.Time{} // no time is left, so the next fetch begins with discovery
		} else if old := where.url; c.askMetadata(ctx, p, where) == nil && where.url != old {
			done = c.fetchSet(ctx, p, state, true) // the key set has moved
		}
	}
	return done
}

// discover refreshes the metadata. It returns an error only if there is no metadata yet.
func (c *core) discover(ctx context.Context, p *permit, where *locator) error {
	if where.url == "" {
		return c.askMetadata(ctx, p, where)
	}
	// The old URL may still work, so half of the time is reserved for the key set.
	half, stop := p.withTimeout(ctx, c.opts.Timeout/2)
	defer stop()
	if err := c.askMetadata(half, p, where); err != nil && ctx.Err() == nil {
		if cause := context.Cause(half); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err) // half.Err() is context.Canceled
		}
		where.until = time.Now().Add(defaultLifetime)
		if where.heldUntil.After(where.until) {
			where.until = where.heldUntil
		}
		c.opts.Logger.WarnContext(ctx, "jwks: refresh of the issuer's metadata failed", "issuer", c.name, "error", quote.Line(err.Error()))
		c.notify(Event{Kind: MetadataFailed, Err: err})
	}
	return nil
}

// askMetadata requests the metadata. If the response has Retry-After, the next request comes later;
// see pause.
func (c *core) askMetadata(ctx context.Context, p *permit, where *locator) error {
	err := where.discover(ctx, p.get)
	if err != nil {
		where.heldUntil = time.Now().Add(hold(requestedPause(err), c.longestHold()))
	}
	return err
}

// fetchSet gets the key set from state.where.url and parses it. An unconditional request
// bypasses HTTP caches.
func (c *core) fetchSet(ctx context.Context, p *permit, state *pollState, unconditional bool) outcome {
	inUse := c.state.Load().set
	if state.fetchedFrom != state.where.url {
		state.have, state.digest = validators{}, [sha256.Size]byte{}
	}
	have := state.have
	if unconditional || inUse == nil {
		have = validators{}
	}
	a, err := p.get(ctx, state.where.url, have, maxDocument)
	if err != nil {
		return outcome{err: err}
	}
	if a.notModified {
		state.have = a.validators
		return outcome{set: inUse, notModified: true, fresh: a.fresh}
	}
	digest := sha256.Sum256(a.body)
	set := inUse
	if set == nil || digest != state.digest {
		if set, err = parseAfter(ctx.Err, inUse, a.body, c.opts.keyLimits()); err != nil {
			return outcome{err: fmt.Errorf("GET %s: %w", redact(state.where.url), err), rejected: ctx.Err() == nil}
		}
		set.setSource(c.place)
	}
	state.fetchedFrom, state.have, state.digest = state.where.url, a.validators, digest
	if c.opts.Store != nil {
		state.document = a.body
	}
	return outcome{set: set, fresh: a.fresh}
}
