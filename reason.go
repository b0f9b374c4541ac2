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

// Reason is the reason of a refusal, in one word. This package and its guards report only
// the constants below, which are safe as metric labels and in responses to clients. A
// Reason is an error, so that callers can write errors.Is(err, bearer.Expired).
type Reason string

// The reasons of refusals.
const (
	// InvalidRequest: the Authorization field is not Bearer, a space and one token (RFC 6750,
	// section 3.1: invalid_request).
	InvalidRequest Reason = "request"
	// NoToken: the request has no bearer credentials: no Authorization field, or another
	// scheme.
	NoToken Reason = "no_token"
	// Malformed: the token is not a JWS in compact serialization with a valid header and
	// claims set (RFC 7515, RFC 7519), it is longer than 16 KiB, or it has an extension
	// that is not supported ("crit").
	Malformed Reason = "malformed"
	// WrongIssuer: "iss" is not a configured issuer (RFC 9068, section 4).
	WrongIssuer Reason = "issuer"
	// WrongAlgorithm: "alg" is not in Config.Algorithms (RFC 8725, section 3.1).
	WrongAlgorithm Reason = "algorithm"
	// UnknownKey: the issuer publishes no key with the token's "kid" for its "alg".
	UnknownKey Reason = "unknown_key"
	// BadSignature: the signature is not valid under the issuer's key.
	BadSignature Reason = "signature"
	// WrongType: "typ" is not in Profile.Types (RFC 9068, section 4), or the header has a member
	// of Profile.ForbiddenHeader.
	WrongType Reason = "type"
	// Expired: "exp" has passed, without leeway, or the token is older than Config.MaxAge.
	Expired Reason = "expired"
	// NotYetValid: "nbf" or "iat" is more than 60 s in the future.
	NotYetValid Reason = "not_yet_valid"
	// WrongAudience: "aud", or the claim that Profile.Audience names instead, contains none of
	// Config.Audience (RFC 7519, section 4.1.3).
	WrongAudience Reason = "audience"
	// InvalidClaims: a required claim is missing, a claim is forbidden or has the wrong type
	// or value, or the lifetime exceeds Config.MaxLifetime.
	InvalidClaims Reason = "claims"
	// WrongBinding: the token is bound to a key of its sender ("cnf", RFC 7800). This package
	// does not check proof of possession.
	WrongBinding Reason = "binding"
	// InvalidCustom: Config.Custom or Config.Validate returned an error without another
	// Reason.
	InvalidCustom Reason = "custom"
	// Revoked: the token was revoked before it expired. This package does not check
	// revocation: Config.Validate or a [Verifier] of another package reports this reason.
	Revoked Reason = "revoked"
	// MissingScope: the token is valid, but the rule of the route does not allow the request
	// (RFC 6750, section 3.1: insufficient_scope), or the route has no rule.
	MissingScope Reason = "scope"
	// KeysUnavailable: the issuer's keys are not available, or the request ended while it
	// waited for the keys (see [Event.Abandoned]). Missing keys are a fault of this service or
	// of the issuer, not of the client.
	KeysUnavailable Reason = "keys_unavailable"
	// Internal: a fault of this service, such as a panic in Config.Validate.
	Internal Reason = "internal"
)

// Error returns the reason as a string.
func (r Reason) Error() string { return string(r) }

// Error is the error of a refused request or token. Every error of a verifier of this
// package, of [Decide] and of a guard holds an *Error. To get the *Error, call
// errors.AsType[*bearer.Error](err), and do not use a type assertion: frequent refusals are
// shared values of another type. The caller owns the result of errors.AsType. To check only
// the reason, write errors.Is(err, bearer.Expired).
type Error struct {
	// Reason determines the response to the client.
	Reason Reason
	// Missing lists the scopes that the rule requires and the token does not grant, if
	// Reason is MissingScope. It is empty if the rule denied the request because of
	// something else, such as a claim.
	Missing []string
	// RetryAfter is how long the client should wait before it retries, if Reason is
	// KeysUnavailable. It is zero if the time is unknown: guards then tell the client 5 s.
	RetryAfter time.Duration
	// Err is the detail, for logs and never for clients. It quotes values of the token,
	// escaped and cut, but never the token itself. It may be nil.
	Err error

	issuer     string       // the configured issuer of the token; "" if none matches
	unverified *Claims      // the claims, verified or not; nil if they were not read
	ownText    bool         // this package wrote the text of Err, in which values of the token are cut
	shared     *sharedError // what callers get instead of this Error; nil if they get the Error
}

// Error returns the reason and the detail on one line, for logs.
func (e *Error) Error() string {
	text := "bearer: " + string(e.Reason)
	if e.Err != nil {
		// Joined errors contain line breaks.
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

// refuse returns an Error with a formatted detail.
func refuse(reason Reason, format string, args ...any) *Error {
	if false {
		_ = fmt.Errorf(format, args...) // so that vet checks the arguments
	}
	r := &refusal{Error{Reason: reason, ownText: true}, detail{format, args}}
	r.Err = &r.detail
	return &r.Error
}

// refusal is an Error and its detail in one allocation.
type refusal struct {
	Error
	detail
}

// detail is an error that formats its text only when the text is read: most refusals are
// never logged, and formatting takes half of the time of a refusal. The arguments must not
// change.
type detail struct {
	format string
	args   []any
}

// Error returns the text.
func (d *detail) Error() string { return fmt.Errorf(d.format, d.args...).Error() }

// Unwrap returns the error among the arguments if the format has %w. Without %w it returns
// nil, so that the value of a panic does not determine the reason.
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
// nothing. It is not an *Error, because callers can change the fields of an *Error.
// errors.AsType makes a new *Error from a sharedError.
type sharedError struct{ refusal Error }

// sharedRefusal returns an Error that is made once for all requests. Callers of the package
// must get it through toCaller.
func sharedRefusal(reason Reason, detail error) *Error {
	e := &Error{Reason: reason, Err: detail, ownText: true}
	e.shared = &sharedError{*e}
	return e
}

// Error returns the text of the Error.
func (s *sharedError) Error() string { return s.refusal.Error() }

// Is reports whether target is the Reason of the Error.
func (s *sharedError) Is(target error) bool { return s.refusal.Is(target) }

// Unwrap returns the detail of the Error.
func (s *sharedError) Unwrap() error { return s.refusal.Err }

// As sets target to a new *Error if it is a **Error.
func (s *sharedError) As(target any) bool {
	to, ok := target.(**Error)
	if ok {
		e := s.refusal
		*to = &e
	}
	return ok
}

// toCaller returns the form of e for callers of the package: an Error that the caller owns,
// or a sharedError, which callers cannot change.
func (e *Error) toCaller() error {
	if e.shared != nil {
		return e.shared
	}
	return e
}

// asError returns the error of a Verifier or of a rule as an *Error. An error without a
// reason gets the reason Internal: the request is refused, but the client is not blamed.
// The result is a copy, so that changes to it do not affect the next request.
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
	// Challenges contain the scopes without escaping, so this removes invalid scopes.
	e.Missing = slices.DeleteFunc(slices.Clone(e.Missing), func(name string) bool {
		_, err := scopes.Of(name)
		return err != nil
	})
	return e
}

// known reports whether r is one of the constants.
func (r Reason) known() bool {
	switch r {
	case InvalidRequest, NoToken, Malformed, WrongIssuer, WrongAlgorithm, UnknownKey, BadSignature, WrongType, Expired,
		NotYetValid, WrongAudience, InvalidClaims, WrongBinding, InvalidCustom, Revoked, MissingScope, KeysUnavailable, Internal:
		return true
	}
	return false
}
