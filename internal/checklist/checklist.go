// Package checklist lists the rules of the RFCs for a resource server, each with an id,
// and runs the tests of a rule. The command in the folder table writes docs/conformance.md
// from the results of these tests.
package checklist

import (
	"fmt"
	"reflect"
	"testing"
)

// Rule is one behaviour that can be tested.
type Rule struct {
	// ID identifies the rule: a letter for the family, and a number.
	ID string
	// Source names the section of an RFC, or is "own" for hardening by this module.
	Source string
	// Text is the rule, or the name of the form if Form is set.
	Text string
	// Form describes how this module refuses or ignores a form that it does not
	// support. It is empty for all other rules.
	Form string
	// Note describes a difference from the source.
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

// T is the test of one rule. It embeds the *testing.T of the subtest.
type T struct {
	*testing.T
	checks int
	wants  []any
}

// Test runs the test of a rule as a subtest named after the id. It fails if no rule has
// the id. It also fails if the test does not expect at least two different outcomes: code
// without the check may pass such a test.
func Test(t *testing.T, id string, test func(t *T)) {
	t.Helper()
	t.Run(id, func(t *testing.T) {
		rule, ok := Find(id)
		if !ok {
			t.Fatalf("got rule id %q, want one of package checklist", id)
		}
		c := &T{T: t}
		test(c)
		if t.Skipped() {
			return
		}
		if c.checks < 2 || len(c.wants) < 2 {
			t.Errorf("got %d checks with %d different outcomes, want at least 2 of each, for the rule %q", c.checks, len(c.wants), rule.Text)
		}
	})
}

// Want fails the test unless got equals want. what describes the case.
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
