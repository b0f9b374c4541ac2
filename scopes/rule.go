package scopes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Rule is what a route or a method requires of its callers. The zero Rule denies every
// request. A Rule is immutable and safe for concurrent use.
//
// A rule with a mistake in it also denies every request. Mistakes are an invalid scope, a
// zero Rule inside another rule, and others that the functions of this package describe.
// [Rule.Err] returns the mistake and the line that declared the rule. Guards and tables
// call Err and refuse such a rule at start.
type Rule struct{ n *node }

type kind int

const (
	all kind = iota
	anyOf
	and
	or
	public
	function
)

// node holds the contents of a Rule. Copies of a Rule share one node.
type node struct {
	kind  kind
	names []string                    // the scopes of all and anyOf, as declared
	want  Set                         // names without duplicates, indexed
	rules []Rule                      // the operands of and and or
	name  string                      // of a function, or the mode of an and
	fn    func(context.Context) error // of a function
	pure  bool                        // the rule contains no function
	err   error                       // the mistakes in the rule, or nil
}

// All returns a rule that requires each of the scopes. All() requires a valid token and no
// scope.
func All(scopes ...string) Rule {
	return newRule(node{kind: all, names: slices.Clone(scopes), err: checkNames("All", scopes)})
}

// Any returns a rule that requires at least one of the scopes. Any() is a mistake: it
// denies every request.
func Any(scopes ...string) Rule {
	err := checkNames("Any", scopes)
	if len(scopes) == 0 {
		err = atCaller(errors.New("scopes: Any() has no scopes and denies every request; name at least one scope"))
	}
	return newRule(node{kind: anyOf, names: slices.Clone(scopes), err: err})
}

// And returns a rule that requires all of the rules. And() is a mistake.
func And(rules ...Rule) Rule {
	return newRule(node{kind: and, rules: slices.Clone(rules), err: checkOperands("And", rules)})
}

// Or returns a rule that requires at least one of the rules. Or() is a mistake.
func Or(rules ...Rule) Rule {
	return newRule(node{kind: or, rules: slices.Clone(rules), err: checkOperands("Or", rules)})
}

// Public returns the rule that requires nothing, not even a token. A token in the request
// is ignored. Public cannot be part of another rule: inside And, Or, ReportOnly and
// Optional it is a mistake.
func Public() Rule { return newRule(node{kind: public}) }

// Func returns a rule that requires that check returns nil. Guards pass the context of the
// request, which carries the caller's claims. check runs on every request and must be safe
// for concurrent use. [Rule.String] returns name. An empty name and a nil check are
// mistakes.
//
// If check returns an error, the request is denied. The error is logged with name and never
// sent to the client. If the error is or wraps a bearer.Reason or a *bearer.Error, the
// refusal has that reason, and otherwise bearer.MissingScope. [ReportOnly] waives only
// bearer.MissingScope.
func Func(name string, check func(context.Context) error) Rule {
	var err error
	if name == "" || check == nil {
		err = atCaller(fmt.Errorf("scopes: Func(%q, ...): the name must not be empty and the function must not be nil", name))
	}
	return newRule(node{kind: function, name: name, fn: check, err: err})
}

// Invalid returns a rule that denies every request and whose [Rule.Err] wraps err. It is
// for functions that build a rule and find a mistake in their arguments. The error also
// names the source line of the innermost caller outside of this module. If err is nil,
// Err reports this as the mistake.
func Invalid(err error) Rule {
	if err == nil {
		err = errors.New("scopes: Invalid(nil): the error must not be nil")
	}
	return newRule(node{kind: all, err: atCaller(err)})
}

func newRule(n node) Rule {
	n.pure, n.want = n.kind != function, newSet(slices.Clone(n.names))
	for _, rule := range n.rules {
		n.pure = n.pure && rule.n != nil && rule.n.pure
	}
	return Rule{&n}
}

func checkNames(fn string, names []string) error {
	var errs []error
	for _, name := range names {
		if !valid(name) {
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s(%q): %s", fn, name, mistake(name))))
		}
	}
	return errors.Join(errs...)
}

func checkOperands(fn string, rules []Rule) error {
	var errs []error
	if len(rules) == 0 {
		errs = append(errs, atCaller(fmt.Errorf("scopes: %s() has no rules; pass at least one", fn)))
	}
	for i, rule := range rules {
		switch {
		case rule.n == nil:
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s: rule %d is the zero Rule, which denies every request", fn, i+1)))
		case rule.n.kind == public:
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s: rule %d is Public, which cannot be part of another rule", fn, i+1)))
		case rule.n.err != nil:
			errs = append(errs, rule.n.err)
		}
	}
	return errors.Join(errs...)
}

// Err returns an error that lists every mistake in the rule, or nil. The error names the
// source line of each mistake. For the zero Rule, the error names no line.
func (r Rule) Err() error {
	if r.n == nil {
		return errors.New("scopes: there is no rule; the zero Rule denies every request")
	}
	return r.n.err
}

// IsPublic reports whether the rule is [Public].
func (r Rule) IsPublic() bool { return r.n != nil && r.n.kind == public }

// IsZero reports whether r is the zero Rule, which means that no rule was declared.
func (r Rule) IsZero() bool { return r.n == nil }

// HasFunc reports whether the rule contains a [Func]. Such a rule may deny a request
// although the token grants every scope.
func (r Rule) HasFunc() bool { return r.n != nil && !r.n.pure }

// DeniedError is the error of [Rule.Allow]. It reports why the rule denied a request.
type DeniedError struct {
	// Missing lists the scopes that the rule requires and the token does not grant,
	// each once, in the order of the rule. If no alternative of an [Or] or [Any] is
	// met, it lists the missing scopes of all alternatives. It is empty if no scope
	// is missing.
	Missing []string
	// Err holds the errors that functions of the rule returned (see [Func]), each with the
	// name of its function, or the mistakes in the rule. It may be nil. It is for logs. Do
	// not send it to clients.
	Err error
}

// Error names the missing scopes and Err. The text is for logs.
func (e *DeniedError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "missing scope "+strings.Join(e.Missing, " "))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns Err.
func (e *DeniedError) Unwrap() error { return e.Err }

// Allow returns nil if a caller with the granted scopes meets the rule. Otherwise it
// returns a *[DeniedError] with everything that is missing. Allow calls the functions of
// the rule with ctx. Allow ignores modes: a rule in report-only or optional mode is enforced.
func (r Rule) Allow(ctx context.Context, granted Set) error {
	if n := r.n; n != nil && n.pure && n.err == nil && n.met(granted) {
		return nil
	}
	if err := r.Err(); err != nil {
		return &DeniedError{Err: err}
	}
	var d DeniedError
	if r.n.evaluate(ctx, granted, &d) {
		return nil
	}
	return &DeniedError{Missing: d.Missing, Err: d.Err}
}

// evaluate reports whether the rule is met. If not, it adds the missing scopes and the
// errors of functions to d. It calls each function at most once.
func (n *node) evaluate(ctx context.Context, granted Set, d *DeniedError) bool {
	if n.pure {
		if n.met(granted) {
			return true
		}
		n.missing(granted, d)
		return false
	}
	switch n.kind {
	case and:
		ok := true
		for _, rule := range n.rules {
			// A denial does not end the loop: the caller learns everything that is
			// missing in one response.
			ok = rule.n.evaluate(ctx, granted, d) && ok
		}
		return ok
	case or:
		before := *d
		for _, rule := range n.rules {
			if rule.n.evaluate(ctx, granted, d) {
				*d = before
				return true
			}
		}
		return false
	case function:
		err := n.fn(ctx)
		if err != nil {
			d.Err = errors.Join(d.Err, fmt.Errorf("%s: %w", n.name, err))
		}
		return err == nil
	case all, anyOf, public: // always pure
	}
	return false
}

// met reports whether a rule without functions is met. It does not allocate.
func (n *node) met(granted Set) bool {
	switch n.kind {
	case all:
		if n.want.index != nil && granted.index != nil {
			return countGranted(n.want, granted, len(n.want.names)) == len(n.want.names)
		}
		for _, name := range n.want.names {
			if !granted.Has(name) {
				return false
			}
		}
		return true
	case anyOf:
		if n.want.index != nil && granted.index != nil {
			return countGranted(n.want, granted, 1) == 1
		}
		return slices.ContainsFunc(n.want.names, granted.Has)
	case and:
		return !slices.ContainsFunc(n.rules, func(r Rule) bool { return !r.n.met(granted) })
	case or:
		return slices.ContainsFunc(n.rules, func(r Rule) bool { return r.n.met(granted) })
	case public:
		return true
	case function: // never pure
	}
	return false
}

// missing adds to d the scopes of a rule without functions that are not granted.
func (n *node) missing(granted Set, d *DeniedError) {
	for _, name := range n.names {
		if !granted.Has(name) && !slices.Contains(d.Missing, name) {
			d.Missing = append(d.Missing, name)
		}
	}
	for _, rule := range n.rules {
		if !rule.n.met(granted) {
			rule.n.missing(granted, d)
		}
	}
}

// String returns what the rule requires, as part of a sentence: `scopes "a" and "b"`. For
// the zero Rule and for a rule with a mistake in it, String returns "denied".
func (r Rule) String() string {
	if r.n == nil || r.n.err != nil {
		return "denied"
	}
	switch n := r.n; n.kind {
	case all:
		if len(n.names) == 0 {
			return "any valid token"
		}
		return sentence("scope", " and ", n.names)
	case anyOf:
		return sentence("scope", " or ", n.names)
	case and:
		return n.join(" and ")
	case or:
		return n.join(" or ")
	case public:
		return "public"
	case function:
		return n.name
	}
	return "denied"
}

// sentence returns `scope "a"` for one name and `scopes "a" and "b"` for more.
func sentence(noun, conjunction string, names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	if len(names) != 1 {
		noun += "s"
	}
	return noun + " " + strings.Join(quoted, conjunction)
}

// join joins the operands with a conjunction. Compound operands are put in parentheses.
func (n *node) join(conjunction string) string {
	parts := make([]string, len(n.rules))
	for i, rule := range n.rules {
		parts[i] = rule.String()
		if rule.n != nil && (len(rule.n.names) > 1 || len(rule.n.rules) > 1) {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, conjunction)
}
