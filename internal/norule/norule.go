// Package norule marks the refusals of requests to which no rule applies. Package bearer sets
// the mark, and package refusal reads it. Both recognize the mark without a call of methods
// of other code.
package norule

import "github.com/bearerkit/bearer/scopes"

// Error is the detail of a refusal of a request that has no rule. Its text begins with the
// cause, so that a cut of a foreign detail does not remove the cause.
type Error struct {
	// Cause says for logs that there is no rule, and why.
	Cause string
	// Detail is the detail of the refusal without the cause. It may be nil.
	Detail error
}

// Prefix returns the part of the text that does not come from Detail.
func (e *Error) Prefix() string {
	if e.hasOwnDetail() {
		return e.Cause + "; "
	}
	return e.Cause
}

// Error returns the cause, and the text of Detail.
func (e *Error) Error() string {
	text := e.Prefix()
	if e.hasOwnDetail() {
		text += e.Detail.Error()
	}
	return text
}

// Unwrap returns Detail.
func (e *Error) Unwrap() error { return e.Detail }

// hasOwnDetail reports whether Detail says more than that there is no rule.
func (e *Error) hasOwnDetail() bool { return e.Detail != nil && !Is(e.Detail) }

// Is reports whether err, as the detail of a refusal, says that the request has no rule. If
// err only wraps [scopes.ErrNoRule], the result is false. For example, a function of a rule
// can return the error of another rule, and the request still has a rule.
func Is(err error) bool {
	switch err := err.(type) { //nolint:errorlint // see the comment of the function
	case *Error:
		return err != nil
	case *scopes.DeniedError:
		return err != nil && len(err.Missing) == 0 && err.Err == scopes.ErrNoRule //nolint:errorlint // see the comment of the function
	}
	return err == scopes.ErrNoRule //nolint:errorlint // see the comment of the function
}
