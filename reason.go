package bearer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/scopes"
)

// Reason says in one word why a request was refused. The set is closed; its
// values are safe as metric labels and are all that a client learns from. A
// Reason is an error itself, so that errors.Is(err, bearer.Expired) asks the
// question people have.
type Reason string

// The reasons, in the order in which a request meets them.
const (
	// InvalidRequest: the Authorization field is not one Bearer token (RFC 6750,
	// section 3.1: invalid_request).
	InvalidRequest Reason = "request"
	// NoToken: there are no bearer credentials.
	NoToken Reason = "no_token"
	// Malformed: not a JWS in compact serialization with a JOSE header and a
	// claims set that have one reading (RFC 7515, RFC 7519), or an extension that
	// is not understood ("crit").
	Malformed Reason = "malformed"
	// WrongIssuer: "iss" is not the configured issuer (RFC 9068, section 4).
	WrongIssuer Reason = "issuer"
	// WrongAlgorithm: "alg" is not among the issuer's (RFC 8725, section 3.1).
	WrongAlgorithm Reason = "algorithm"
	// UnknownKey: the issuer publishes no such key for this algorithm.
	UnknownKey Reason = "unknown_key"
	// BadSignature: the signature is not valid under the issuer's key.
	BadSignature Reason = "signature"
	// WrongType: "typ" is not one of the profile's (RFC 9068, section 4).
	WrongType Reason = "type"
	// Expired: "exp" has come, or the token is older than Config.MaxAge.
	Expired Reason = "expired"
	// NotYetValid: "nbf" or "iat" is in the future.
	NotYetValid Reason = "not_yet_valid"
	// WrongAudience: "aud" does not name this resource (RFC 7519, section 4.1.3).
	WrongAudience Reason = "audience"
	// InvalidClaims: a claim that is required is missing, one has the wrong
	// type, or the lifetime exceeds Config.MaxLifetime.
	InvalidClaims Reason = "claims"
	// WrongBinding: the token is bound to a key of its sender ("cnf", RFC 7800),
	// and possession of it was not shown.
	WrongBinding Reason = "binding"
	// InvalidCustom: Config.Custom or Config.Validate refused the claims.
	InvalidCustom Reason = "custom"
	// Revoked: the token was withdrawn before its time.
	Revoked Reason = "revoked"
	// MissingScope: the token is good and does not allow this (RFC 6750, section
	// 3.1: insufficient_scope), or there is no rule, so that nothing is allowed.
	MissingScope Reason = "scope"
	// KeysUnavailable: the issuer's keys cannot be had, or the request ended
	// before they were (see Event.Abandoned). Our side's fault, not the caller's.
	KeysUnavailable Reason = "keys_unavailable"
	// Internal: a fault on our side, such as a panic in a hook.
	Internal Reason = "internal"
)

// Error returns the reason as it is.
func (r Reason) Error() string { return string(r) }

// Error is what every error of a verifier of this package, of [Decide] and of a guard
// holds: errors.AsType[*bearer.Error](err) returns one that belongs to the caller. The
// error itself may be of another type, because frequent refusals are shared between
// requests. errors.Is(err, bearer.Expired) asks for the Reason alone.
type Error struct {
	// Reason is the only part that decides what a client sees.
	Reason Reason
	// Missing is the scopes that the rule asks for and the token does not
	// grant, with Reason MissingScope; empty where no scope would help.
	Missing []string
	// RetryAfter is how long a client should wait, with Reason
	// KeysUnavailable; zero where that is not known.
	RetryAfter time.Duration
	// Err is the detail, for logs and never for clients. It quotes what the
	// token says of itself (escaped, cut), never the token. It may be nil.
	Err error

	issuer     string       // the configured issuer that the token names; "": it names none
	unverified *Claims      // what the token says, verified or not; nil: it was not read
	ours       bool         // Err is a text of this package: values of the token in it are cut
	shared     *sharedError // what leaves the package in its place; nil: the Error itself
}

// Error returns the reason and the detail, for logs.
func (e *Error) Error() string {
	text := "bearer: " + string(e.Reason)
	if e.Err != nil {
		// Details of several problems come with line breaks; a log line is one.
		text += ": " + quote.Line(e.Err.Error())
	}
	return text
}

// Is reports whether target is the Reason of e.
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// refuse makes an Error with a formatted detail.
func refuse(reason Reason, format string, args ...any) *Error {
	if false {
		_ = fmt.Errorf(format, args...) // so that vet checks the arguments
	}
	r := &refusal{Error{Reason: reason, ours: true}, detail{format, args}}
	r.Err = &r.detail
	return &r.Error
}

// refusal is an Error and its detail in one piece of memory.
type refusal struct {
	Error
	detail
}

// detail is an error whose text is made when somebody reads it: most refusals are
// never logged, and fmt would be half of what they cost. The arguments must not
// change.
type detail struct {
	format string
	args   []any
}

// Error returns the text.
func (d *detail) Error() string { return fmt.Errorf(d.format, d.args...).Error() }

// Unwrap returns the error among the arguments, if the format wraps one. What a
// panic was about is an argument too, and no reason to go by.
func (d *detail) Unwrap() error {
	if !strings.Contains(d.format, "%w") {
		return nil
	}
	for _, arg := range d.args {
		if err, ok := arg.(error); ok {
			return err
		}
	}
	return nil
}

// sharedError is a refusal that all requests share, so that a flood of garbage allocates
// nothing. It is no *Error, whose fields a caller could change for the next request;
// errors.AsType makes a fresh *Error of it.
type sharedError struct{ is Error }

// sharedRefusal returns an Error that is made once for all requests. It must leave the
// package through out.
func sharedRefusal(reason Reason, detail error) *Error {
	e := &Error{Reason: reason, Err: detail, ours: true}
	e.shared = &sharedError{*e}
	return e
}

// Error returns the text of the Error.
func (s *sharedError) Error() string { return s.is.Error() }

// Is reports whether target is the Reason.
func (s *sharedError) Is(target error) bool { return s.is.Is(target) }

// Unwrap returns the detail.
func (s *sharedError) Unwrap() error { return s.is.Err }

// As sets target, if that is a **Error, to one that belongs to the caller.
func (s *sharedError) As(target any) bool {
	to, ok := target.(**Error)
	if ok {
		e := s.is
		*to = &e
	}
	return ok
}

// out returns e as it leaves the package: a value of the caller's own, or one that nobody
// can change.
func (e *Error) out() error {
	if e.shared != nil {
		return e.shared
	}
	return e
}

// asError makes an *Error of what a Verifier or a rule returned. What carries no
// reason is a fault of ours: the caller is neither accepted nor blamed.
// The value is a copy: what a caller does to its error is not what the next
// request sees.
func asError(err error) *Error {
	e := &Error{Reason: Internal, Err: err}
	if own, ok := errors.AsType[*Error](err); ok && own != nil {
		*e = *own
		e.shared = nil
	} else if reason, ok := errors.AsType[Reason](err); ok {
		e.Reason = reason
	}
	if !e.Reason.known() {
		e.Reason = Internal
	}
	// Scopes go into challenges as they are.
	e.Missing = slices.DeleteFunc(slices.Clone(e.Missing), func(name string) bool {
		_, err := scopes.Of(name)
		return err != nil
	})
	return e
}

// known reports whether r is in the closed set.
func (r Reason) known() bool {
	switch r {
	case InvalidRequest, NoToken, Malformed, WrongIssuer, WrongAlgorithm, UnknownKey, BadSignature, WrongType, Expired,
		NotYetValid, WrongAudience, InvalidClaims, WrongBinding, InvalidCustom, Revoked, MissingScope, KeysUnavailable, Internal:
		return true
	}
	return false
}
