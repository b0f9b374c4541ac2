package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// permit is the permission of Limits to send the requests of one attempt, one after another.
type permit struct {
	ctx    context.Context //nolint:containedctx // ends when the requests must give way
	cancel context.CancelCauseFunc
	cache  *core
	clocks []*countdown  // the timeouts of the contexts of withTimeout
	slot   *slot         // the last slot
	held   bool          // whether slot is for the next request or the request in flight
	took   time.Duration // the time of the requests

	reserved  int  // the number of bytes that are reserved
	processed int  // the number of bytes of the bodies that were read
	current   int  // the number of bytes of the body that is being read
	failed    bool // the attempt has failed
}

// countdown ends a context after a duration. While it is paused, the time does not count.
type countdown struct {
	timer *time.Timer
	left  time.Duration
	since time.Time // the time of the last start
}

func (d *countdown) pause() {
	if d.timer.Stop() {
		d.left -= time.Since(d.since)
	}
}

func (d *countdown) resume() {
	d.since = time.Now()
	d.timer.Reset(d.left)
}

// withTimeout returns a context that ends after the duration d, without the time for which the
// permit waits for the Limits. The caller must call stop. If there are several such contexts, the
// last one must be stopped first.
func (p *permit) withTimeout(ctx context.Context, d time.Duration) (limited context.Context, stop func()) {
	limited, cancel := context.WithCancelCause(ctx)
	c := &countdown{time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) }), d, time.Now()}
	p.clocks = append(p.clocks, c)
	return limited, func() {
		p.clocks = p.clocks[:len(p.clocks)-1]
		c.timer.Stop()
		cancel(nil)
	}
}

// releaseSlot ends the request in flight.
func (p *permit) releaseSlot() {
	if p.held {
		p.held = false
		p.took += p.cache.opts.Limits.release(p.slot)
	}
}

// release ends the permit. It may be called again.
func (p *permit) release() {
	p.releaseSlot()
	if p.reserved+p.processed+p.current > 0 {
		p.cache.opts.Limits.settle(&p.cache.share, p.reserved, p.processed+p.current, p.failed)
		p.reserved, p.processed, p.current = 0, 0, 0
	}
	p.cancel(nil)
}

// likelySize returns the number of bytes that the cache reserves before a refresh. It is 0 for
// small documents, which need no reservation.
func (c *core) likelySize() int {
	limits := c.opts.Limits
	limits.mu.Lock()
	defer limits.mu.Unlock()
	if size := c.share.size; size > freeCost {
		return size
	}
	return 0
}

func (c *core) newPermit() *permit {
	p := &permit{cache: c}
	p.ctx, p.cancel = context.WithCancelCause(c.ctx)
	return p
}

// acquirePermit waits until Limits permit the first request. It returns nil if the cache is
// closed.
func (c *core) acquirePermit() *permit {
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
	p := c.newPermit()
	if n := c.likelySize(); n > 0 {
		t := limits.reserve(&c.share, n)
		if !c.await(t.granted) {
			limits.withdraw(t)
			p.release()
			return nil
		}
		p.reserved = n
	}
	p.slot, p.held = limits.request(&c.share, p.cancel, nil), true
	if !c.await(p.slot.granted) {
		p.release()
		return nil
	}
	return p
}

// busy reports whether caches wait for requests or bytes.
func (l *Limits) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.waiting.len()+l.slots.short.len()+l.slots.long.len() > 0
}

// tryPermit does what acquirePermit does, but returns nil instead of waiting.
func (c *core) tryPermit() *permit {
	limits := c.opts.Limits
	if limits.pause(&c.share) > 0 {
		return nil
	}
	p := c.newPermit()
	if n := c.likelySize(); n > 0 {
		if !limits.tryReserve(n) {
			p.release()
			return nil
		}
		p.reserved = n
	}
	if p.slot = limits.tryRequest(&c.share, p.cancel); p.slot == nil {
		p.release()
		return nil
	}
	p.held = true
	return p
}

// await waits until granted is closed. If the set becomes too old, await reports this. The
// result is false if the cache is closed.
func (c *core) await(granted <-chan struct{}) bool {
	for {
		select {
		case <-granted:
			return c.ctx.Err() == nil
		default:
		}
		if !c.sleep(granted, maxDuration) {
			return false
		}
	}
}

// sleep waits for the duration d, or until wake is closed. If the set becomes too old, sleep
// reports this and returns. The result is false if the cache is closed.
func (c *core) sleep(wake <-chan struct{}, d time.Duration) bool {
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
// request, unless it waits for bytes. No request is in flight while it waits: a small document is
// read first, and the request for a large document is sent again after the wait.
func (p *permit) get(ctx context.Context, url string, conditions validators, limit int) (*answer, error) {
	for {
		if err := p.acquireSlot(ctx); err != nil {
			return nil, fmt.Errorf("GET %s: Limits.MaxFetches: %w", redact(url), err)
		}
		a, err := get(ctx, p.cache.client, url, conditions, limit, p)
		p.processed += p.current
		p.current = 0
		missing := p.processed - p.reserved
		large, ok := errors.AsType[*largeError](err)
		switch {
		case ok:
			missing += large.cost
		case err != nil:
			return nil, err
		}
		if missing > 0 && (ok || !p.tryReserve(missing)) {
			p.releaseSlot()
			if err := p.waitForBytes(ctx, missing); err != nil {
				return nil, fmt.Errorf("GET %s: Limits.MaxBytesPerSecond: %w", redact(url), err)
			}
		}
		if !ok {
			return a, nil
		}
		p.took = 0 // the time of the request that was sent again does not count
	}
}

// largeError is the error of a body for which the Limits do not have enough bytes now.
type largeError struct {
	cost int // the estimated cost of the whole body
}

func (*largeError) Error() string { return "the document is large" }

const (
	// freeCost is the cost up to which a body is read before Limits.MaxBytesPerSecond permits it.
	// Nearly all key sets are smaller.
	freeCost = 16 << 10
	// largeCost is the cost from which on a body of unknown size may have any size.
	largeCost = 64 << 10
)

func (p *permit) count(cost int) { p.current = cost }

func (p *permit) admit(likely, most int) error {
	cost := p.current
	if cost < freeCost+max(0, p.reserved-p.processed) || cost == most {
		return nil
	}
	// Each step doubles the cost. So a server that sends few bytes and then hangs cannot reserve
	// many bytes, and a large body is requested again only a few times.
	if p.tryReserve(max(0, p.processed+2*cost-p.reserved)) {
		return nil
	}
	switch {
	case likely > cost:
		return &largeError{likely}
	case cost < largeCost:
		return &largeError{4 * cost}
	}
	return &largeError{max(2*cost, most)}
}

func (p *permit) tryReserve(n int) bool {
	if !p.cache.opts.Limits.tryReserve(n) {
		return false
	}
	p.reserved += n
	return true
}

// waitForBytes reserves n bytes. It returns an error if ctx ends first.
func (p *permit) waitForBytes(ctx context.Context, n int) error {
	defer p.startWait()()
	limits := p.cache.opts.Limits
	t := limits.reserve(&p.cache.share, n)
	select {
	case <-t.granted:
		p.reserved += n
		return nil
	case <-ctx.Done():
		limits.withdraw(t)
		return fmt.Errorf("%w: %w", errWaited, context.Cause(ctx))
	}
}

// startWait begins a wait for the Limits. The time until the call of the returned function does
// not count in the timeouts.
func (p *permit) startWait() (stop func()) {
	for _, c := range p.clocks {
		c.pause()
	}
	end := p.cache.startWait()
	return func() {
		end()
		for _, c := range p.clocks {
			c.resume()
		}
	}
}

// acquireSlot waits for the slot for the next request, if the slot was given back. It returns an
// error if ctx ends first, and then the request must not be sent.
func (p *permit) acquireSlot(ctx context.Context) error {
	limits := p.cache.opts.Limits
	if p.held {
		return nil
	}
	defer p.startWait()()
	p.slot, p.held = limits.request(&p.cache.share, p.cancel, p.slot), true
	select {
	case <-p.slot.granted:
		return nil
	case <-ctx.Done():
		p.releaseSlot()
		return fmt.Errorf("%w: %w", errWaited, context.Cause(ctx))
	}
}
