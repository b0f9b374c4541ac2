package scopes

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// denial collects what a caller does not meet. The time to collect n names is linear.
type denial struct {
	missing []string
	seen    map[string]struct{} // the names in missing; nil while the list is short
	errs    []error
}

// add adds a missing scope.
func (d *denial) add(name string) {
	if d.seen == nil && len(d.missing) == manyNames {
		d.seen = setOf(d.missing)
	}
	if d.seen == nil {
		if !slices.Contains(d.missing, name) {
			d.missing = append(d.missing, name)
		}
		return
	}
	if _, ok := d.seen[name]; !ok {
		d.seen[name] = struct{}{}
		d.missing = append(d.missing, name)
	}
}

// cut removes everything that was added after the denial had this many names and errors.
func (d *denial) cut(names, errs int) {
	if d.seen != nil {
		for _, name := range d.missing[names:] {
			delete(d.seen, name)
		}
	}
	d.missing, d.errs = d.missing[:names], d.errs[:errs]
}

// err returns the error of the denial.
func (d *denial) err() error {
	return &DeniedError{Missing: d.missing, Err: errors.Join(d.errs...)}
}

// evaluate reports whether the caller meets the rule. If the caller does not meet the rule,
// evaluate adds the missing scopes and the errors of functions to d. It visits each node, and
// calls each function, at most once.
func (n *node) evaluate(ctx context.Context, granted Set, d *denial) bool {
	switch n.kind {
	case all:
		ok := true
		for _, name := range n.names {
			if !granted.Has(name) {
				ok = false
				d.add(name)
			}
		}
		return ok
	case anyOf:
		if n.met(granted) {
			return true
		}
		for _, name := range n.names {
			d.add(name)
		}
		return false
	case and:
		ok := true
		for _, rule := range n.rules {
			// The loop continues after a denial, so that the error lists everything that is missing.
			ok = rule.n.evaluate(ctx, granted, d) && ok
		}
		return ok
	case or:
		names, errs := len(d.missing), len(d.errs)
		for _, rule := range n.rules {
			if rule.n.evaluate(ctx, granted, d) {
				d.cut(names, errs)
				return true
			}
		}
		return false
	case function:
		err := n.fn(ctx)
		if err != nil {
			d.errs = append(d.errs, fmt.Errorf("%s: %w", n.name, err))
		}
		return err == nil
	case public:
		return true
	}
	return false
}
