package jwks

import (
	"slices"
	"time"
)

// Status is the state of a cache at one time. It contains the values that operators need, for
// example on a health page. In the comments of the fields, an attempt is a refresh that has
// begun, whether it succeeds or fails.
type Status struct {
	// Issuer is the name of the issuer, which is Options.Issuer or its default. URL is the URL
	// of the key set, without the values of its query. URL is "" until discovery succeeds.
	Issuer, URL string
	// Source names the source of the keys; see [Key.Source].
	Source string
	// Ready means that keys are available. Stale means that keys are unavailable because the
	// last good key set is older than Options.MaxStale.
	Ready, Stale bool
	// Idle means that the cache has no keys because nothing has used them for Options.OnDemand. The
	// cache fetches them when a token needs them.
	Idle bool
	// Withdrawn means that keys are unavailable because the issuer answers, but has published no
	// usable key for Options.MaxInterval or longer.
	Withdrawn bool
	// OldAnswer means that the keys come from an HTTP cache, whose answer was older than
	// Options.MaxStale; see Options.RefuseOldAnswers. The next younger answer ends this state.
	OldAnswer bool
	// ConfirmedAt is the time from which Options.MaxStale counts. It is the time at which the last
	// good answer arrived or, if an HTTP cache sent it after the end of its freshness, the end of
	// its freshness. ConfirmedAt is zero if there are no keys.
	ConfirmedAt time.Time
	// MaxStale is Options.MaxStale, or its default. The keys become unavailable MaxStale after
	// ConfirmedAt. It is never zero.
	MaxStale time.Duration
	// Restored means that the keys come from the Store, because no refresh has succeeded since
	// the start.
	Restored bool
	// Keys are the usable keys, in the order of the document. The ids of the keys come from
	// the issuer and may be long, so shorten the ids before you log them. The slices Keys and
	// Skipped are shared by all callers of [Cache.Status]: do not modify the slices.
	Keys []*Key
	// KeySetHash is a hash of Keys, in 16 hexadecimal digits. The hash depends on the ids,
	// thumbprints, issuers and permitted algorithms of the keys, but not on the order of the
	// keys. Processes that use different keys have different hashes. KeySetHash is "" if
	// there are no keys.
	KeySetHash string
	// Skipped are the elements of the key set that cannot be used, in the order of the
	// document.
	Skipped []Skipped
	// LastSuccess is the start time of the last successful attempt. If Restored is true, the
	// attempt began before the cache was created. LastSuccess is zero if no attempt has
	// succeeded.
	LastSuccess time.Time
	// Age is the time since LastSuccess.
	Age time.Duration
	// LastAttempt is the start time of the last attempt. If the attempt repeats its request
	// because the issuer does not answer, LastAttempt is the time of the last request.
	// NextRefresh is the start time of the next scheduled refresh. Lookups may cause an earlier
	// refresh.
	LastAttempt, NextRefresh time.Time
	// LastError is the error of the last attempt that has ended. It is nil if this attempt
	// succeeded. The error contains URLs and addresses, so never send it to clients.
	LastError error
	// Failures is the number of failed attempts since the last successful attempt.
	Failures int
	// Fetches is the number of attempts since the start. Refreshed, NotModified and Failed
	// count the attempts that have ended. Refreshed counts the attempts in which the issuer
	// sent a usable key set, NotModified counts the attempts with status 304, and Failed counts
	// the failed attempts. One attempt may send several HTTP requests, for example for the
	// metadata, or because the issuer did not answer the first request.
	Fetches, Refreshed, NotModified, Failed uint64
	// Rejected counts the failed attempts in which the issuer sent a document that is not a
	// usable key set. The last good key set stays in use, unless Withdrawn becomes true. The usual
	// cause is a mistake of the issuer in a key rotation.
	Rejected uint64
	// MissFetches counts the attempts that lookups caused while keys were available. Such a
	// lookup causes an attempt only if no key in the key set fits the token, or if no key that
	// fits verifies the signature. Denied counts the lookups that caused no attempt, because the
	// limits of Options.CoolDown or the issuer's Retry-After did not allow an attempt.
	MissFetches, Denied uint64
	// LimitWait is the time for which attempts waited for Options.Limits since the start, in
	// total. It includes the current wait. If LimitWait grows, other caches with the same Limits
	// use all requests or bytes, or this cache uses more bytes than its share.
	LimitWait time.Duration
	// ClockAhead is the time by which the clock of this machine is ahead of the clock of the
	// issuer. It is negative if the clock of this machine is behind. The clock of the issuer is the
	// field Date of its last answers with a key set. Zero: the difference is less than 5 s or
	// unknown. It is unknown until the second answer, if an HTTP cache may have stored the answers,
	// and after this machine was suspended or its clock was set, until the next answer.
	ClockAhead time.Duration
}

// history has the values of Status that are not in the snapshot. core.mu guards these values.
type history struct {
	url                            string
	lastSuccess, lastAttempt, next time.Time
	lastError                      error
	failures                       int
	fetches, denied, missFetches   uint64
	refreshed, notModified, failed uint64
	rejected                       uint64
	restored                       bool
	limitWait                      stopwatch
	clockAhead                     clockAhead
}

// stopwatch measures the time during which at least one goroutine does something.
type stopwatch struct {
	goroutines int
	since      time.Time     // the time at which the first of them began
	total      time.Duration // without the time after since
	stopped    time.Time     // the time at which the last of them ended
}

func (s *stopwatch) start(now time.Time) {
	if s.goroutines == 0 {
		s.since = now
	}
	s.goroutines++
}

func (s *stopwatch) stop(now time.Time) {
	s.stopped = now
	if s.goroutines--; s.goroutines == 0 {
		s.total += now.Sub(s.since)
	}
}

func (s *stopwatch) read(now time.Time) time.Duration {
	if s.goroutines == 0 {
		return s.total
	}
	return s.total + now.Sub(s.since)
}

// startWait counts the time from now until the call of the returned function in
// Status.LimitWait.
func (c *core) startWait() (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.limitWait.start(time.Now())
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.history.limitWait.stop(time.Now())
	}
}

// status is the implementation of [Cache.Status].
func (c *core) status() Status {
	state, now := c.state.Load(), time.Now()
	c.mu.Lock()
	h := c.history
	c.mu.Unlock()
	s := Status{
		Issuer: c.name, URL: h.url, Source: c.place, Restored: h.restored,
		LastSuccess: h.lastSuccess, LastAttempt: h.lastAttempt, NextRefresh: h.next,
		LastError: h.lastError, Failures: h.failures,
		Fetches: h.fetches, Refreshed: h.refreshed, NotModified: h.notModified, Failed: h.failed, Rejected: h.rejected,
		MissFetches: h.missFetches, Denied: h.denied, LimitWait: h.limitWait.read(time.Now()),
		ClockAhead: h.clockAhead.now(now), MaxStale: c.opts.MaxStale,
	}
	if !h.lastSuccess.IsZero() {
		s.Age = age(h.lastSuccess, now)
	}
	s.Idle = state.idle
	s.Withdrawn, s.OldAnswer, s.ConfirmedAt = state.withdrawn, state.oldAnswer, state.confirmedAt
	if state.set == nil {
		return s
	}
	s.Ready = !c.reached(state.until, now)
	s.Stale = !s.Ready
	// Clip: an append of a caller does not write into the shared arrays.
	s.Skipped, s.Keys = slices.Clip(state.set.skipped), slices.Clip(state.set.keys)
	s.KeySetHash = state.set.hash
	return s
}

// age returns the time from the time last to the time now. The longer time counts, because the
// monotonic clock stops while the machine is suspended, and the wall clock may be set back. The
// result is 0 if last is after now, because a refresh began after the caller read the clock.
func age(last, now time.Time) time.Duration {
	return max(0, now.Sub(last), now.Round(0).Sub(last))
}
