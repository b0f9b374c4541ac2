package bearer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/unverified"
	"github.com/bearerkit/bearer/scopes"
)

// Reason is the reason of a refusal. This package and its guards report only the constants
// below. The constants are safe as metric labels. A guard tells the client the reasons Malformed,
// WrongIssuer, WrongAlgorithm, UnknownKey and BadSignature never, and another reason that
// concerns the token only if the signature was verified; do the same in your own responses. A
// Reason is an error, so that callers can write errors.Is(err, bearer.Expired).
type Reason string

// The reasons of refusals.
const (
	// InvalidRequest: the Authorization field is not Bearer, a space and one token (RFC 6750,
	// section 3.1: invalid_request).
	InvalidRequest Reason = "request"
	// NoToken: the request has no bearer credentials. It has no Authorization field, or the
	// field has a different scheme.
	NoToken Reason = "no_token"
	// Malformed: the token is not a JWS in compact serialization with a valid header and a
	// valid claims set (RFC 7515, RFC 7519). Tokens that are longer than 16 KiB and tokens
	// with extensions ("crit") are malformed too.
	Malformed Reason = "malformed"
	// WrongIssuer: "iss" is not a configured issuer (RFC 9068, section 4), or the key that
	// verifies the signature is for tokens of a different issuer (Profile.KeysNameIssuer).
	WrongIssuer Reason = "issuer"
	// WrongAlgorithm: "alg" is not in Config.Algorithms (RFC 8725, section 3.1).
	WrongAlgorithm Reason = "algorithm"
	// UnknownKey: the issuer publishes no key that has the "kid" of the token and fits the
	// "alg" of the token.
	UnknownKey Reason = "unknown_key"
	// BadSignature: the signature is not valid under the issuer's key.
	BadSignature Reason = "signature"
	// WrongType: "typ" is not in Profile.Types (RFC 9068, section 4), or the header has a member
	// of Profile.ForbiddenHeader.
	WrongType Reason = "type"
	// Expired: the time in "exp" has passed, by more than Config.Leeway (zero by default), or the
	// token is older than Config.MaxAge.
	Expired Reason = "expired"
	// NotYetValid: "nbf" or "iat" is in the future, by more than 60 s plus Config.Leeway.
	NotYetValid Reason = "not_yet_valid"
	// WrongAudience: the audience claim contains none of the strings in Config.Audience (RFC
	// 7519, section 4.1.3). The audience claim is "aud", or the claim that Profile.Audience
	// names instead.
	WrongAudience Reason = "audience"
	// InvalidClaims: a required claim is missing, a claim is forbidden, a claim has the wrong
	// type or value, or the lifetime exceeds Config.MaxLifetime.
	InvalidClaims Reason = "claims"
	// WrongBinding: the token is bound to a client key ("cnf", RFC 7800), and no [Binding] of
	// Config.Bindings is for this member of "cnf"; or the token, the scheme of the request and the
	// key that the client has shown do not fit each other (RFC 9449, section 7.1; RFC 8705, section
	// 3); or the token is not bound, and Config.RequireBound is set.
	WrongBinding Reason = "binding"
	// InvalidProof: the request has no valid proof that the client holds the key to which the token
	// is bound (RFC 9449, section 7.1: invalid_dpop_proof).
	InvalidProof Reason = "proof"
	// ProofNonce: the proof has no nonce of this service, or an old one (RFC 9449, section 9:
	// use_dpop_nonce). The response contains a nonce, and an honest client repeats the request
	// with it.
	ProofNonce Reason = "proof_nonce"
	// InvalidCustom: Config.Custom or Config.Validate returned an error that contains no
	// Reason.
	InvalidCustom Reason = "custom"
	// Revoked: the token was revoked before it expired. This package does not check
	// revocation. Only Config.Validate or a [Verifier] of another package reports this reason.
	Revoked Reason = "revoked"
	// MissingScope: the token is valid, but the rule of the route denies the request (RFC
	// 6750, section 3.1: insufficient_scope). A request without a rule is denied too. Its error
	// contains [scopes.ErrNoRule], no scope is missing, and the challenge of a guard contains no
	// error code.
	MissingScope Reason = "scope"
	// KeysUnavailable: the issuer's keys are not available, or the request ended while it
	// waited for the keys (see [Event.Abandoned]). If the keys are not available, this service
	// or the issuer is at fault. The client is not at fault.
	KeysUnavailable Reason = "keys_unavailable"
	// KeyNotAsked: no key in memory verifies the token, and the limit on fetches
	// (jwks.Options.CoolDown) or the issuer's Retry-After does not allow this service to ask the
	// issuer for newer keys yet. So the token is either genuine or forged: its key may be new. The
	// keys are available, and other tokens are not affected. Clients can cause this reason with
	// forged tokens, so do not count it as an outage.
	KeyNotAsked Reason = "key_not_asked"
	// Unavailable: this service cannot decide at the moment, because something other than the
	// issuer's keys is missing, such as the store of used proofs. The client is not at fault.
	Unavailable Reason = "unavailable"
	// Internal: this service has a fault, such as a panic in Config.Validate.
	Internal Reason = "internal"
)

// Error returns the reason as a string.
func (r Reason) Error() string { return string(r) }

// Error is the error of a refused request or token. Every error of [Decide], of
// middleware.Guard.Check and of the method Verify of this package's verifiers holds an *Error.
// To get the *Error, call
// errors.AsType[*bearer.Error](err). Do not use a type assertion, because frequent refusals
// are shared values of a different type. The caller may change the result of errors.AsType.
// To check only the reason, write errors.Is(err, bearer.Expired).
type Error struct {
	// Reason determines the response to the client, with one exception: if the error is from a
	// verifier of this package and the signature was not verified, the client learns only that
	// the token is invalid. A copy of the Error, and an error that wraps the Error, keep this
	// property. If a rule, a hook or a [Verifier] returns
	// an error that contains several reasons, for example with errors.Join, the order of the
	// errors does not matter. The reason is the first of these: Revoked; the other reasons from
	// Malformed to InvalidCustom in the order of their declaration; InvalidRequest; NoToken;
	// Internal; KeysUnavailable; KeyNotAsked; Unavailable; MissingScope. The same applies to the errors of several
	// functions of a rule. So [scopes.ReportOnly] waives a refusal only if the errors contain
	// no reason but MissingScope. An error contains a reason if errors.Is or errors.As finds the
	// reason. A reason other than MissingScope hides the errors that its error wraps. A reason
	// that is not one of the constants, and a nil *Error, count as Internal. The reason is
	// Internal too if a method of an error panics, if an error wraps itself, or if there are
	// more than 10,000 errors.
	Reason Reason
	// If Reason is MissingScope, Missing lists the scopes of Required that the token does not
	// grant. Missing is empty if the rule denied the request for a different cause, such as a
	// wrong value of a claim.
	Missing []string
	// If Reason is MissingScope, Required lists all scopes that the client needs for this
	// operation, even those that the token grants (RFC 6750, section 3.1). Guards send this list
	// to the client. If a rule has alternatives, the list is one of them; see
	// [scopes.DeniedError]. If Required is empty, guards send Missing, so that errors of other
	// packages need only Missing. With a metadata URL, package middleware also sets Required for
	// other Reasons with status 401.
	Required []string
	// If Reason is KeysUnavailable, KeyNotAsked or Unavailable, RetryAfter is the time after which the client should
	// retry. If the time is not known, RetryAfter is zero, and the response of a guard
	// contains 5 s.
	RetryAfter time.Duration
	// Scheme is the authentication scheme of the request, such as "Bearer" or "DPoP". It is empty if
	// the request has no credentials of an accepted scheme, and if the verifier has no bindings.
	// Guards put the error code into the challenge of this scheme (RFC 9449, section 7.2).
	Scheme string
	// Accepts is the result of [JWTVerifier.Accepts]. Guards write one challenge for each scheme in
	// it. Nil means Bearer. Do not change its elements.
	Accepts []Binding
	// If Reason is ProofNonce, Nonce is the nonce for the next proof. Guards send it to the client
	// (RFC 9449, section 9).
	Nonce string
	// Err is the detail of the refusal. It is for logs. Do not send it to clients. It quotes
	// values of the token, which are escaped and cut, but it never quotes the token itself.
	// Err may be nil.
	Err error

	issuer     string       // the configured issuer of the token; "" if no configured issuer matches
	unverified *Claims      // the claims, even if they were not verified; nil if they were not read
	ownText    bool         // this package wrote the text of Err, so long values of the token are cut in it
	unproved   bool         // the signature of the token was not verified, so the client must not learn the reason
	shared     *sharedError // the error that callers get instead of this Error; nil if callers get this Error
}

// isOfToken reports whether the reason says that the token is invalid. r must be one of the
// constants.
func (r Reason) isOfToken() bool {
	switch r { //nolint:exhaustive // all other reasons are reasons of the token
	case InvalidRequest, NoToken, MissingScope, KeysUnavailable, KeyNotAsked, Unavailable, Internal:
		return false
	}
	return true
}

// Error returns the reason and the detail on one line. The text is for logs.
func (e *Error) Error() string {
	if e == nil {
		return "<nil>"
	}
	text := "bearer: " + string(e.Reason)
	if e.Err != nil {
		// The text of joined errors contains line breaks.
		text += ": " + quote.Line(e.Err.Error())
	}
	return text
}

// Is reports whether target is the Reason of e.
func (e *Error) Is(target error) bool {
	switch target := target.(type) {
	case Reason:
		return e != nil && target == e.Reason
	case unverified.Mark: // package refusal asks for the mark
		return e != nil && e.unproved
	}
	return false
}

// Unwrap returns Err.
func (e *Error) Unwrap() error {
	if e == nil { // a hook returned a nil *Error
		return nil
	}
	return e.Err
}

// refuse returns an Error with a formatted detail.
func refuse(reason Reason, format string, args ...any) *Error {
	if false {
		_ = fmt.Errorf(format, args...) // this call never runs; it makes go vet check the arguments of refuse
	}
	r := &refusal{Error{Reason: reason, ownText: true}, detail{format, args}}
	r.Err = &r.detail
	return &r.Error
}

// The type refusal holds an Error and its detail, so that both take one allocation.
type refusal struct {
	Error
	detail
}

// The type detail is an error that formats its text only when the method Error is called.
// Most refusals are never logged, and formatting the text takes half of the time of a
// refusal. The arguments must not change later.
type detail struct {
	format string
	args   []any
}

// Error formats the text.
func (d *detail) Error() string { return fmt.Errorf(d.format, d.args...).Error() }

// If the format contains %w, Unwrap returns the first error in the arguments. Otherwise
// Unwrap returns nil, so that an error that was the value of a panic does not determine the
// reason.
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

// sharedError is a refusal that all requests share, so that a flood of malformed tokens
// allocates no memory. It is not an *Error, because callers can change the fields of an
// *Error. The function errors.AsType calls As, which makes a new *Error from a sharedError.
type sharedError struct{ refusal Error }

// sharedRefusal returns an Error that all requests share. Exported functions must not
// return this Error. They must return the result of its method toCaller.
func sharedRefusal(reason Reason, detail error) *Error {
	e := &Error{Reason: reason, Err: detail, ownText: true, unproved: reason.isOfToken()}
	e.shared = &sharedError{*e}
	return e
}

// Error returns the text of the Error.
func (s *sharedError) Error() string { return s.refusal.Error() }

// Is reports whether target is the Reason of the Error.
func (s *sharedError) Is(target error) bool { return s.refusal.Is(target) }

// Unwrap returns the detail of the Error.
func (s *sharedError) Unwrap() error { return s.refusal.Err }

// If target is a **Error, As sets *target to a new *Error and returns true.
func (s *sharedError) As(target any) bool {
	to, ok := target.(**Error)
	if ok {
		e := s.refusal
		*to = &e
	}
	return ok
}

// markUnproved marks the refusal of a token whose signature was not verified. A guard then
// gives the client the same answer as for every such token. The answers to reasons that do not
// concern the token stay the same.
func (e *Error) markUnproved() {
	if e.shared == nil { // sharedRefusal has marked the shared refusals
		e.unproved = e.Reason.isOfToken()
	}
}

// isUnproved reports whether the signature of the refused token was not verified. For the error of
// a hook or of another package, an error that it wraps can have the mark too, as in package refusal.
func (e *Error) isUnproved() bool {
	return e.unproved || !e.ownText && e.Reason.isOfToken() && unverified.Is(e)
}

// toCaller returns the error that callers of the package get for e. The result is an *Error
// that the caller may change, or a *sharedError, which callers cannot change.
func (e *Error) toCaller() error {
	if e.shared != nil {
		return e.shared
	}
	return e
}

// validScopes returns a copy of names without the invalid scopes and without duplicates.
func validScopes(names []string) []string {
	if set, err := scopes.Of(names...); err == nil {
		return slices.Collect(set.All())
	}
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := scopes.Of(name)
		drop := err != nil || seen[name]
		seen[name] = true
		return drop
	})
}
