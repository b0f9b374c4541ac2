package jwks

import (
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// maxReported is the largest number of elements of one set for which report writes log
// records and sends events. It also limits the number of key ids in a log record.
const maxReported = 10

// report logs the outcome of a refresh and sends the events of the refresh. It logs
// failures (see mayLogFailure), the first success after a failure, and each change of the keys.
func (c *core) report(previous *Set, done outcome, wait time.Duration) {
	log := c.opts.Logger.With("issuer", c.name)
	if done.err != nil {
		if c.mayLogFailure(time.Now()) {
			log.Warn("jwks: refresh failed", "error", quote.Line(done.err.Error()), "failures", c.refresher.failures,
				"retry_in", wait.Round(time.Millisecond), "keys_usable", c.usable(time.Now()))
		}
		c.notify(Event{Kind: RefreshFailed, Cause: done.cause, Duration: done.took, Err: done.err})
		if done.withdrew {
			c.reportWithdrawn(done.err)
		}
		return
	}
	if done.failedBefore > 0 {
		log.Info("jwks: refresh succeeded again", "failures", done.failedBefore)
	}
	e := Event{Kind: Refreshed, Cause: done.cause, Duration: done.took, Keys: len(done.set.keys), SkippedCount: len(done.set.skipped)}
	if done.notModified {
		e.Kind = NotModified
	}
	c.notify(e)
	if done.oldAnswer {
		c.reportOldAnswer(done.times)
	}
	if done.set == previous {
		return
	}
	added, removed := newIDs(previous, done.set), newIDs(done.set, previous)
	if previous == nil || len(added)+len(removed) > 0 {
		log.Info("jwks: keys changed", "keys", len(done.set.keys), "added", added, "removed", removed, "hash", done.set.hash)
	}
	for i, skipped := range done.set.skipped {
		if i == maxReported {
			log.Warn("jwks: the key set has further elements that cannot be used", "skipped", len(done.set.skipped))
			break
		}
		if skipped.Private {
			log.Error("jwks: the issuer publishes a private key, which it must replace", "index", skipped.Index, "kid", skipped.ID)
		} else {
			log.Warn("jwks: an element of the key set cannot be used", "index", skipped.Index, "kid", skipped.ID, "reason", skipped.Reason)
		}
		c.notify(Event{Kind: KeySkipped, SkippedKey: skipped})
	}
}

// failureInterval is the least time between two log records about consecutive failures.
const failureInterval = time.Minute

// mayLogFailure reports whether a failed refresh is logged: it is the first failure after a
// success, or the last record is old.
func (c *core) mayLogFailure(now time.Time) bool {
	r := &c.refresher
	if r.failures > 1 && now.Sub(r.logged) < failureInterval {
		return false
	}
	r.logged = now
	return true
}

// newIDs returns the ids of the keys that are in the key set b but not in the key set a. If
// there are more than maxReported ids, "..." stands for the remaining ids.
func newIDs(a, b *Set) (ids []string) {
	if b == nil {
		return nil
	}
	for _, key := range b.keys {
		if a != nil && a.byIdentity[key.identity] != nil {
			continue
		}
		if len(ids) == maxReported {
			return append(ids, "...")
		}
		ids = append(ids, quote.Cut(key.id))
	}
	return ids
}
