package scopes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Rule describes what a route or a method requires of its callers. The zero Rule denies
// every request. A Rule is immutable and safe for concurrent use.
//
// A rule with a mistake in it also denies every request. For example, an invalid scope is
// a mistake, and an argument of [And] that is the zero Rule is a mistake. The comments of
// the functions in this package describe further mistakes. The error of [Rule.Err] lists
// the mistakes and the source line of each mistake. Programs find the mistakes when they
// start: package middleware and [Table.Handle] panic, and interceptor.New returns an
// error.
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

// The type node holds the contents of a Rule. Copies of a Rule share one node.
type node struct {
	kind  kind
	names []string                    // the scopes of All and Any, as declared
	want  Set                         // a Set of these scopes
	rules []Rule                      // the operands of And, Or, ReportOnly and Optional
	name  string                      // the name that Func received, or the mode of a rule with a mode (see mode.go)
	fn    func(context.Context) error // the function that Func received
	pure  bool                        // the rule contains no function
	err   error                       // the mistakes in the rule, or nil
	plan  atomic.Pointer[plan]        // the plan of the rule, after the first denial
}

// All returns a rule that requires all of the scopes. Without arguments, the rule requires
// only a valid token. A scope with "*" is a mistake: only a token can grant a wildcard (see
// [Set.WithWildcards]).
func All(scopes ...string) Rule {
	return newRule(&node{kind: all, names: slices.Clone(scopes), err: checkNames("All", scopes)})
}

// Any returns a rule that requires at least one of the scopes. An empty list of scopes is a
// mistake, and so is a scope with "*".
func Any(scopes ...string) Rule {
	err := checkNames("Any", scopes)
	if len(scopes) == 0 {
		err = atCaller(errors.New("scopes: Any() has no scopes and denies every request; pass at least one scope"))
	}
	return newRule(&node{kind: anyOf, names: slices.Clone(scopes), err: err})
}

// And returns a rule that requires all of the rules. An empty list of rules is a mistake.
func And(rules ...Rule) Rule {
	return newRule(&node{kind: and, rules: slices.Clone(rules), err: checkOperands("And", rules)})
}

// Or returns a rule that requires at least one of the rules. An empty list of rules is a
// mistake.
func Or(rules ...Rule) Rule {
	return newRule(&node{kind: or, rules: slices.Clone(rules), err: checkOperands("Or", rules)})
}

// Public returns a rule that allows every request. The guard ignores a token in the
// request. Public inside And, Or, ReportOnly or Optional is a mistake.
func Public() Rule { return newRule(&node{kind: public}) }

// Func returns a rule that calls the function check. The rule allows the request if check
// returns nil. Guards pass the context of the request, which has the caller's claims. The
// function check runs on every request and must be safe for concurrent use. [Rule.String]
// returns the argument name. An empty name and a nil check are mistakes.
//
// If check returns an error, the rule denies the request. Guards log the error with this
// name, and never send the error to the client. If the error is or wraps a bearer.Reason or
// a *bearer.Error, the refusal has the reason of this error. Otherwise the reason is
// bearer.MissingScope. If functions of the rule return several reasons, the comment of
// bearer.Error says which one the refusal has. The order of the functions does not matter.
// If a method of the error panics, the reason is bearer.Internal.
// [ReportOnly] waives only refusals with the reason bearer.MissingScope.
func Func(name string, check func(context.Context) error) Rule {
	var err error
	if name == "" || check == nil {
		err = atCaller(fmt.Errorf("scopes: Func(%q, ...): the name must not be empty and the function must not be nil", name))
	}
	return newRule(&node{kind: function, name: name, fn: check, err: err})
}

// Invalid returns a rule that denies every request. [Rule.Err] of this rule returns an
// error that wraps err. Functions that build a rule call Invalid if they find a mistake in
// their arguments. The error also contains the source line of the innermost caller outside
// this module. If err is nil, Rule.Err returns an error that reports the nil argument.
func Invalid(err error) Rule {
	if err == nil {
		err = errors.New("scopes: Invalid(nil): the error must not be nil")
	}
	return newRule(&node{kind: all, err: atCaller(err)})
}

func newRule(n *node) Rule {
	n.pure, n.want = n.kind != function, newSet(slices.Clone(n.names))
	for _, rule := range n.rules {
		n.pure = n.pure && rule.n != nil && rule.n.pure
	}
	return Rule{n}
}

func checkNames(fn string, names []string) error {
	var errs []error
	for _, name := range names {
		switch {
		case !valid(name):
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s(%q): %s", fn, name, describeMistake(name))))
		case strings.Contains(name, "*"):
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s(%q): a scope of a rule must not contain *; name the scope that the operation requires%s; "+
				"if the issuer grants wildcards, set Profile.WildcardScopes", fn, name, exampleFor(name))))
		}
	}
	return errors.Join(errs...)
}

// exampleFor returns an example of a scope that a wildcard grants. It is empty if the name is not a
// wildcard.
func exampleFor(name string) string {
	prefix, ok := strings.CutSuffix(name, "*")
	if !ok || len(prefix) < 2 || strings.Contains(prefix, "*") || !strings.HasSuffix(prefix, ":") && !strings.HasSuffix(prefix, ".") && !strings.HasSuffix(prefix, "/") {
		return ""
	}
	return fmt.Sprintf(", such as %q", prefix+"users")
}

func checkOperands(fn string, rules []Rule) error {
	var errs []error
	if len(rules) == 0 {
		errs = append(errs, atCaller(fmt.Errorf("scopes: %s() has no rules; pass at least one rule", fn)))
	}
	for i, rule := range rules {
		switch {
		case rule.n == nil:
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s: rule %d is the zero Rule, which denies every request", fn, i+1)))
		case rule.n.kind == public:
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s: rule %d is Public, which must not be part of a rule", fn, i+1)))
		case rule.n.err != nil:
			errs = append(errs, rule.n.err)
		}
	}
	return errors.Join(errs...)
}

// ErrNoRule is the error of the zero Rule. A request that is refused with this error has no
// rule, so no token can mend the refusal.
var ErrNoRule = errors.New("scopes: there is no rule; the zero Rule denies every request")

// Err returns an error that lists every mistake in the rule. It returns nil if there is no
// mistake. The error contains the source line of each mistake. For the zero Rule, Err
// returns an error without a line.
func (r Rule) Err() error {
	if r.n == nil {
		return ErrNoRule
	}
	return r.n.err
}

// IsPublic reports whether the rule is [Public].
func (r Rule) IsPublic() bool { return r.n != nil && r.n.kind == public }

// IsZero reports whether r is the zero Rule, which means that no rule was declared.
func (r Rule) IsZero() bool { return r.n == nil }

// HasFunc reports whether the rule contains a [Func]. Such a rule may deny a request even
// if the token grants every scope.
func (r Rule) HasFunc() bool { return r.n != nil && !r.n.pure }

// DeniedError is the error of [Rule.Allow]. It lists the missing scopes and the errors of
// the functions in the rule.
//
// If a rule has several alternatives ([Or], [Any]), both lists belong to the same one, which
// the client should request. It is chosen as follows:
//   - Alternatives without a [Func] that denies the request come first. For the others, the
//     number of such functions counts.
//   - If the granted scopes are from [Hierarchy.Expand], an alternative is not chosen if its
//     missing scopes imply the missing scopes of another alternative. So with a hierarchy in
//     which "admin" implies "read", Any("admin", "read") asks for "read".
//   - Of the others, the alternative with the fewest missing scopes is chosen. Of several such
//     alternatives, the first one in the order of the rule is chosen.
//
// The choice is exact for rules with at most 64 alternatives; see [Rule.Alternatives]. For
// other rules, and for rules that take too long to compare, each [Or] and each [Any] chooses
// alone, so the whole list may be longer than necessary.
type DeniedError struct {
	// Missing lists the scopes of Required that the token does not grant, in the same order.
	// It is empty if no scope is missing.
	Missing []string
	// Required lists all scopes that the client needs for this operation, even the scopes that
	// the token grants. Send this list to clients, because many of them replace their scopes by
	// the list. It is in the order of [Rule.Scopes] and has no duplicates. If the hierarchy of
	// the granted scopes makes a scope of the list imply another one, the list omits the other
	// one. Required is empty if no scope is missing, because then no scope helps.
	Required []string
	// Err holds the errors of the functions in the rule (see [Func]). Each error has the name
	// of its function. If the rule has mistakes, Err holds the mistakes instead. Err may be
	// nil. It is for logs. Do not send it to clients.
	Err error
}

// Error returns a text with the missing scopes and the text of Err. The text is for logs.
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
// returns a *[DeniedError] that lists the missing scopes. Allow calls the functions
// of the rule with ctx. Allow ignores modes, so it also enforces a rule in report-only mode
// or optional mode.
func (r Rule) Allow(ctx context.Context, granted Set) error {
	if n := r.n; n != nil && n.pure && n.err == nil && n.met(granted) {
		return nil
	}
	if err := r.Err(); err != nil {
		return &DeniedError{Err: err}
	}
	var d denial
	if r.n.evaluate(ctx, granted, &d) {
		return nil
	}
	return d.err(r.n, granted)
}

// The method met reports whether a caller with the granted scopes meets a rule without
// functions. It does not allocate memory.
func (n *node) met(granted Set) bool {
	switch n.kind {
	case all:
		if isComparable(n.want, granted) {
			return countGranted(n.want, granted, len(n.want.names)) == len(n.want.names)
		}
		for _, name := range n.want.names {
			if !granted.Has(name) {
				return false
			}
		}
		return true
	case anyOf:
		if isComparable(n.want, granted) {
			return countGranted(n.want, granted, 1) == 1
		}
		return slices.ContainsFunc(n.want.names, granted.Has)
	case and:
		return !slices.ContainsFunc(n.rules, func(r Rule) bool { return !r.n.met(granted) })
	case or:
		return slices.ContainsFunc(n.rules, func(r Rule) bool { return r.n.met(granted) })
	case public:
		return true
	case function: // a node of this kind is never pure
	}
	return false
}

// String returns a description of the requirement, such as `scopes "a" and "b"`. The
// description can be a part of a sentence. For the zero Rule and for a rule with a mistake
// in it, String returns "denied".
func (r Rule) String() string {
	var b strings.Builder
	r.write(&b)
	return b.String()
}

// MarshalText implements [encoding.TextMarshaler]. It returns the text of String, so that a list of
// routes in JSON shows the rules.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// write writes the description of the requirement.
func (r Rule) write(b *strings.Builder) {
	if r.n == nil || r.n.err != nil {
		b.WriteString("denied")
		return
	}
	switch n := r.n; n.kind {
	case all:
		if len(n.names) == 0 {
			b.WriteString("any valid token")
			return
		}
		b.WriteString(sentence("scope", " and ", n.names))
	case anyOf:
		b.WriteString(sentence("scope", " or ", n.names))
	case and:
		n.join(b, " and ")
	case or:
		n.join(b, " or ")
	case public:
		b.WriteString("public")
	case function:
		b.WriteString(n.name)
	}
}

// The function sentence returns `scope "a"` for one name, and `scopes "a" and "b"` for two
// names.
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

// The method join joins the texts of the operands with a conjunction. It puts the text of
// an operand in parentheses if the operand has several parts.
func (n *node) join(b *strings.Builder, conjunction string) {
	for i, rule := range n.rules {
		if i > 0 {
			b.WriteString(conjunction)
		}
		several := rule.n != nil && (len(rule.n.names) > 1 || len(rule.n.rules) > 1)
		if several {
			b.WriteByte('(')
		}
		rule.write(b)
		if several {
			b.WriteByte(')')
		}
	}
}
