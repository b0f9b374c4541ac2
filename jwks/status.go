package jwks

import "time"

// Status is a cache seen from outside, for people and health pages.
type Status struct {
	// Issuer is the configured name, URL where the keys are from, without the
	// values of a query; it is "" until discovery has found it.
	Issuer, URL string
	// Ready says that there are keys; Stale that there are none because the last
	// good ones are older than MaxStale.
	Ready, Stale bool
	// Restored says that the keys are from the Store: the issuer has not answered
	// since the start.
	Restored bool
	// Keys are the usable keys, in the order of the document. Their ids may be long.
	Keys []*Key
	// KeySetHash stands for Keys in 16 hexadecimal digits: their ids, thumbprints
	// and permissions, in whatever order. Processes that use different keys show
	// different ones. "" if there are no keys.
	KeySetHash string
	// Skipped are the elements of the set left out, in the order of the document.
	Skipped []Skipped
	// LastSuccess is when the issuer was last asked with success, zero if it never
	// was.
	LastSuccess time.Time
	// Age is how long ago LastSuccess is.
	Age time.Duration
	// LastAttempt is when the issuer was last asked, NextRefresh when the
	// refresher will ask again if nobody makes it sooner.
	LastAttempt, NextRefresh time.Time
	// LastError is why the last attempt failed, nil if it did not; it names URLs
	// and addresses.
	LastError error
	// Failures is how many attempts failed since the last success.
	Failures int
	// Fetches counts the attempts since the start. Refreshed, NotModified and
	// Failed count them by what they came to; one may be under way. One may take
	// several requests: for metadata, and where the issuer lets the first one hang.
	Fetches, Refreshed, NotModified, Failed uint64
	// Rejected counts those of Failed in which the issuer did answer, with a
	// document that is no usable key set, so that the last good one stays: what a
	// rotation that went wrong looks like.
	Rejected uint64
	// MissFetches counts the attempts that a key which is not in the set caused,
	// Denied the lookups of such keys that caused none because of the cool-down.
	MissFetches, Denied uint64
}

// history is what Status reports beyond the snapshot. Cache.mu guards it.
type history struct {
	url                            string
	lastSuccess, lastAttempt, next time.Time
	lastError                      error
	failures                       int
	fetches, denied, missFetches   uint64
	refreshed, notModified, failed uint64
	rejected                       uint64
	restored                       bool
}

// Status describes the cache as it is now. It is not for every request: it copies.
func (c *Cache) Status() Status {
	now := c.state.Load()
	c.mu.Lock()
	h := c.history
	c.mu.Unlock()
	s := Status{
		Issuer: c.name, URL: h.url, Restored: h.restored,
		LastSuccess: h.lastSuccess, LastAttempt: h.lastAttempt, NextRefresh: h.next,
		LastError: h.lastError, Failures: h.failures,
		Fetches: h.fetches, Refreshed: h.refreshed, NotModified: h.notModified, Failed: h.failed, Rejected: h.rejected,
		MissFetches: h.missFetches, Denied: h.denied,
	}
	if !h.lastSuccess.IsZero() {
		now := time.Now()
		// The longer of what the clocks say: one stands while the machine sleeps.
		s.Age = max(now.Sub(h.lastSuccess), now.Round(0).Sub(h.lastSuccess))
	}
	if now.set == nil {
		return s
	}
	s.Ready = !c.past(now.until, time.Now())
	s.Stale = !s.Ready
	s.Skipped = now.set.Skipped()
	s.KeySetHash = now.set.hash
	s.Keys = now.set.Keys()
	return s
}
