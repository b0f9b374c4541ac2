package jwks

import (
	"context"
	"fmt"
	"time"
)

// permit is the permission of Limits to send the requests of one attempt, one after another.
type permit struct {
	ctx    context.Context //nolint:containedctx // ends when the requests must give way
	cancel context.CancelCauseFunc
	cache  *Cache
	slot   *slot // the slot for the next request or the request in flight; nil if there is none
}

// releaseSlot ends the request in flight.
func (p *permit) releaseSlot() {
	if p.slot != nil {
		p.cache.opts.Limits.release(p.slot)
		p.slot = nil
	}
}

func (p *permit) release() {
	p.releaseSlot()
	p.cancel(nil)
}

// acquirePermit waits until Limits permit the first request. It returns nil if the cache is
// closed.
func (c *Cache) acquirePermit() *permit {
	defer c.startWait()()
	limits := c.opts.Limits
	for {
		pause := limits.pause(&c.share)
		if pause == 0 {
			break
		}
		if !c.sleep(nil, pause) {
			return nil
		}
	}
	p := &permit{cache: c}
	p.ctx, p.cancel = context.WithCancelCause(c.ctx)
	p.slot = limits.request(&c.share, p.cancel)
	for {
		select {
		case <-p.slot.granted:
			return p
		default:
		}
		if !c.sleep(p.slot.granted, maxDuration) {
			p.release()
			return nil
		}
	}
}

// tryPermit does what acquirePermit does, but returns nil instead of waiting.
func (c *Cache) tryPermit() *permit {
	limits := c.opts.Limits
	if limits.pause(&c.share) > 0 {
		return nil
	}
	p := &permit{cache: c}
	p.ctx, p.cancel = context.WithCancelCause(c.ctx)
	if p.slot = limits.tryRequest(&c.share, p.cancel); p.slot == nil {
		p.cancel(nil)
		return nil
	}
	return p
}

// sleep waits for the duration d, or until wake is closed. If the set becomes too old, sleep
// reports this and returns. The result is false if the cache is closed.
func (c *Cache) sleep(wake <-chan struct{}, d time.Duration) bool {
	c.reportStale()
	timer := time.NewTimer(time.Until(c.wakeTime(time.Now().Add(d))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-c.ctx.Done():
	}
	return c.ctx.Err() == nil
}

// getter sends a GET request; see permit.get.
type getter func(ctx context.Context, url string, conditions validators, limit int) (*answer, error)

// get does what the function get does, within the Limits. The permit keeps its slot for the next
// request, unless it waits for bytes.
func (p *permit) get(ctx context.Context, url string, conditions validators, limit int) (*answer, error) {
	limits, share, reserved := p.cache.opts.Limits, &p.cache.share, 0
	turn := new(byteTurn)
	if err := p.acquireSlot(ctx); err != nil {
		return nil, fmt.Errorf("GET %s: Limits.MaxFetches: %w", redact(url), err)
	}
	spend := func(cost, total int) error {
		defer p.cache.startWait()()
		if err := limits.spend(ctx, share, turn, cost, total); err != nil {
			return fmt.Errorf("Limits.MaxBytesPerSecond: %w: %w", errWaited, err)
		}
		reserved += cost
		return nil
	}
	a, err := get(ctx, p.cache.client, url, conditions, limit, spend)
	switch {
	case a == nil:
	case reserved > 0:
		limits.correct(share, a.cost-reserved)
	case err == nil:
		if !limits.trySpend(share, a.cost) { //nolint:contextcheck // trySpend does not wait
			p.releaseSlot() // a small document that was read needs no slot while it waits
			err = spend(a.cost, a.cost)
		}
	default: // at most freeCost, which must not delay other caches
		limits.charge(share, a.cost)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// acquireSlot waits for the slot for the next request, if the slot was given back. It returns an
// error if ctx ends first, and then the request must not be sent.
func (p *permit) acquireSlot(ctx context.Context) error {
	limits := p.cache.opts.Limits
	if p.slot != nil {
		limits.renew(p.slot)
		return nil
	}
	defer p.cache.startWait()()
	p.slot = limits.requestAgain(&p.cache.share, p.cancel)
	select {
	case <-p.slot.granted:
		return nil
	case <-ctx.Done():
		p.releaseSlot()
		return fmt.Errorf("%w: %w", errWaited, context.Cause(ctx))
	}
}
