package bearer

import (
	"errors"
	"slices"

	"github.com/bearerkit/bearer/internal/errtree"
	"github.com/bearerkit/bearer/internal/norule"
)

// precedence lists all reasons. If an error contains several reasons, the first of these is
// the reason of the refusal. The order has three parts. A refused token comes first, because
// this request fails whatever else goes wrong. A fault of this service comes before a
// missing scope, because scopes.ReportOnly waives only a missing scope.
//
//nolint:gochecknoglobals // the list never changes
var precedence = [...]Reason{
	Revoked, Malformed, WrongIssuer, WrongAlgorithm, UnknownKey, BadSignature, WrongType, Expired, NotYetValid, WrongAudience,
	InvalidClaims, WrongBinding, InvalidProof, ProofNonce, InvalidCustom, InvalidRequest, NoToken,
	Internal, KeysUnavailable, KeyNotAsked, Unavailable,
	MissingScope,
}

// isKnown reports whether r is one of the constants.
func (r Reason) isKnown() bool { return slices.Contains(precedence[:], r) }

// refusalOf returns the refusal for an error of a Verifier, a hook or a rule. The result is a
// copy, so that a change of the result does not affect the next request. If the error
// contains no reason, the reason is otherwise. refusalOf panics if a method of the error
// panics.
func refusalOf(err error, otherwise Reason) *Error {
	var f found
	if !f.search(err) {
		// The refusal does not wrap err, because a search in err may never end.
		return refuse(Internal, "the error of a rule, a hook or a verifier contains more than %d errors, or wraps itself", errtree.Max)
	}
	switch {
	case f.count == 0:
		return &Error{Reason: otherwise, Err: err}
	case f.count > 1 || f.unknown:
		f.first.Err, f.first.ownText = severalError{err}, false
	case f.isReason:
		f.first.Err = err
	}
	e := f.first
	e.shared = nil
	if norule.Is(e.Err) {
		e.Err = severalError{e.Err} // only the rule of the request decides whether there is a rule
	}
	// The code below removes invalid scopes, because the WWW-Authenticate field contains the
	// scopes without escaping.
	e.Missing, e.Required = validScopes(e.Missing), validScopes(e.Required)
	return &e
}

// found is the result of a search for reasons in a tree of errors.
type found struct {
	first    Error // the refusal with the reason that takes precedence
	isReason bool  // first was made from a Reason
	unknown  bool  // the tree contains a reason that is not one of the constants, or a nil *Error
	count    int   // the number of reasons in the tree
}

// search adds the reasons in err to f. It returns false if it did not search the whole tree.
// Unlike errors.AsType, search does not stop at the first reason. So the order of joined
// errors does not matter. Only a reason other than MissingScope hides the errors that its
// error wraps, because scopes.ReportOnly waives MissingScope.
func (f *found) search(err error) (complete bool) {
	tree := errtree.New(err)
	for err := tree.Next(); err != nil; err = tree.Next() {
		if !f.addOwn(err, &tree) {
			tree.Enter(err)
		}
	}
	return tree.Complete()
}

// addOwn adds the reasons of err, without the errors that err wraps. It reports whether these
// reasons hide the errors that err wraps.
func (f *found) addOwn(err error, tree *errtree.Tree) (hides bool) {
	switch own := err.(type) { //nolint:errorlint // search unwraps the error
	case *Error:
		return f.add(own, false)
	case Reason:
		return f.add(&Error{Reason: own}, true)
	case severalError:
		tree.Add(own.err)
		return true
	}
	if own, ok := err.(interface{ As(target any) bool }); ok {
		var (
			refusal *Error
			reason  Reason
		)
		if own.As(&refusal) {
			if f.add(refusal, false) {
				return true
			}
			tree.Add(refusal.Unwrap())
		}
		if own.As(&reason) && f.add(&Error{Reason: reason}, true) {
			return true
		}
	}
	if own, ok := err.(interface{ Is(target error) bool }); ok {
		for _, reason := range precedence {
			if own.Is(reason) && f.add(&Error{Reason: reason}, true) {
				return true
			}
		}
	}
	return false
}

// add adds a refusal. It reports whether the reason hides the errors that the refusal wraps.
// An unknown reason and a nil *Error are faults of the code that made the error, so they
// count as Internal.
func (f *found) add(e *Error, isReason bool) (hides bool) {
	hides = true
	if e == nil || !e.Reason.isKnown() {
		e, isReason, hides, f.unknown = &Error{Reason: Internal}, true, false, true
	}
	f.count++
	place, current := slices.Index(precedence[:], e.Reason), slices.Index(precedence[:], f.first.Reason)
	switch {
	case f.count == 1 || place < current:
		f.first, f.isReason = *e, isReason
		// The lists are clipped so that the code below does not change the caller's lists.
		f.first.Missing, f.first.Required = slices.Clip(e.Missing), slices.Clip(e.Required)
	case place == current:
		f.first.RetryAfter = max(f.first.RetryAfter, e.RetryAfter)
		if len(f.first.Required) > 0 || len(e.Required) > 0 {
			f.first.Required = append(slices.Clip(f.first.toRequest()), e.toRequest()...)
		}
		f.first.Missing = append(f.first.Missing, e.Missing...)
	}
	return hides && e.Reason != MissingScope
}

// toRequest returns the scopes that a guard sends to the client.
func (e *Error) toRequest() []string {
	if len(e.Required) > 0 {
		return e.Required
	}
	return e.Missing
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
