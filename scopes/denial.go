package scopes

import (
	"context"
	"errors"
	"fmt"
)

// denial collects the results of the functions of a rule.
type denial struct {
	errs []error
	met  map[*node]bool // the functions that were called, and whether all their calls were successful
}

// err returns the error of the denial of rule n.
func (d *denial) err(n *node, granted Set) error {
	required, missing := n.lacking(granted, d.met)
	return &DeniedError{Missing: missing, Required: required, Err: errors.Join(d.errs...)}
}

// evaluate reports whether the caller meets the rule. If the caller does not meet the rule,
// evaluate adds the errors of functions to d. It visits each node, and calls each function, at
// most once.
func (n *node) evaluate(ctx context.Context, granted Set, d *denial) bool {
	if n.pure {
		return n.met(granted)
	}
	switch n.kind { //nolint:exhaustive // the other kinds are pure
	case and:
		ok := true
		for _, rule := range n.rules {
			// The loop continues after a denial, so that the error has the errors of all functions.
			ok = rule.n.evaluate(ctx, granted, d) && ok
		}
		return ok
	case or:
		errs := len(d.errs)
		for _, rule := range n.rules {
			if rule.n.evaluate(ctx, granted, d) {
				d.errs = d.errs[:errs]
				return true
			}
		}
		return false
	case function:
		err := n.fn(ctx)
		if err != nil {
			d.errs = append(d.errs, &functionError{n.name, err})
		}
		if d.met == nil {
			d.met = make(map[*node]bool)
		}
		before, called := d.met[n]
		d.met[n] = err == nil && (before || !called)
		return err == nil
	}
	return false
}

// functionError is the error of a function in a rule, with the name of the function. It formats
// nothing until a caller reads the text, because a later alternative of the rule can allow the
// request.
type functionError struct {
	name string
	err  error
}

// Error returns the name and the text of the error. Package fmt catches a panic of err.Error.
func (e *functionError) Error() string { return fmt.Sprintf("%s: %v", e.name, e.err) }

// Unwrap returns the error of the function.
func (e *functionError) Unwrap() error { return e.err }
