package jwks

import (
	"errors"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

var (
	// ErrUnknownKey means that the issuer's current key set has no key of this id
	// that may verify this algorithm. It is a verdict on the token: 401.
	ErrUnknownKey = errors.New("jwks: no such key for this algorithm")

	// ErrUnavailable means that the issuer's keys cannot be had, so that nothing
	// can be said about the token: 503, Unavailable. Every such error is an
	// [*UnavailableError].
	ErrUnavailable = errors.New("jwks: keys unavailable")
)

// UnavailableError says that keys cannot be had, for how long at least, and why.
// errors.Is(err, ErrUnavailable) is true for it. Callers share it and do not modify
// it.
type UnavailableError struct {
	// RetryAfter is when the next attempt to fetch the keys may be over, rounded
	// up to whole seconds; zero if waiting will not help, because the [Cache] is closed.
	RetryAfter time.Duration
	// Err is the cause, for logs and never for clients: it names URLs and
	// addresses. It is never nil in errors of this package.
	Err error
}

// Error returns one line: the cause, without line breaks.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return ErrUnavailable.Error()
	}
	return ErrUnavailable.Error() + ": " + quote.Line(e.Err.Error())
}

// Is reports whether target is ErrUnavailable.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// wholeSeconds rounds up, and to one second at least: it is what Retry-After can
// say (RFC 9110, section 10.2.3).
func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
