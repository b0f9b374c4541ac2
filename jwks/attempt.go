package jwks

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// findings is what an attempt leaves to the next one.
type findings struct {
	where    locator
	copyOf   string     // the URL that the following belong to
	have     validators // of the set in use
	digest   [sha256.Size]byte
	document []byte // for the Store, if there is one
}

// ask asks the issuer, for Options.Timeout at most.
//
// An issuer that is back after an outage need not answer what it left hanging. So
// while there is no usable set, and as long as somebody waits for one, it is asked
// again each second, beside the request that came first and in place of the one
// after: an issuer that is slow is given its time, and one that is back answers
// those who ask then.
func (c *Cache) ask(doubt bool) outcome {
	type result struct {
		outcome
		findings
		replaced bool
	}
	end := time.Now().Add(c.opts.Timeout)
	ctx, cancel := context.WithDeadline(c.ctx, end)
	defer cancel()
	results := make(chan result)
	open, replace := 0, func() {}
	try := func() {
		own := c.own.findings
		mine, giveUp := context.WithCancel(ctx)
		open, replace = open+1, giveUp
		go func() {
			defer giveUp()
			done := c.fetch(mine, &own, doubt)
			results <- result{done, own, mine.Err() != nil && ctx.Err() == nil}
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
			// Towards the end there is no time for an answer: the next fetch is sooner.
			if time.Until(end) < minPause/2 || c.usable(time.Now()) || c.waiting.Load() == 0 {
				continue
			}
			if open > 1 {
				replace()
			}
			try()
			c.askedAgain()
		}
	}
	c.own.findings = best.findings
	return best.outcome
}

// askedAgain takes down that the issuer was asked beside a fetch that goes on.
func (c *Cache) askedAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.lastAttempt = time.Now()
}

// fetch asks the issuer, and for where to ask if that is not known or does not
// work any more. A panic on the way, in a Transport or a parser, is a failure
// like others.
func (c *Cache) fetch(ctx context.Context, own *findings, doubt bool) (done outcome) {
	defer func() {
		if v := recover(); v != nil {
			done = outcome{err: fmt.Errorf("jwks: panic in a refresh: %v", v)}
		}
	}()
	where := &own.where
	if where.due(time.Now()) {
		if err := c.discover(ctx, where); err != nil {
			return outcome{err: err}
		}
	}
	done = c.fetchSet(ctx, own, doubt)
	if done.err != nil && where.discovers() && time.Since(where.asked) > time.Minute {
		if ctx.Err() != nil {
			where.until = time.Time{} // no time is left: the next fetch begins with it
		} else if old := where.url; where.discover(ctx, c.client) == nil && where.url != old {
			done = c.fetchSet(ctx, own, true) // it has moved
		}
	}
	return done
}

// discover renews the metadata. It fails only if there was none.
func (c *Cache) discover(ctx context.Context, where *locator) error {
	if where.url == "" {
		return where.discover(ctx, c.client)
	}
	// The keys come first: half of the time must be left for them.
	half, cancel := context.WithTimeout(ctx, c.opts.Timeout/2)
	defer cancel()
	if err := where.discover(half, c.client); err != nil && ctx.Err() == nil {
		where.until = time.Now().Add(usualLifetime)
		c.opts.Logger.WarnContext(ctx, "jwks: issuer's metadata could not be renewed", "issuer", c.name, "error", quote.Line(err.Error()))
		c.notify(Event{Kind: MetadataFailed, Err: err})
	}
	return nil
}

// fetchSet gets and reads the key set.
func (c *Cache) fetchSet(ctx context.Context, own *findings, doubt bool) outcome {
	inUse := c.state.Load().set
	if own.copyOf != own.where.url {
		own.have, own.digest = validators{}, [sha256.Size]byte{}
	}
	have := own.have
	if doubt || inUse == nil {
		have = validators{}
	}
	a, err := get(ctx, c.client, own.where.url, have)
	if err != nil {
		return outcome{err: err}
	}
	if a.notModified {
		own.have = a.validators
		return outcome{set: inUse, notModified: true, fresh: a.fresh}
	}
	digest := sha256.Sum256(a.body)
	set := inUse
	if set == nil || digest != own.digest {
		if set, err = parse(a.body, inUse); err != nil {
			return outcome{err: fmt.Errorf("GET %s: %w", redact(own.where.url), err), rejected: true}
		}
	}
	own.copyOf, own.have, own.digest = own.where.url, a.validators, digest
	if c.opts.Store != nil {
		own.document = a.body
	}
	return outcome{set: set, fresh: a.fresh}
}
