// Package checklist lists the rules that the RFCs contain for a resource server. Each rule
// has an id. [Test] runs the test of a rule. The command in the folder table writes
// docs/conformance.md from the results of these tests.
package checklist

import (
	"fmt"
	"reflect"
	"testing"
)

// Rule is a rule of an RFC, or a feature of an RFC that this module does not support.
type Rule struct {
	// ID identifies the rule: a letter for the family, and a number.
	ID string
	// Source names the RFC sections that contain the rule. "own" marks hardening that no RFC
	// requires.
	Source string
	// Text is the rule, or the name of a feature if Unsupported is set.
	Text string
	// Unsupported describes how this module refuses or ignores a feature of the RFCs
	// that it does not support. It is empty if the module follows the rule.
	Unsupported string
	// Note describes how this module differs from the source, or is empty.
	Note string
}

// Find returns the rule with this id. It reports false if there is no such rule.
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

// Test runs the test of a rule as a subtest whose name is the id. The subtest fails if no
// rule has the id. It also fails if the test expects fewer than two different outcomes,
// because such a test can pass even if the check is missing.
func Test(t *testing.T, id string, test func(t *T)) {
	t.Helper()
	t.Run(id, func(t *testing.T) {
		rule, ok := Find(id)
		if !ok {
			t.Fatalf("rule id %q: not in checklist.Rules", id)
		}
		c := &T{T: t}
		test(c)
		if t.Skipped() {
			return
		}
		if c.checks < 2 || len(c.wants) < 2 {
			t.Errorf("rule %q: got %d checks with %d different expected outcomes, want at least 2 checks with 2 different expected outcomes", rule.Text, c.checks, len(c.wants))
		}
	})
}

// Want fails the test if the values got and want differ. The parameter what describes the
// case.
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
