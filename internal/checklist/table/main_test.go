package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/checklist"
)

const events = `{"Action":"run","Package":"github.com/bearerkit/bearer/jwks","Test":"TestRules/W01"}
{"Action":"pass","Package":"github.com/bearerkit/bearer/jwks","Test":"TestRules/W01"}
{"Action":"pass","Package":"github.com/bearerkit/bearer","Test":"TestRules/W01"}
{"Action":"pass","Package":"github.com/bearerkit/bearer","Test":"TestRules"}
{"Action":"pass","Package":"github.com/bearerkit/bearer","Test":"TestOther/x"}
{"Action":"skip","Package":"github.com/bearerkit/bearer","Test":"TestRules/W02"}
{"Action":"fail","Package":"github.com/bearerkit/bearer","Test":"TestRules/W03"}
not JSON
`

func TestRead(t *testing.T) {
	passed, notPassed := readResults(strings.NewReader(events))
	if got := strings.Join(passed["W01"], ", "); got != "jwks TestRules, bearer TestRules" || len(passed) != 1 {
		t.Errorf("passed: got %v, want only the two tests of W01", passed)
	}
	if got := strings.Join(notPassed, ", "); got != "bearer TestRules/W02, bearer TestRules/W03" {
		t.Errorf("notPassed: got %q, want the skipped test and the failed test", got)
	}
}

func TestTestError(t *testing.T) {
	for _, row := range []struct {
		notPassed []string
		err       error
		want      string
	}{
		{nil, nil, ""},
		{nil, errors.New("exit status 1"), "go test: exit status 1"},
		{[]string{"bearer TestRules/W02"}, nil, "go test: tests that failed or were skipped: bearer TestRules/W02"},
		{[]string{"a", "b"}, errors.New("exit status 1"), "go test: tests that failed or were skipped: a, b\nexit status 1"},
	} {
		got := ""
		if err := testError(row.notPassed, row.err); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("testError(%q, %v): got %q, want %q", row.notPassed, row.err, got, row.want)
		}
	}
}

func TestRender(t *testing.T) {
	rules := []checklist.Rule{{ID: "W01", Text: "keys"}, {ID: "W02", Text: "more keys", Unsupported: "refused"}}
	_, err := render(rules, map[string][]string{"W01": {"jwks TestRules"}})
	if err == nil || !strings.Contains(err.Error(), "W02") {
		t.Errorf("got %v, want an error that names W02, which has no test", err)
	}
	table, err := render(rules, map[string][]string{"W01": {"jwks TestRules", "bearer TestRules"}, "W02": {"jwks TestRules"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| W01 | keys |  | `bearer TestRules`, `jwks TestRules` | met |", "| not supported: refused |", "Number of rules: 2. Met: 1. Not supported: 1."} {
		if !strings.Contains(string(table), want) {
			t.Errorf("got page\n%s\nwant a page that contains %q", table, want)
		}
	}
}

// TestIDs requires that each rule is complete, has a unique id, and belongs to a family of
// the page.
func TestIDs(t *testing.T) {
	seen := make(map[string]bool)
	for _, rule := range checklist.Rules {
		family := false
		for _, f := range families {
			family = family || strings.HasPrefix(rule.ID, f.letter)
		}
		if seen[rule.ID] || !family || rule.Source == "" || rule.Text == "" || len(rule.ID) < 3 || len(rule.ID) > 4 {
			t.Errorf("rule %+v: want a unique id of 3 or 4 characters, a known family, a source and a text", rule)
		}
		seen[rule.ID] = true
	}
}
