package jwks

import (
	"errors"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

var (
	// ErrUnknownKey means that no key in the issuer's current key set matches the
	// token's kid and alg. The token must be refused: HTTP 401, gRPC Unauthenticated.
	ErrUnknownKey = errors.New("jwks: no key in the issuer's key set matches the token's kid and alg")

	// ErrUnavailable means that the issuer's keys are not available, so the token can
	// be neither accepted nor refused: HTTP 503, gRPC Unavailable. errors.As finds an
	// [*UnavailableError] in every such error of this package.
	ErrUnavailable = errors.New("jwks: keys unavailable")
)

// UnavailableError reports why keys are not available, and when to retry. For an
// *UnavailableError, errors.Is(err, ErrUnavailable) returns true. Callers share the value:
// do not modify it.
type UnavailableError struct {
	// RetryAfter is how long to wait before a retry, in whole seconds and at least 1 s.
	// It is zero if the [Cache] is closed: a retry does not help.
	RetryAfter time.Duration
	// Err is the cause. It names URLs and addresses: log it, but never send it to
	// clients. It is never nil in errors of this package.
	Err error
}

// Error returns ErrUnavailable's text and the cause, on one line.
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

// wholeSeconds rounds d up to whole seconds, and to 1 s at least: Retry-After has no
// smaller unit (RFC 9110, section 10.2.3).
func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
