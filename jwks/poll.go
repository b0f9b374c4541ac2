package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// pollState is the state that one successful poll of the issuer passes to the next poll.
type pollState struct {
	fetchedFrom string            // the URL of the last key set that was fetched
	have        validators        // the validators of the response with this key set
	directives  directives        // the directives of this response
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

// polling is the state of poll.
type polling struct {
	c      *core
	flight *flight
	where  *sharedLocator

	ctx     context.Context //nolint:containedctx // ends all attempts
	end     time.Time
	results chan attempt
	open    int     // the number of attempts that have not ended
	newest  *permit // the permit of the newest attempt
	sentAt  time.Time
	hedged  bool // the second attempt of a poll with keys was sent

	best           attempt
	retryAt        time.Time // the latest time until which the issuer wants no request
	noMoreAttempts bool      // the issuer wants no further request now
}

// poll fetches the issuer's key set. It takes at most Options.Timeout, in addition to the time
// for which it waits for the Limits. The permit is for the first request, and poll releases it.
//
// A connection may hang while others work. So if a goroutine waits for the fetch f, and keys are
// available, poll sends a second request after a second. Both stay open, and the first good answer
// counts; see core.hedge.
//
// An issuer that hung may never answer the requests that it received while it hung. So while
// keys are unavailable, poll sends a new request each second if a goroutine waits, and otherwise
// each 5 s. The first request stays open, because the issuer may be slow and may still answer this
// request. Of the later requests, only the newest request stays open, because an issuer that
// works again answers this request.
func (c *core) poll(first *permit, f *flight) outcome {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	where := &sharedLocator{now: c.refresher.where}
	p := &polling{c: c, flight: f, where: where, ctx: ctx, end: time.Now().Add(c.opts.Timeout), results: make(chan attempt)}
	p.try(first)
	retry := time.NewTicker(minPause)
	defer retry.Stop()
	for p.open > 0 {
		select {
		case r := <-p.results:
			p.add(r)
			if p.best.set != nil {
				cancel() // end the requests that are still open
			}
		case <-c.poke:
			p.repeat()
		case <-retry.C:
			p.repeat()
		}
	}
	knewURL := c.refresher.where.url != ""
	c.refresher.where = where.load()
	p.best.retryAt = p.retryAt
	p.best.foundURL = !knewURL && c.refresher.where.url != ""
	if p.best.set != nil {
		c.refresher.pollState = p.best.pollState
	}
	return p.best.outcome
}

// try begins an attempt.
func (p *polling) try(permit *permit) {
	p.open, p.newest, p.sentAt = p.open+1, permit, time.Now()
	state, left := p.c.refresher.pollState, time.Until(p.end)
	go func() { p.results <- p.c.attempt(p.ctx, left, permit, p.where, &state, p.flight) }()
}

// add adds the result of an attempt.
func (p *polling) add(r attempt) {
	p.open--
	p.noMoreAttempts = p.noMoreAttempts || limited(r.err)
	p.retryAt = latest(p.retryAt, r.retryAt)
	if p.best.set == nil && (!r.replaced || r.set != nil) {
		p.best = r
	}
}

// repeat begins a further attempt, if it may.
func (p *polling) repeat() {
	c, now := p.c, time.Now()
	// Shortly before the deadline, a new request has too little time. The next poll sends this
	// request.
	if p.end.Sub(now) < minPause/2 || p.noMoreAttempts || p.best.set != nil {
		return
	}
	if c.usable(now) {
		if !p.hedged && c.mayHedge(p.flight, now) {
			if permit := c.tryPermit(); permit != nil {
				p.hedged = true
				p.try(permit)
				c.recordAttempt()
			}
		}
		return
	}
	sinceLast := now.Sub(p.sentAt) + minPause/2 // the ticker is not exact
	if sinceLast < minPause || c.waiting.Load() == 0 && sinceLast < maxUnready {
		return
	}
	permit := c.tryPermit()
	if p.open > 1 {
		p.newest.cancel(errReplaced)
	}
	if permit == nil {
		return // the canceled request of this cache may have had the last place
	}
	p.try(permit)
	c.recordAttempt()
}

// mayHedge reports whether the fetch f may send its second request now.
func (c *core) mayHedge(f *flight, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !f.renewed.IsZero() || c.waiting.Load() > 0 && c.hedge(f, now)
}

// hedge decides whether the fetch f sends a second request, on a second connection: if its request
// has been in flight for at least a second, no cache waits for the Limits, and the last such request
// of this cache is at least one CoolDown ago. So a flood of tokens causes few requests, and at most
// two at the same time. It sets f.renewed. The caller holds c.mu and sends to c.poke.
func (c *core) hedge(f *flight, now time.Time) bool {
	// A fetch that waits for the Limits does not hang on a connection. A second request costs bytes
	// that other caches need.
	wait := &c.history.limitWait
	old := now.Sub(latest(f.began, wait.stopped))
	if f != c.running || f.local || !f.renewed.IsZero() || old < minPause || c.endsSoon(f, now) {
		return false
	}
	if wait.goroutines > 0 || c.opts.Limits.busy() || !c.hedges.allow(now) {
		return false
	}
	f.renewed = now
	return true
}

// endsSoon reports whether the time that is left of Options.Timeout is too short for a second
// request of the fetch f. Then a lookup waits until f ends, and causes the next fetch. The caller
// holds c.mu.
func (c *core) endsSoon(f *flight, now time.Time) bool {
	return f == c.running && f.renewed.IsZero() && now.Sub(f.began) > c.opts.Timeout-minPause/2
}

// sentOnce reports whether f has sent no second request, and began at least a second before start.
// So f may have hung on one connection, and its failure says little about the time after start.
func (c *core) sentOnce(f *flight, start time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.renewed.IsZero() && start.Sub(f.began) >= minPause
}

// attempt fetches the key set once and releases the permit. It takes at most the duration limit,
// in addition to the time for which it waits for the Limits.
func (c *core) attempt(ctx context.Context, limit time.Duration, p *permit, where *sharedLocator, state *pollState, f *flight) attempt {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(context.Cause(p.ctx)) })() //nolint:contextcheck // the attempt ends with both contexts
	ctx, stop := p.withTimeout(ctx, limit)
	defer stop()
	done := c.fetch(ctx, p, where, state, f)
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
// the metadata is due. If the URL no longer works, or a lookup misses a key that is not at this
// URL, fetch runs discovery and tries the new URL. fetch returns a panic in a Transport or a parser
// as an error.
func (c *core) fetch(ctx context.Context, p *permit, where *sharedLocator, state *pollState, f *flight) (done outcome) {
	defer func() {
		if v := recover(); v != nil {
			done = outcome{err: fmt.Errorf("jwks: panic in a refresh: %v", v)}
		}
	}()
	if now := where.load(); now.due(time.Now()) {
		if err := c.discover(ctx, p, where, f); err != nil {
			return outcome{err: err}
		}
	}
	now := where.load()
	done = c.fetchSet(ctx, p, now.url, state, f.unconditional)
	switch {
	case !now.mayRepeat(time.Now()):
	case done.err == nil && len(f.questions) > 0 && !newKeys(c.state.Load().set, done.set):
		// The missing key may be at a new URL, although the old URL still works.
		return c.lookElsewhere(ctx, p, where, state, f, done)
	case done.err != nil && ctx.Err() != nil:
		where.mustRepeat(now.url) // no time is left, so the next fetch begins with discovery
	case done.err != nil && !tooManyRequests(done.err):
		if c.askMetadata(ctx, p, where) == nil {
			if next := where.load().url; next != now.url {
				return c.fetchSet(ctx, p, next, state, true) // the key set has moved
			}
		}
	}
	return done
}

// missTime is the time after the start of a fetch at which the metadata must have answered, if
// lookups wait for their verdict. It is shorter than maxWait.
const missTime = 1500 * time.Millisecond

// lookElsewhere requests the metadata, because a lookup misses a key that is not in the answer done.
// If the metadata names a new URL, lookElsewhere returns the answer from there. The lookups wait, and
// done has their verdict if nothing else answers in time. So this takes at most about a second.
func (c *core) lookElsewhere(ctx context.Context, p *permit, where *sharedLocator, state *pollState, f *flight, done outcome) outcome {
	limited, stop := p.withTimeout(ctx, min(minPause, max(missTime-time.Since(f.began), minPause/4)))
	defer stop()
	old := where.load().url
	if next := c.rediscover(limited, p, where); next != old {
		moved := *state
		if at := c.fetchSet(limited, p, next, &moved, true); at.err == nil {
			*state = moved
			return at
		}
	}
	return done
}

// discover refreshes the metadata, which is due. It returns an error only if there is no metadata
// yet.
func (c *core) discover(ctx context.Context, p *permit, where *sharedLocator, f *flight) error {
	if where.load().url == "" {
		return c.askMetadata(ctx, p, where)
	}
	// The old URL may still work, so half of the time is reserved for the key set. If a lookup waits,
	// it needs an answer sooner.
	limit := c.opts.Timeout / 2
	if len(f.questions) > 0 {
		limit = min(limit, minPause)
	}
	limited, stop := p.withTimeout(ctx, limit)
	defer stop()
	c.rediscover(limited, p, where)
	return nil
}

// rediscover requests the metadata again, and returns the URL of the key set. A failure is reported
// as an event. If another attempt of this poll is requesting the metadata, rediscover sends no
// request. So the second attempt gets the key set even if the metadata endpoint hangs.
func (c *core) rediscover(ctx context.Context, p *permit, where *sharedLocator) string {
	if !where.beginRepeat() {
		return where.load().url
	}
	defer where.endRepeat()
	err := c.askMetadata(ctx, p, where)
	if err != nil && p.ctx.Err() == nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err) // ctx.Err() is context.Canceled
		}
		c.opts.Logger.WarnContext(ctx, "jwks: refresh of the issuer's metadata failed", "issuer", c.name, "error", quote.Line(err.Error()))
		c.notify(Event{Kind: MetadataFailed, Err: err})
	}
	return where.load().url
}

// askMetadata requests the metadata. If the response has Retry-After, the next request comes later;
// see pause.
func (c *core) askMetadata(ctx context.Context, p *permit, where *sharedLocator) error {
	l := where.load()
	err := l.discover(ctx, p.get)
	if err != nil {
		l.heldUntil = time.Now().Add(hold(requestedPause(err), c.longestHold()))
	}
	where.merge(&l, err == nil)
	return err
}

// fetchSet gets the key set from the URL and parses it. An unconditional request
// bypasses HTTP caches.
func (c *core) fetchSet(ctx context.Context, p *permit, url string, state *pollState, unconditional bool) outcome {
	inUse := c.state.Load().set
	if state.fetchedFrom != url {
		state.have, state.digest = validators{}, [sha256.Size]byte{}
	}
	have := state.have
	if unconditional || inUse == nil {
		have = validators{}
	}
	a, err := p.get(ctx, url, have, maxDocument)
	if err != nil {
		return outcome{err: err}
	}
	a.times = c.refresher.judge.clocks.correct(a.times)
	if a.notModified {
		a.directives = state.directives.renew(a.directives)
	}
	done := outcome{set: inUse, notModified: a.notModified, times: a.times, fresh: a.times.fresh(a.directives), unconditional: have == validators{}}
	digest := sha256.Sum256(a.body)
	if !a.notModified && (inUse == nil || digest != state.digest) {
		if done.set, err = parseAfter(ctx.Err, inUse, a.body, c.opts.keyLimits()); err == nil {
			done.set.setSource(c.place)
		}
		if _, done.empty = errors.AsType[*noUsableKeyError](err); done.empty {
			err = emptyFolder(url, err)
		}
		done.rejected = err != nil && ctx.Err() == nil
	}
	if err == nil {
		err = c.checkAge(&done, a)
	}
	if err != nil {
		done.set, done.notModified, done.err = nil, false, fmt.Errorf("GET %s: %w", redact(url), err)
		return done
	}
	state.have, state.directives = a.validators, a.directives
	if !a.notModified {
		state.fetchedFrom, state.digest = url, digest
		if c.opts.Store != nil {
			state.document = a.body
		}
	}
	return done
}
