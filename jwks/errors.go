package jwks

import (
	"errors"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

var (
	// ErrUnknownKey means that no key in the issuer's current key set matches the
	// token's kid and alg. The caller must refuse the token with HTTP status 401 or gRPC code
	// Unauthenticated.
	ErrUnknownKey = errors.New("jwks: no key in the issuer's key set matches the token's kid and alg")

	// ErrUnavailable means that the issuer's keys are unavailable, so the token cannot be
	// verified. The caller must answer with HTTP status 503 or gRPC code Unavailable. Every
	// error of this package that matches ErrUnavailable contains an [*UnavailableError], and
	// errors.As finds it.
	ErrUnavailable = errors.New("jwks: keys unavailable")
)

// UnavailableError means that keys are unavailable, or only the key for one token (NotAsked). It contains the underlying error and the
// time to wait before a retry. For an *UnavailableError, errors.Is(err, ErrUnavailable)
// returns true. Callers share the value: do not modify it.
type UnavailableError struct {
	// NotAsked means that only the key for this token is unavailable: keys are available, but
	// none of them verifies the token, and Options.CoolDown or the issuer's Retry-After does not
	// allow the cache to ask the issuer for a newer key set yet. The token may be genuine. Clients
	// can cause this error with tokens that they invent, so do not count it as an outage.
	// RetryAfter then ends one second after the next fetch may begin. See
	// Options.RefuseNotAsked.
	NotAsked bool
	// RetryAfter is the time to wait before a retry. It is a whole number of seconds, and at
	// least 1 s. RetryAfter is zero if the [Cache] is closed, because a retry does not help.
	RetryAfter time.Duration
	// Err is the underlying error. It contains URLs and addresses, so log it but never send
	// it to clients. Err is never nil in errors of this package.
	Err error
}

// Error returns the text of ErrUnavailable and the text of Err, in one line.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return ErrUnavailable.Error()
	}
	return ErrUnavailable.Error() + ": " + quote.Line(e.Err.Error())
}

// Is reports whether target is ErrUnavailable.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns Err.
func (e *UnavailableError) Unwrap() error { return e.Err }

// wholeSeconds rounds d up to whole seconds, because Retry-After has no smaller unit
// (RFC 9110, section 10.2.3). The result is at least 1 s.
func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
