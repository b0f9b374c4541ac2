package conformance_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
)

// TestExplain wants the explanation of every row to come to the verdict of the row,
// by the first of the checks that failed, without a word of the token's signature.
func TestExplain(t *testing.T) {
	vectors := load(t)
	failed, skipped := 0, 0
	for _, row := range vectors.Rows {
		synctest.Test(t, func(t *testing.T) {
			v, err := vectors.Verifier(row.Verifier)
			if err != nil {
				t.Fatal(err)
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: row.Values(), Rule: rule(row.Scope)})
			if x.Reason != row.Reason {
				t.Errorf("%s: got %q, want %q\n%s", row.Name, x.Reason, row.Reason, x)
			}
			for i, c := range x.Checks {
				if c.Name == "" || c.Section == "" || c.Want == "" || c.Got == "" || (c.Advice == "") != (c.Reason == "") {
					t.Errorf("%s: got a check with something missing: %+v", row.Name, c)
				}
				if c.State == bearer.Skipped {
					skipped++
				}
				if c.State == bearer.Failed {
					failed++
				}
				if slices.ContainsFunc(x.Checks[:i], func(other bearer.Check) bool { return other.Name == c.Name }) {
					t.Errorf("%s: got check %q twice", row.Name, c.Name)
				}
			}
			first := slices.IndexFunc(x.Checks, func(c bearer.Check) bool { return c.State == bearer.Failed })
			switch {
			case first < 0 && row.Reason != "":
				t.Errorf("%s: got no check that failed, want %q\n%s", row.Name, row.Reason, x)
			case first >= 0 && x.Checks[first].Reason != row.Reason:
				t.Errorf("%s: got %q of check %q before all others, want %q\n%s", row.Name, x.Checks[first].Reason, x.Checks[first].Name, row.Reason, x)
			}
			text, err := json.Marshal(x)
			if err != nil {
				t.Errorf("%s: %v", row.Name, err)
			}
			if part := partOf(string(text)+x.String(), row.Values()); part != "" {
				t.Errorf("%s: got %.20q... of the token", row.Name, part)
			}
		})
	}
	if failed < 1000 || skipped < 100 {
		t.Errorf("got %d failed and %d skipped checks, want many of both", failed, skipped)
	}
}
