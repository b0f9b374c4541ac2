// Package checklist is the rules of the RFCs that a resource server is judged by,
// each with an id, and what ties tests to them. The program in the folder table
// makes docs/conformance.md out of the tests that ran.
package checklist

import (
	"fmt"
	"reflect"
	"testing"
)

// Rule is one behaviour that can be tested.
type Rule struct {
	// ID names the rule: a letter for the family and a number.
	ID string
	// Source is where it comes from; "own" is our hardening.
	Source string
	// Text is what a resource server does by it.
	Text string
	// Form is not empty where the rule is about a form that this module does not
	// offer: how it is refused.
	Form string
	// Note is where we depart from the source, to be stricter.
	Note string
}

// Find returns the rule with this id.
func Find(id string) (Rule, bool) {
	for _, rule := range Rules {
		if rule.ID == id {
			return rule, true
		}
	}
	return Rule{}, false
}

// T is the test of one rule.
type T struct {
	*testing.T
	checks int
	wants  []any
}

// Test runs the test of a rule as a subtest with its id for a name. It fails
// where there is no such rule, and where the test does not tell one outcome from
// another: what only ever wants the same would be satisfied by code that does
// not look.
func Test(t *testing.T, id string, test func(t *T)) {
	t.Helper()
	t.Run(id, func(t *testing.T) {
		rule, ok := Find(id)
		if !ok {
			t.Fatalf("there is no rule %q", id)
		}
		c := &T{T: t}
		test(c)
		if t.Skipped() {
			return
		}
		if c.checks < 2 || len(c.wants) < 2 {
			t.Errorf("got %d checks with %d different outcomes, want two at least of %q", c.checks, len(c.wants), rule.Text)
		}
	})
}

// Want compares what came of something with what the rule wants.
func (t *T) Want(what string, got, want any) {
	t.Helper()
	t.checks++
	seen := false
	for _, other := range t.wants {
		seen = seen || reflect.DeepEqual(other, want)
	}
	if !seen {
		t.wants = append(t.wants, want)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %s, want %s", what, text(got), text(want))
	}
}

func text(v any) string {
	if s, ok := v.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%#v", v)
}
