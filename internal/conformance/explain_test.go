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
				if c.State == "skipped" {
					skipped++
				}
				if c.State == "failed" {
					failed++
				}
				if slices.ContainsFunc(x.Checks[:i], func(other bearer.CheckResult) bool { return other.Name == c.Name }) {
					t.Errorf("%s: got check %q twice", row.Name, c.Name)
				}
			}
			first := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.State == "failed" })
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

// FuzzExplain wants the explanation of whatever is sent to come to the verdict of the
// guards, by the first of the checks that failed.
func FuzzExplain(f *testing.F) {
	vectors := load(f)
	for i, row := range vectors.Rows {
		if values := row.Values(); i%4 == 0 && row.Verifier == "rfc9068" && len(values) == 1 && len(values[0]) < 1<<12 {
			f.Add(values[0], row.Scope != "")
		}
	}
	v, err := vectors.Verifier("rfc9068")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string, asks bool) {
		req := bearer.Request{Authorization: []string{value}, Rule: rule("")}
		if asks {
			req.Rule = rule("read:things")
		}
		_, err := bearer.Decide(t.Context(), v, req)
		x := bearer.Explain(t.Context(), v, req)
		if want := reasonOf(t, err); x.Reason != want {
			t.Errorf("got %q, want %q", x.Reason, want)
		}
		first := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.State == "failed" })
		if first >= 0 && x.Checks[first].Reason != x.Reason || (first < 0) != (x.Reason == "") {
			t.Errorf("got %q, which no check or another one says:\n%s", x.Reason, x)
		}
		if part := partOf(x.String(), req.Authorization); part != "" {
			t.Errorf("got %q of what was sent", part)
		}
	})
}
