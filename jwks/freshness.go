package jwks

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// deadline is an instant by both clocks: the one that never jumps, and the one
// that goes on while the machine sleeps.
type deadline struct {
	sinceEpoch time.Duration // by the monotonic clock
	wall       int64         // in nanoseconds of Unix time
}

// deadline returns until when a set may be used that the issuer confirmed then.
func (c *Cache) deadline(confirmed time.Time) deadline {
	return deadline{confirmed.Sub(c.epoch) + c.opts.MaxStale, confirmed.UnixNano() + int64(c.opts.MaxStale)}
}

// past reports whether either clock says that d is over. A machine that was
// suspended has not counted its sleep by the monotonic clock, and a wall clock
// that was set back has not counted either; one that was set forward costs a
// fetch.
func (c *Cache) past(d deadline, now time.Time) bool {
	return now.Sub(c.epoch) >= d.sinceEpoch || now.UnixNano() >= d.wall
}

const (
	// usualLifetime is how long an answer is believed that does not say.
	usualLifetime = 5 * time.Minute
	minBackoff    = time.Second
	maxBackoff    = time.Minute
)

// lifetime returns how long an answer says that it is fresh (RFC 9111, section
// 4.2), as a private cache reads it. What is nonsense counts as not fresh.
func lifetime(h http.Header, now time.Time) time.Duration {
	// Out of range it is the largest value (RFC 9111, section 1.2.2), and 0 if it is no number.
	seconds, _ := strconv.ParseUint(strings.TrimSpace(h.Get("Age")), 10, 31)
	age := time.Duration(seconds) * time.Second
	maxAge := time.Duration(-1) // none
	for _, field := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				s, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
				if err != nil {
					return 0
				}
				// Of several the shortest counts, and no-cache behind it yet.
				if d := time.Duration(s) * time.Second; maxAge < 0 || d < maxAge {
					maxAge = d
				}
			}
		}
	}
	if maxAge >= 0 {
		return maxAge - age
	}
	if expires := h.Get("Expires"); expires != "" {
		at, err := http.ParseTime(expires)
		if err != nil {
			return 0 // "0" is common, and means that
		}
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		return at.Sub(now) - age
	}
	return usualLifetime
}

// untilRefresh returns when to ask again after an answer that is fresh for d: a
// random 5 to 25 percent ahead of its end, so that there is a set at all times,
// and that processes which start together do not stay together.
func (o *Options) untilRefresh(d time.Duration) time.Duration {
	d = min(max(d, o.MinInterval), o.MaxInterval)
	return d - d/20 - jitter(d/5)
}

// backoff returns when to try again after so many failures in a row: 1 s, 2 s,
// 4 s ... 60 s, each but the first shortened by up to a quarter, the first
// lengthened.
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

// jitter returns a random part of d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) //nolint:gosec // spreads load; nothing secret about it
}

// retryAfter returns what an answer of 429 or 503 asks for (RFC 9110, section
// 10.2.3), one minute at most: an issuer's mistake must not cost more.
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
