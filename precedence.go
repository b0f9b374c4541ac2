package bearer

import (
	"errors"
	"slices"
)

// precedence lists all reasons. If an error contains several reasons, the first of these is
// the reason of the refusal. The order has three parts. A refused token comes first, because
// this request fails whatever else goes wrong. A fault of this service comes before a
// missing scope, because scopes.ReportOnly waives only a missing scope.
//
//nolint:gochecknoglobals // the list never changes
var precedence = [...]Reason{
	Revoked, Malformed, WrongIssuer, WrongAlgorithm, UnknownKey, BadSignature, WrongType, Expired, NotYetValid, WrongAudience,
	InvalidClaims, WrongBinding, InvalidCustom, InvalidRequest, NoToken,
	Internal, KeysUnavailable,
	MissingScope,
}

// isKnown reports whether r is one of the constants.
func (r Reason) isKnown() bool { return slices.Contains(precedence[:], r) }

// refusalOf returns the refusal for an error of a Verifier, a hook or a rule. The result is a
// copy, so that a change of the result does not affect the next request. If the error
// contains no reason, the reason is otherwise.
func refusalOf(err error, otherwise Reason) *Error {
	var f found
	f.search(err)
	switch {
	case f.count == 0:
		return &Error{Reason: otherwise, Err: err}
	case f.count == 1 && f.isReason:
		f.first.Err = err
	case f.count > 1:
		f.first.Err, f.first.ownText = severalError{err}, false
	}
	e := f.first
	e.shared = nil
	// The code below removes invalid scopes, because the WWW-Authenticate field contains the
	// scopes without escaping.
	e.Missing = validScopes(e.Missing)
	return &e
}

// found is the result of a search for reasons in a tree of errors.
type found struct {
	first    Error // the refusal with the reason that takes precedence
	isReason bool  // first was made from a Reason
	count    int   // the number of reasons in the tree
}

// search adds the reasons in err to f. An error that is a Reason or an *Error hides the
// errors that it wraps. Unlike errors.AsType, search does not stop at the first reason. So
// the order of joined errors does not matter.
func (f *found) search(err error) {
	if err == nil || f.addOwn(err) {
		return
	}
	switch err := err.(type) { //nolint:errorlint // the code unwraps the error
	case interface{ Unwrap() error }:
		f.search(err.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range err.Unwrap() {
			f.search(err)
		}
	}
}

// addOwn adds the reason of err, without the errors that err wraps. It reports whether there
// is one.
func (f *found) addOwn(err error) bool {
	switch own := err.(type) { //nolint:errorlint // search unwraps the error
	case *Error:
		return f.add(own, false)
	case Reason:
		return f.add(&Error{Reason: own}, true)
	case interface{ As(target any) bool }:
		var (
			refusal *Error
			reason  Reason
		)
		if own.As(&refusal) {
			return f.add(refusal, false)
		}
		return own.As(&reason) && f.add(&Error{Reason: reason}, true)
	}
	return false
}

// add adds a refusal and reports whether it is not nil. An unknown reason is ignored.
func (f *found) add(e *Error, isReason bool) bool {
	if e == nil {
		return false
	}
	place := slices.Index(precedence[:], e.Reason)
	if place < 0 {
		return true
	}
	f.count++
	switch current := slices.Index(precedence[:], f.first.Reason); {
	case f.count == 1 || place < current:
		f.first, f.isReason = *e, isReason
	case place == current:
		f.first.RetryAfter = max(f.first.RetryAfter, e.RetryAfter)
		f.first.Missing = append(slices.Clone(f.first.Missing), e.Missing...)
	}
	return true
}

// severalError is the detail of a refusal whose error contains several reasons. The refusal
// has one reason, so errors.Is and errors.As find no other reason in its detail. They find
// all other errors.
type severalError struct{ err error }

// Error returns the text of all errors.
func (s severalError) Error() string { return s.err.Error() }

// Is reports whether target is in the tree of errors and is not a Reason.
func (s severalError) Is(target error) bool {
	_, isReason := target.(Reason)
	return !isReason && errors.Is(s.err, target)
}

// As sets target to an error in the tree of errors, if the target is no reason.
func (s severalError) As(target any) bool {
	switch target.(type) {
	case **Error, *Reason:
		return false
	}
	return errors.As(s.err, target)
}
