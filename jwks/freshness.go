package jwks

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// deadline is a point in time on two clocks: the monotonic clock, which never jumps, and
// the wall clock, which runs while the machine is suspended.
type deadline struct {
	sinceEpoch time.Duration // on the monotonic clock, since core.epoch
	wall       int64         // on the wall clock, Unix time in nanoseconds
}

// deadline returns the time at which a set becomes too old. The time confirmedAt is the time at
// which the issuer confirmed the set.
func (c *core) deadline(confirmedAt time.Time) deadline {
	return deadline{confirmedAt.Sub(c.epoch) + c.opts.MaxStale, confirmedAt.UnixNano() + int64(c.opts.MaxStale)}
}

// reached reports whether now is at or after d on at least one of the two clocks. One clock is
// not enough, because the monotonic clock stops while the machine is suspended, and the wall
// clock may be set back. If the wall clock is set forward, the set may become too old too
// early, and the next lookup causes a fetch.
func (c *core) reached(d deadline, now time.Time) bool {
	return now.Sub(c.epoch) >= d.sinceEpoch || now.UnixNano() >= d.wall
}

// defaultLifetime is the time for which a response is fresh if its header does not determine
// this time.
const defaultLifetime = 5 * time.Minute

// lifetime returns the time for which a response is fresh in a private cache (RFC 9111,
// section 4.2). A response with an invalid max-age or Expires is not fresh.
func lifetime(h http.Header, now time.Time) time.Duration {
	// ParseUint returns its largest value if Age is out of range (RFC 9111, section
	// 1.2.2), and 0 if Age is not a number.
	seconds, _ := strconv.ParseUint(strings.TrimSpace(h.Get("Age")), 10, 31)
	age := time.Duration(seconds) * time.Second
	maxAge := time.Duration(-1) // no max-age
	for _, field := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "no-store"), strings.EqualFold(name, "no-cache"):
				return 0
			case strings.EqualFold(name, "max-age"):
				s, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
				if err != nil {
					return 0
				}
				// If there are several values of max-age, the shortest value is used. The loop
				// continues, because the directive no-cache may follow.
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
			return 0 // many servers send "0" for a response that is not fresh
		}
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		return at.Sub(now) - age
	}
	return defaultLifetime
}

// untilRefresh returns the time to the next refresh after a response that is fresh for the
// duration d. First, d is limited to the range from MinInterval to MaxInterval. The result is
// a random 75 to 95 percent of d. So the refresh begins while the set is still fresh, and
// processes that start at the same time refresh at different times.
func (o *Options) untilRefresh(d time.Duration) time.Duration {
	d = min(max(d, o.MinInterval), o.MaxInterval)
	return d - d/20 - jitter(d/5)
}
