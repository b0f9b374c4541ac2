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

// get does what the function get does, within the Limits.
func (p *permit) get(ctx context.Context, url string, conditions validators, limit int) (*answer, error) {
	limits, share, reserved := p.cache.opts.Limits, &p.cache.share, 0
	if p.slot == nil { // the slot was used for an earlier request
		p.slot = limits.request(share, p.cancel)
		select {
		case <-p.slot.granted:
		case <-ctx.Done():
			return nil, fmt.Errorf("GET %s: waited for other requests (Limits.MaxFetches): %w", redact(url), context.Cause(ctx))
		}
	}
	spend := func(cost int) error {
		if err := limits.spend(ctx, share, cost); err != nil {
			return fmt.Errorf("waited to process the response (Limits.MaxBytesPerSecond): %w", err)
		}
		reserved = cost
		return nil
	}
	a, err := get(ctx, p.cache.client, url, conditions, limit, spend)
	// A small document that was read needs no slot while it waits.
	p.releaseSlot()
	switch {
	case a == nil:
	case reserved > 0:
		limits.correct(share, a.cost-reserved)
	case err == nil:
		err = spend(a.cost)
	default: // at most freeCost, which must not delay other caches
		limits.charge(share, a.cost)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}
