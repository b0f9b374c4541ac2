package jwks

import (
	"iter"
	"net/http"
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

// maxSeconds is the largest number of seconds in a header. Larger numbers count as maxSeconds (RFC
// 9111, section 1.2.2). The sum of two such times does not overflow.
const maxSeconds = 1 << 31

// clockSkew is the largest difference between the clocks of this machine and of the issuer that is
// not mistaken for the age of a response.
const clockSkew = time.Minute

// directives are the fields Cache-Control and Expires of a response. They determine for how long
// the response is fresh.
type directives struct {
	control   bool          // whether there is a field Cache-Control
	noCache   bool          // no-cache or no-store
	hasMaxAge bool          // whether there is a directive max-age
	maxAge    time.Duration // its value; 0 if the value is invalid
	shared    time.Duration // the value of s-maxage, or 0
	expiry    bool          // whether there is a field Expires
	expires   time.Time     // its value; zero if the value is invalid
}

// readDirectives reads the fields Cache-Control and Expires.
func readDirectives(h http.Header) directives {
	var d directives
	fields := h.Values("Cache-Control")
	d.control = len(fields) > 0
	hasShared := false
	for _, field := range fields {
		for name, value := range listMembers(field) {
			switch {
			case strings.EqualFold(name, "no-store"), strings.EqualFold(name, "no-cache"):
				d.noCache = true
			// Of several values, the first value counts (RFC 9111, section 4.2.1).
			case strings.EqualFold(name, "max-age") && !d.hasMaxAge:
				d.hasMaxAge = true
				d.maxAge = deltaSeconds(value)
			case strings.EqualFold(name, "s-maxage") && !hasShared:
				hasShared = true
				d.shared = deltaSeconds(value)
			}
		}
	}
	if values := h.Values("Expires"); len(values) > 0 {
		d.expiry = true
		if at, err := http.ParseTime(values[0]); err == nil {
			d.expires = at
		}
	}
	return d
}

// renew returns the directives of a stored response after a response with status 304. A field of
// the new response replaces the stored field, and the other field stays (RFC 9111, section 4.3.4).
func (d directives) renew(by directives) directives {
	if !by.control {
		by.control, by.noCache, by.hasMaxAge, by.maxAge, by.shared = d.control, d.noCache, d.hasMaxAge, d.maxAge, d.shared
	}
	if !by.expiry {
		by.expiry, by.expires = d.expiry, d.expires
	}
	return by
}

// named reports whether the directives say for how long the response is fresh.
func (d directives) named() bool { return d.noCache || d.hasMaxAge || d.expiry }

// lifetime returns the time for which a response with the given Date is fresh in a private cache,
// and in the caches between the issuer and this cache (RFC 9111, section 4.2.1). A response with
// an invalid max-age or Expires is not fresh.
func (d directives) lifetime(date time.Time) (private, shared time.Duration) {
	switch {
	case d.noCache:
		return 0, 0
	case d.hasMaxAge:
		private = d.maxAge
	case d.expires.IsZero() && d.expiry: // many servers send "0" for a response that is not fresh
	case d.expiry:
		private = min(max(d.expires.Sub(date), 0), maxSeconds*time.Second)
	default:
		private = defaultLifetime
	}
	return private, max(private, d.shared)
}

// answerTimes are the times that belong to one response.
type answerTimes struct {
	sent, received time.Time     // the start of the request, and the time at which the header arrived
	date           time.Time     // the value of Date, or received
	dated          bool          // whether there is a valid Date
	ageField       time.Duration // the value of Age, or 0
	ownAge         time.Duration // the age without Date: the value of Age and the duration of the request
	age            time.Duration // the larger of ownAge and the age that follows from Date; see clocks
	stored         bool          // whether an HTTP cache says that it had stored the response
	byClock        bool          // whether age is the difference between Date and the clock of this machine
	unproven       bool          // whether nothing shows yet that this difference is not that of two clocks
}

// readTimes determines the age of a response (RFC 9111, section 4.2.3). As long as the difference
// between Date and the clock is at most clockSkew, it does not count.
func readTimes(h http.Header, sent, received time.Time) answerTimes {
	t := answerTimes{sent: sent, received: received, date: received}
	// Only the first member counts, and an invalid value is ignored (RFC 9111, section 5.1).
	first, _, _ := strings.Cut(h.Get("Age"), ",")
	age := deltaSeconds(strings.Trim(first, " \t"))
	t.ageField, t.ownAge = age, age+max(0, received.Sub(sent))
	t.age = t.ownAge
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		t.date, t.dated = date, true
		if apparent := received.Round(0).Sub(date); apparent > clockSkew {
			apparent = min(apparent, maxSeconds*time.Second)
			t.byClock = apparent > t.age
			t.age = max(t.age, apparent)
		}
	}
	t.stored = age > 0 || t.age > clockSkew
	return t
}

// made returns the time at which the issuer made or confirmed the response. It does not use Date,
// because the replicas of an issuer may have different clocks.
func (t answerTimes) made() time.Time { return t.received.Add(-t.ownAge) }

// repeats reports whether the answer t is the stored answer before, which an HTTP cache has sent again.
func (t answerTimes) repeats(before answerTimes) bool {
	return t.dated && before.dated && t.date.Equal(before.date) && t.received.Sub(before.received) >= minSpacing
}

// fresh returns the time for which a response stays fresh in a private cache. It is negative if
// the freshness has ended.
func (t answerTimes) fresh(d directives) time.Duration {
	private, _ := d.lifetime(t.date)
	return private - t.age
}

// confirmed returns the time from which Options.MaxStale counts. This is the time of the request,
// or the end of the freshness of the response if that is earlier. A response is fresh as long as
// the issuer allows an HTTP cache to keep it, so s-maxage counts too.
func (t answerTimes) confirmed(d directives) time.Time {
	_, shared := d.lifetime(t.date)
	if end := t.received.Add(shared - t.age); end.Before(t.sent) {
		return end
	}
	return t.sent
}

// deltaSeconds returns the duration for a number of seconds (RFC 9111, section 1.2.2). It returns 0
// if the text is not a number without a sign.
func deltaSeconds(text string) time.Duration {
	n := int64(0)
	for _, r := range []byte(text) {
		if r < '0' || r > '9' {
			return 0
		}
		n = min(10*n+int64(r-'0'), maxSeconds)
	}
	return time.Duration(n) * time.Second
}

// listMembers returns the members of a comma-separated list (RFC 9110, section 5.6.1), as names
// and values. A value is "" if the member has none. Quotation marks around a value are left out.
// Empty members are left out.
func listMembers(field string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for len(field) > 0 {
			end, quoted := 0, false
			for ; end < len(field) && (quoted || field[end] != ','); end++ {
				switch {
				case field[end] == '"':
					quoted = !quoted
				case field[end] == '\\' && quoted:
					end++ // the next character is quoted
				}
			}
			end = min(end, len(field))
			name, value, _ := strings.Cut(field[:end], "=")
			field = field[min(end+1, len(field)):]
			name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
			if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			if name != "" && !yield(name, value) {
				return
			}
		}
	}
}

// untilRefresh returns the time to the next refresh after a response that is fresh for the
// duration d. First, d is limited to the range from MinInterval to MaxInterval. The result is
// a random 75 to 95 percent of d. So the refresh begins while the set is still fresh, and
// processes that start at the same time refresh at different times.
func (o *Options) untilRefresh(d time.Duration) time.Duration {
	d = min(max(d, o.MinInterval), o.MaxInterval)
	return d - d/20 - jitter(d/5)
}
