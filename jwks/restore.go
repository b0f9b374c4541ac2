package jwks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// restore reads the Store at the start. The lookups wait for it.
func (c *core) restore() {
	f := c.running
	c.readStore()
	c.mu.Lock()
	c.running = nil
	c.mu.Unlock()
	close(f.done)
}

// readStore loads the key set from the Store. If the key set is valid, readStore puts it in use.
func (c *core) readStore() {
	_, err := catchPanic(func() ([]byte, error) { return nil, c.load() })
	if err != nil && !errors.Is(err, fs.ErrNotExist) && c.ctx.Err() == nil {
		c.opts.Logger.Warn("jwks: key set in the store cannot be used", "issuer", c.name, "error", quote.Line(err.Error()))
		c.notify(Event{Kind: StoreFailed, Err: err})
	}
}

func (c *core) load() error {
	ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
	defer cancel()
	data, err := c.saver.load(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	stored, err := open(data, c.storeKey(), c.source, now)
	if err != nil {
		return err
	}
	if stored.Withdrawn {
		// The record stays valid for longer than MaxStale, because it brings no keys back.
		c.refresher.judge.emptyMade = stored.Answered
		c.withdraw()
		c.opts.Logger.Warn("jwks: the issuer had withdrawn its keys before this process started", "issuer", c.name, "withdrawn", stored.Answered)
		return nil
	}
	if j := &c.refresher.judge; j.withdrawn && !stored.Answered.After(j.emptyMade) {
		return errors.New("the issuer has withdrawn these keys since they were stored")
	}
	age := max(0, now.Sub(stored.Answered))
	if age >= c.opts.MaxStale {
		return fmt.Errorf("older than Options.MaxStale: stored %v ago", age.Round(time.Second))
	}
	set, err := parseAfter(c.ctx.Err, nil, stored.Document, c.opts.keyLimits())
	if err != nil {
		return err
	}
	set.setSource(c.place)
	unconfirmed := &UnavailableError{RetryAfter: time.Second, Err: errors.New("the issuer has not answered since the start")}
	confirmedAt := now.Add(-age)
	c.refresher.judge.restored(confirmedAt)
	c.state.Store(&snapshot{set: set, until: c.deadline(confirmedAt), noSet: errTooOld, noKey: unconfirmed, confirmedAt: confirmedAt})
	c.opts.Limits.restored(&c.share)
	c.mu.Lock()
	c.history.lastSuccess, c.history.restored = stored.Answered, true
	c.mu.Unlock()
	c.opts.Logger.Info("jwks: keys restored from the store", "issuer", c.name, "keys", len(set.keys), "age", age.Round(time.Second))
	c.notify(Event{Kind: Restored, Keys: len(set.keys), SkippedCount: len(set.skipped)})
	return nil
}

// save stores the document in use and the time from which MaxStale counts, or the fact that the
// issuer has withdrawn its keys. After a failed refresh, the stored data stays. It also stays if
// the document is older than MaxStale, because stored keys must not become younger.
func (c *core) save(done *outcome) {
	r := record{Source: c.source, Answered: done.confirmedAt.UTC(), Document: c.refresher.document}
	switch {
	case c.opts.Store == nil, done.oldAnswer, done.err != nil && !done.withdrew:
		return
	case done.withdrew:
		r = record{Source: c.source, Answered: done.times.made().UTC(), Withdrawn: true}
	}
	data, err := seal(r, c.storeKey())
	if err != nil {
		c.saveFailed(err)
		return
	}
	c.saver.save(data)
}

func (c *core) saveFailed(err error) {
	c.opts.Logger.Warn("jwks: storing the key set failed", "issuer", c.name, "error", quote.Line(err.Error()))
	c.notify(Event{Kind: StoreFailed, Err: err})
}
