package jwks

import "time"

// Status is the state of a cache at one time, for operators and health pages.
type Status struct {
	// Issuer is the issuer's name: Options.Issuer, or its default. URL is the URL of the key
	// set, without the values of its query. URL is "" until discovery succeeds.
	Issuer, URL string
	// Ready reports that keys are available. Stale reports that they are not, because
	// the last good set is older than MaxStale.
	Ready, Stale bool
	// Restored reports that the keys come from the Store: the issuer has not answered
	// since the start.
	Restored bool
	// Keys are the usable keys, in document order. Their ids come from the issuer and may be
	// long: cut them before you log them.
	Keys []*Key
	// KeySetHash is a hash of Keys, in 16 hexadecimal digits. It depends on the ids,
	// thumbprints, issuers and permissions of the keys, but not on the order of the keys.
	// Processes that use different keys have different hashes. KeySetHash is "" if there
	// are no keys.
	KeySetHash string
	// Skipped are the elements of the set that cannot be used, in document order.
	Skipped []Skipped
	// LastSuccess is when the last successful attempt to fetch the keys began. If Restored,
	// this was before the start of the cache. It is zero if there was none.
	LastSuccess time.Time
	// Age is the time since LastSuccess.
	Age time.Duration
	// LastAttempt is when the last attempt began. NextRefresh is when the next scheduled
	// refresh begins; lookups may cause an earlier refresh.
	LastAttempt, NextRefresh time.Time
	// LastError is the error of the last attempt, or nil if it succeeded. It names URLs
	// and addresses.
	LastError error
	// Failures is the number of failed attempts since the last successful one.
	Failures int
	// Fetches is the number of attempts since the start. Refreshed, NotModified and
	// Failed count the attempts that have ended, by result. One attempt may make several
	// HTTP requests: for metadata, and after a request that the issuer leaves hanging.
	Fetches, Refreshed, NotModified, Failed uint64
	// Rejected counts the failed attempts in which the issuer answered, but with a
	// document that is not a usable key set. The last good set stays in use. The usual
	// cause is a key rotation that went wrong.
	Rejected uint64
	// MissFetches counts the attempts caused by keys that are not in the set. Denied
	// counts the lookups of such keys that caused no attempt, because of the limits of
	// Options.CoolDown or the issuer's Retry-After.
	MissFetches, Denied uint64
}

// history is the part of Status that is not in the snapshot. Cache.mu guards it.
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

// Status returns the current state of the cache. It copies data: do not call it for
// every request.
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
		// The monotonic clock stops while the machine is suspended, and the wall clock may
		// be set back: the longer time counts.
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
