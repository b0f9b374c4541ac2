package scopes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Rule is what a route or a method asks of its caller. The zero Rule denies
// everybody. A Rule is immutable and safe for concurrent use.
//
// A rule that cannot work, such as one with an empty scope, denies everybody too.
// [Rule.Err] says what is wrong with it and on which line it was declared; guards and
// tables refuse it there.
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

// node is what a Rule shares when it is copied.
type node struct {
	kind  kind
	names []string                    // all, anyOf
	want  Set                         // the same, to be found
	rules []Rule                      // and, or
	name  string                      // function
	fn    func(context.Context) error // function
	pure  bool                        // no function in it: judged without a call
	err   error
}

// All asks for each of the scopes. All() asks for a valid token and for no
// scope.
func All(scopes ...string) Rule {
	return newRule(node{kind: all, names: slices.Clone(scopes), err: checkNames("All", scopes)})
}

// Any asks for at least one of the scopes.
func Any(scopes ...string) Rule {
	err := checkNames("Any", scopes)
	if len(scopes) == 0 {
		err = atCaller(errors.New("scopes: Any of no scopes lets nobody in"))
	}
	return newRule(node{kind: anyOf, names: slices.Clone(scopes), err: err})
}

// And asks for what each of the rules asks for.
func And(rules ...Rule) Rule {
	return newRule(node{kind: and, rules: slices.Clone(rules), err: checkOperands("And", rules)})
}

// Or asks for what one of the rules asks for.
func Or(rules ...Rule) Rule {
	return newRule(node{kind: or, rules: slices.Clone(rules), err: checkOperands("Or", rules)})
}

// Public asks for nothing, not even for a token; one that is sent is not
// looked at. It stands alone: inside And and Or it is an error.
func Public() Rule { return newRule(node{kind: public}) }

// Func asks check, which has the request's context with the caller's claims in
// it. It is called on every request, by many goroutines at once; an error denies
// the request and goes to the log under the name, never to the client. The name
// is what the rule prints as.
func Func(name string, check func(context.Context) error) Rule {
	var err error
	if name == "" || check == nil {
		err = atCaller(fmt.Errorf("scopes: Func(%q, ...): it needs a name and a function", name))
	}
	return newRule(node{kind: function, name: name, fn: check, err: err})
}

// Invalid returns a rule that cannot work, for packages whose functions build rules from
// their arguments. [Rule.Err] returns err with the line of the caller, which is the first
// one outside of this module. A nil err is replaced by one that says so.
func Invalid(err error) Rule {
	if err == nil {
		err = errors.New("scopes: Invalid(nil): it needs an error")
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
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s(%q): not a scope of RFC 6749, section 3.3", fn, name)))
		}
	}
	return errors.Join(errs...)
}

func checkOperands(fn string, rules []Rule) error {
	var errs []error
	if len(rules) == 0 {
		errs = append(errs, atCaller(fmt.Errorf("scopes: %s of no rules", fn)))
	}
	for i, rule := range rules {
		switch {
		case rule.n == nil:
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s: rule %d is the zero Rule", fn, i+1)))
		case rule.n.kind == public:
			errs = append(errs, atCaller(fmt.Errorf("scopes: %s: rule %d is Public, which stands alone", fn, i+1)))
		case rule.n.err != nil:
			errs = append(errs, rule.n.err)
		}
	}
	return errors.Join(errs...)
}

// Err returns all that is wrong with the rule, or nil. Each problem names the line that
// declared it, but for the zero Rule, which nobody declared. Guards and tables call Err
// when a rule is given to them.
func (r Rule) Err() error {
	if r.n == nil {
		return errors.New("scopes: the zero Rule lets nobody in: there is no rule")
	}
	return r.n.err
}

// IsPublic reports whether the rule asks for no token.
func (r Rule) IsPublic() bool { return r.n != nil && r.n.kind == public }

// IsZero reports whether r is the zero Rule: there is no rule.
func (r Rule) IsZero() bool { return r.n == nil }

// HasFunc reports whether a [Func] is part of the rule, so that its verdict depends
// on more than scopes.
func (r Rule) HasFunc() bool { return r.n != nil && !r.n.pure }

// DeniedError says why a rule denies.
type DeniedError struct {
	// Missing is every scope that the rule asks for and the token does not
	// grant, each once, in the order of the rule. Of alternatives none of which
	// is met, it has those of each, since any of them would do. It is empty
	// where no scope is what is missing.
	Missing []string
	// Err is what a [Func] returned, or what is wrong with the rule; for logs,
	// never for clients.
	Err error
}

// Error names what is missing, for logs.
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

// Allow judges a caller: it returns nil where granted and the functions of the
// rule meet it, and a *[DeniedError] that names all that is missing otherwise.
// The context is the one that functions get.
func (r Rule) Allow(ctx context.Context, granted Set) error {
	if n := r.n; n != nil && n.pure && n.err == nil && n.met(granted) {
		return nil
	}
	if err := r.Err(); err != nil {
		return &DeniedError{Err: err}
	}
	var d DeniedError
	if r.n.judge(ctx, granted, &d) {
		return nil
	}
	return &DeniedError{Missing: d.Missing, Err: d.Err}
}

// judge returns the verdict and adds what is missing to d. Each function is
// called once at the most.
func (n *node) judge(ctx context.Context, granted Set, d *DeniedError) bool {
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
			// All of them, also after one said no: the caller learns once what
			// it lacks.
			ok = rule.n.judge(ctx, granted, d) && ok
		}
		return ok
	case or:
		before := *d
		for _, rule := range n.rules {
			if rule.n.judge(ctx, granted, d) {
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

// met is the verdict of a rule of scopes alone; it allocates nothing.
func (n *node) met(granted Set) bool {
	switch n.kind {
	case all:
		if n.want.index != nil && granted.index != nil {
			return meet(n.want, granted, len(n.want.names)) == len(n.want.names)
		}
		for _, name := range n.want.names {
			if !granted.Has(name) {
				return false
			}
		}
		return true
	case anyOf:
		if n.want.index != nil && granted.index != nil {
			return meet(n.want, granted, 1) == 1
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

// String returns what the rule asks for, as part of a sentence: `scopes "a" and "b"`. A
// rule that lets nobody in is "nobody".
func (r Rule) String() string {
	if r.n == nil || r.n.err != nil {
		return "nobody"
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
	return "nobody"
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

// join puts operands that are compound themselves in parentheses.
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
