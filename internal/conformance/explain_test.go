package conformance_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
)

// TestExplain explains every vector. The explanation must have the vector's verdict, its
// first failed check must have the same reason, and its text must contain no part of the
// token.
func TestExplain(t *testing.T) {
	vectors := load(t)
	failed, skipped := 0, 0
	for _, row := range vectors.Rows {
		synctest.Test(t, func(t *testing.T) {
			v, err := vectors.Verifier(row.Verifier)
			if err != nil {
				t.Fatal(err)
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: row.Values(), Rule: rule(required(row))})
			if x.Reason != row.Reason {
				t.Errorf("%s: got reason %q, want %q\n%s", row.Name, x.Reason, row.Reason, x)
			}
			for i, c := range x.Checks {
				if c.Name == "" || c.Section == "" || c.Want == "" || c.Got == "" || (c.Advice == "") != (c.Reason == "") {
					t.Errorf("%s: got check %+v, want a check with Name, Section, Want and Got, and with Advice only if there is a reason", row.Name, c)
				}
				if c.State == "skipped" {
					skipped++
				}
				if c.State == "failed" {
					failed++
				}
				if slices.ContainsFunc(x.Checks[:i], func(other bearer.CheckResult) bool { return other.Name == c.Name }) {
					t.Errorf("%s: got two checks %q, want one", row.Name, c.Name)
				}
			}
			first := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.State == "failed" })
			switch {
			case first < 0 && row.Reason != "":
				t.Errorf("%s: got no failed check, want one with reason %q\n%s", row.Name, row.Reason, x)
			case first >= 0 && x.Checks[first].Reason != row.Reason:
				t.Errorf("%s: first failed check %q: got reason %q, want %q\n%s", row.Name, x.Checks[first].Name, x.Checks[first].Reason, row.Reason, x)
			}
			text, err := json.Marshal(x)
			if err != nil {
				t.Errorf("%s: got error %v from json.Marshal, want none", row.Name, err)
			}
			if part := leakedPart(string(text)+x.String(), row.Values()); part != "" {
				t.Errorf("%s: the explanation contains the part %.20q... of the token, want none", row.Name, part)
			}
		})
	}
	if failed < 1000 || skipped < 100 {
		t.Errorf("got %d failed and %d skipped checks, want at least 1,000 failed and 100 skipped checks", failed, skipped)
	}
}

// FuzzExplain explains arbitrary credentials. The explanation and its first failed check
// must have the reason that Decide returns.
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
	f.Fuzz(func(t *testing.T, value string, withScope bool) {
		req := bearer.Request{Authorization: []string{value}, Rule: rule("")}
		if withScope {
			req.Rule = rule("read:things")
		}
		_, err := bearer.Decide(t.Context(), v, req)
		x := bearer.Explain(t.Context(), v, req)
		if want := reasonOf(t, err); x.Reason != want {
			t.Errorf("got reason %q, want %q", x.Reason, want)
		}
		first := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.State == "failed" })
		if first >= 0 && x.Checks[first].Reason != x.Reason || (first < 0) != (x.Reason == "") {
			t.Errorf("got reason %q, want the reason of the first failed check:\n%s", x.Reason, x)
		}
		if part := leakedPart(x.String(), req.Authorization); part != "" {
			t.Errorf("the explanation contains the part %q of the credentials, want none", part)
		}
	})
}
