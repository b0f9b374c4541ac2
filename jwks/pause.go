package jwks

import (
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/errtree"
)

const (
	minBackoff = time.Second
	maxBackoff = time.Minute
	// maxUnready is the longest time from an attempt to the next scheduled attempt while keys are
	// unavailable. A process without keys is not ready and gets no requests, so nothing else causes
	// an attempt.
	maxUnready = 5 * time.Second
	// maxRetryAfter is the longest time for which Retry-After of the issuer delays the next attempt
	// while keys are unavailable. While keys are available, this time is MaxInterval, but at least
	// maxRetryAfter.
	maxRetryAfter = time.Minute
	// maxJitter is the longest random time by which a fetch that a lookup causes comes later than
	// minPause, while keys are unavailable.
	maxJitter = minPause / 20
)

// holds are the times before which lookups and Ready cause no fetch, after a failed refresh or
// because of maxChanges.
type holds struct {
	withKeys, withoutKeys time.Time // while keys are available, and while they are not
}

// pause decides when the issuer may be asked again after the failed refresh done. It returns the
// time until the next scheduled refresh, and the least RetryAfter of the errors of lookups.
//
// Scheduled refreshes, lookups and Ready obey Retry-After, for at most the time that maxRetryAfter
// describes. They come later by a random 0 to 10 percent, so that the processes that got the same
// answer do not ask at the same moment. Cache.Refresh does not obey Retry-After, because an
// operator has decided.
//
// Without Retry-After, lookups are limited by Options.CoolDown while keys are available. While keys
// are unavailable, all requests fail, so lookups cause one fetch per second, and the first request
// after the outage gets the key that it needs. But if the issuer has answered that there is nothing
// at the URL, the pauses are 1 s, 2 s, 4 s and 5 s.
func (c *core) pause(done outcome) (wait, retry time.Duration) {
	now, r := time.Now(), &c.refresher
	usable := c.usable(now)
	if wrongAddress(done.err) || done.rejected && c.state.Load().set == nil && !r.hadKeys {
		r.wrongAnswers++
	} else {
		r.wrongAnswers = 0
	}
	asked := done.retryAt.Sub(now)
	long, short := hold(asked, c.longestHold()), hold(asked, maxRetryAfter)

	c.mu.Lock()
	defer c.mu.Unlock()
	began := c.history.lastAttempt
	next := began.Add(doubled(r.wrongAnswers, maxUnready) + jitter(maxJitter))
	if held := now.Add(short); held.After(next) {
		next = held
	}
	scheduled := backoff(r.failures, maxBackoff)
	c.held.Store(&holds{withKeys: now.Add(long), withoutKeys: next})
	if usable {
		return max(scheduled, long), min(scheduled, c.opts.CoolDown)
	}
	// The pause counts from the start of the attempt, because an attempt may take Options.Timeout.
	if done.foundURL && silent(done.err) {
		return short, minPause // only time was missing, so the next attempt has more time
	}
	wait = max(backoff(r.failures, maxUnready)-now.Sub(began), minPause+jitter(minPause/4))
	return max(wait, short), minPause
}

// longestHold returns the longest time for which Retry-After delays an attempt while keys are
// available.
func (c *core) longestHold() time.Duration { return max(maxRetryAfter, c.opts.MaxInterval) }

// hold returns the time for which an attempt must wait if the issuer has asked for the duration
// asked. It is at most the duration most, and a random 0 to 10 percent.
func hold(asked, most time.Duration) time.Duration {
	d := min(max(asked, 0), most)
	return d + jitter(d/10)
}

// retryAt returns the time before which lookups and Ready cause no fetch. It is in the past, or
// zero, if there is no such time.
func (c *core) retryAt(usable bool) time.Time {
	h := c.held.Load()
	switch {
	case h == nil:
		return time.Time{}
	case usable:
		return h.withKeys
	}
	return h.withoutKeys
}

// unavailable returns the error err of a lookup. If err is an UnavailableError, the result names
// the time from now until a lookup may cause a fetch, if this is longer.
func (c *core) unavailable(err error, now time.Time, usable bool) error {
	e, ok := err.(*UnavailableError) //nolint:errorlint // the errors of a snapshot are not wrapped
	if !ok || e.RetryAfter == 0 {
		return err
	}
	at := c.retryAt(usable).Add(-maxJitter) // a lookup waits for a fetch that begins so soon
	if d := wholeSeconds(at.Sub(now)); d > e.RetryAfter {
		return &UnavailableError{RetryAfter: d, Err: e.Err}
	}
	return err
}

// pullForward moves the scheduled refresh to the time at which it may begin without keys. The
// refresher calls it when the keys have become unavailable, because a failed refresh may have set a
// later time while keys were available.
func (c *core) pullForward(now time.Time) {
	next := now
	if at := c.retryAt(false); at.After(next) {
		next = at
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if next.Sub(c.epoch) < c.scheduled.sinceEpoch {
		c.scheduled = deadline{next.Sub(c.epoch), next.UnixNano()}
		c.history.next = next
	}
}

// backoff returns the pause after a number of consecutive failures: 1 s, 2 s, 4 s and so on,
// up to most. The first pause is lengthened by a random 0 to 25 percent. The other pauses are
// shortened by a random 0 to 25 percent.
func backoff(failures int, most time.Duration) time.Duration {
	d := doubled(failures, most)
	if d > minBackoff {
		return d - jitter(d/4)
	}
	return d + jitter(d/4)
}

// doubled returns 1 s, 2 s, 4 s and so on, up to most, for n = 1, 2, 3 and so on.
func doubled(n int, most time.Duration) time.Duration {
	return min(minBackoff<<min(max(0, n-1), 16), most)
}

// jitter returns a random duration from 0 to d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) //nolint:gosec // the duration is not a secret
}

// retryAfter returns the duration in the Retry-After field of a response (RFC 9110, section
// 10.2.3). The result is at most maxDuration. Without this field, the result is 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	s, err := strconv.ParseUint(value, 10, 63)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(s, uint64(maxDuration/time.Second))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date // the clock of the issuer, which has computed the time
	}
	return min(max(at.Sub(now), 0), maxDuration)
}

// requestedPause returns the longest Retry-After of the responses in err, or 0. Discovery may have
// got several responses.
func requestedPause(err error) (longest time.Duration) {
	for status := range statuses(err) {
		longest = max(longest, status.retry)
	}
	return longest
}

// tooManyRequests reports whether the issuer has answered with 429.
func tooManyRequests(err error) bool {
	for status := range statuses(err) {
		if status.code == http.StatusTooManyRequests {
			return true
		}
	}
	return false
}

// limited reports whether the issuer wants no further request now: it has answered with 429, or
// with Retry-After.
func limited(err error) bool { return tooManyRequests(err) || requestedPause(err) > 0 }

// statuses returns the responses in err.
func statuses(err error) iter.Seq[*statusError] {
	return func(yield func(*statusError) bool) {
		tree := errtree.New(err)
		for e := tree.Next(); e != nil; e = tree.Next() {
			if status, ok := e.(*statusError); ok && !yield(status) { //nolint:errorlint // the loop visits all errors
				return
			}
			tree.Enter(e)
		}
	}
}

// wrongAddress reports whether err consists of answers that say that there is nothing at the URL,
// or nothing for this client. Such an answer seldom changes within a second. But a proxy may
// answer so while an issuer is being deployed.
func wrongAddress(err error) bool {
	found := false
	tree := errtree.New(err)
	for e := tree.Next(); e != nil; e = tree.Next() {
		switch {
		case isWrongAddress(e):
			found = true
		case !wraps(e): // a network error, or the status 503
			return false
		default:
			tree.Enter(e)
		}
	}
	return found && tree.Complete()
}

// isWrongAddress is wrongAddress of an error that wraps no other.
func isWrongAddress(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the caller unwraps the error
	case *statusError:
		isClientError := strings.HasPrefix(strconv.Itoa(e.code), "4")
		return isClientError && e.code != http.StatusRequestTimeout && e.code != http.StatusTooEarly
	case *documentError:
		return true
	}
	return err == errRedirect //nolint:errorlint // the caller unwraps the error
}

// wraps reports whether err wraps other errors.
func wraps(err error) bool {
	switch e := err.(type) { //nolint:errorlint // the caller unwraps the error
	case interface{ Unwrap() error }:
		return e.Unwrap() != nil
	case interface{ Unwrap() []error }:
		return len(e.Unwrap()) > 0
	}
	return false
}
