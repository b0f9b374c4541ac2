package jwks

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	minBackoff = time.Second
	maxBackoff = time.Minute
)

// pause returns two durations after a failure. The duration wait is the time until the next
// scheduled refresh. The duration retry is the longest time until a lookup may cause a fetch.
//
// The refresher obeys Retry-After. Lookups obey Retry-After for at most one CoolDown, so that a
// new key is still found within one CoolDown. While keys are unavailable, all requests fail, so
// lookups ignore Retry-After and cause one fetch per second. Therefore the first request after
// the outage gets the key that it needs.
func (c *core) pause(err error) (wait, retry time.Duration) {
	wait = backoff(c.refresher.failures)
	var requested time.Duration
	if status, ok := errors.AsType[*statusError](err); ok {
		requested = status.retry
	}
	wait = max(wait, requested)
	if !c.usable(time.Now()) {
		return wait, min(wait, minPause)
	}
	c.mu.Lock()
	c.heldUntil = time.Now().Add(min(requested, c.opts.CoolDown))
	c.mu.Unlock()
	return wait, min(wait, c.opts.CoolDown)
}

// backoff returns the pause after a number of consecutive failures: 1 s, 2 s, 4 s and so on,
// up to 60 s. The first pause is lengthened by a random 0 to 25 percent. The other pauses are
// shortened by a random 0 to 25 percent.
func backoff(failures int) time.Duration {
	d := maxBackoff
	if failures < 7 {
		d = min(minBackoff<<max(0, failures-1), maxBackoff)
	}
	if d > minBackoff {
		d -= jitter(d / 4)
	} else {
		d += jitter(d / 4)
	}
	return d
}

// jitter returns a random duration from 0 to d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) //nolint:gosec // the duration is not a secret
}

// retryAfter returns the duration in the Retry-After field of a response (RFC 9110, section
// 10.2.3). The result is at most maxBackoff, because a mistake of the issuer must not stop
// refreshes for longer. Without this field, the result is 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	var d time.Duration
	if s, err := strconv.ParseUint(value, 10, 31); err == nil {
		d = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxBackoff)
}
