package jwks

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// pollState is what one poll of the issuer leaves to the next one.
type pollState struct {
	where    locator
	copyOf   string     // the URL of the document that have, digest and document describe
	have     validators // of the set in use
	digest   [sha256.Size]byte
	document []byte // what to save; nil if there is no Store
}

// poll asks the issuer for its key set, for Options.Timeout at most.
//
// After an outage, an issuer may never answer the requests that it left hanging.
// So while there is no usable set and a goroutine waits for one, poll sends a new
// request each second. The first request stays open, which gives a slow issuer its
// time; each later one replaces the one before it. An issuer that is back answers
// the newest.
func (c *Cache) poll(doubt bool) outcome {
	type result struct {
		outcome
		pollState
		replaced bool
	}
	end := time.Now().Add(c.opts.Timeout)
	ctx, cancel := context.WithDeadline(c.ctx, end)
	defer cancel()
	results := make(chan result)
	open, replace := 0, func() {}
	try := func() {
		state := c.refresher.pollState
		tryCtx, cancelTry := context.WithCancel(ctx)
		open, replace = open+1, cancelTry
		go func() {
			defer cancelTry()
			done := c.fetch(tryCtx, &state, doubt)
			results <- result{done, state, tryCtx.Err() != nil && ctx.Err() == nil}
		}()
	}
	try()
	again := time.NewTicker(minPause)
	defer again.Stop()
	var best result
	for open > 0 {
		select {
		case r := <-results:
			open--
			if best.set == nil && (!r.replaced || r.set != nil) {
				best = r
			}
			if best.set != nil {
				cancel() // the others end at once
			}
		case <-again.C:
			// Close to the deadline, the next poll starts before an answer could come.
			if time.Until(end) < minPause/2 || c.usable(time.Now()) || c.waiting.Load() == 0 {
				continue
			}
			if open > 1 {
				replace()
			}
			try()
			c.recordAttempt()
		}
	}
	c.refresher.pollState = best.pollState
	return best.outcome
}

// recordAttempt notes the time of a request that poll sent beside its first one.
func (c *Cache) recordAttempt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.lastAttempt = time.Now()
}

// fetch gets the key set once. It runs discovery first if the URL is not known or
// no longer works. A panic in a Transport or a parser is returned as an error.
func (c *Cache) fetch(ctx context.Context, state *pollState, doubt bool) (done outcome) {
	defer func() {
		if v := recover(); v != nil {
			done = outcome{err: fmt.Errorf("jwks: panic in a refresh: %v", v)}
		}
	}()
	where := &state.where
	if where.due(time.Now()) {
		if err := c.discover(ctx, where); err != nil {
			return outcome{err: err}
		}
	}
	done = c.fetchSet(ctx, state, doubt)
	if done.err != nil && where.discovers() && time.Since(where.asked) > time.Minute {
		if ctx.Err() != nil {
			where.until = time.Time{} // no time is left: the next fetch begins with discovery
		} else if old := where.url; where.discover(ctx, c.client) == nil && where.url != old {
			done = c.fetchSet(ctx, state, true) // the key set has moved
		}
	}
	return done
}

// discover renews the metadata. It fails only if no metadata was ever read.
func (c *Cache) discover(ctx context.Context, where *locator) error {
	if where.url == "" {
		return where.discover(ctx, c.client)
	}
	// Old metadata may still be right: half of the time is left to get the keys.
	half, cancel := context.WithTimeout(ctx, c.opts.Timeout/2)
	defer cancel()
	if err := where.discover(half, c.client); err != nil && ctx.Err() == nil {
		where.until = time.Now().Add(usualLifetime)
		c.opts.Logger.WarnContext(ctx, "jwks: issuer's metadata could not be renewed", "issuer", c.name, "error", quote.Line(err.Error()))
		c.notify(Event{Kind: MetadataFailed, Err: err})
	}
	return nil
}

// fetchSet gets the key set from the known URL and parses it. With doubt it asks
// unconditionally, so that no cache on the way answers.
func (c *Cache) fetchSet(ctx context.Context, state *pollState, doubt bool) outcome {
	inUse := c.state.Load().set
	if state.copyOf != state.where.url {
		state.have, state.digest = validators{}, [sha256.Size]byte{}
	}
	have := state.have
	if doubt || inUse == nil {
		have = validators{}
	}
	a, err := get(ctx, c.client, state.where.url, have)
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
		if set, err = parse(a.body, inUse); err != nil {
			return outcome{err: fmt.Errorf("GET %s: %w", redact(state.where.url), err), rejected: true}
		}
	}
	state.copyOf, state.have, state.digest = state.where.url, a.validators, digest
	if c.opts.Store != nil {
		state.document = a.body
	}
	return outcome{set: set, fresh: a.fresh}
}
