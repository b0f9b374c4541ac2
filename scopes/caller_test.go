package scopes_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestRuleErrNamesTheLine tests the error of a rule with a mistake. The error must name the
// line that declares the rule. It must name this line only once, even if the rule is inside
// other rules. Each row contains the source text of its rule.
func TestRuleErrNamesTheLine(t *testing.T) {
	wrong := scopes.All("inner scope") // declared here
	for _, row := range []struct {
		source string
		rule   scopes.Rule
	}{
		{`scopes.All("")`, scopes.All("")},
		{`scopes.All("a", "b c")`, scopes.All("a", "b c")},
		{`scopes.Any()`, scopes.Any()},
		{`scopes.Any("")`, scopes.Any("")},
		{`scopes.And()`, scopes.And()},
		{`scopes.Or()`, scopes.Or()},
		{`scopes.And(scopes.Rule{})`, scopes.And(scopes.Rule{})},
		{`scopes.Or(scopes.Public())`, scopes.Or(scopes.Public())},
		{`scopes.Func("", yes)`, scopes.Func("", yes)},
		{`scopes.Func("check", nil)`, scopes.Func("check", nil)},
		{`scopes.Invalid(errClosed)`, scopes.Invalid(errClosed)},
		{`scopes.Invalid(nil)`, scopes.Invalid(nil)},
		{`scopes.Optional(scopes.Rule{})`, scopes.Optional(scopes.Rule{})},
		{`scopes.ReportOnly(scopes.Public())`, scopes.ReportOnly(scopes.Public())},
		{`scopes.All("inner scope") // declared here`, scopes.Optional(scopes.ReportOnly(scopes.And(scopes.All("a"), scopes.Or(wrong))))},
	} {
		err := row.rule.Err()
		if err == nil {
			t.Errorf("%s: got no error, want one", row.source)
			continue
		}
		lines := sourceLines(t, err.Error())
		if len(lines) != 1 || !strings.Contains(lines[0], row.source) {
			t.Errorf("%s: got error %v that names the lines %q, want only the line of the row", row.source, err, lines)
		}
		if got := row.rule.String(); got != "denied" {
			t.Errorf("%s: String: got %q, want denied", row.source, got)
		}
	}
	if !errors.Is(scopes.Invalid(errClosed).Err(), errClosed) {
		t.Error("Invalid(errClosed).Err(): got an error that does not wrap errClosed")
	}
}

// TestRuleErrOfSeveral tests the error of a rule with several mistakes. The error must name
// the line of each mistake.
func TestRuleErrOfSeveral(t *testing.T) {
	err := scopes.And(
		scopes.All("a b", "c d"),
		scopes.Any("e f"),
	).Err()
	if err == nil {
		t.Fatal("got no error, want one")
	}
	var got []string
	for _, line := range sourceLines(t, err.Error()) {
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{`scopes.All("a b", "c d"),`, `scopes.All("a b", "c d"),`, `scopes.Any("e f"),`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got error %v that names the lines %q, want the lines %q", err, got, want)
	}
}

// TestTableHandleNamesTheLine tests that a panic of Handle names the line that called Handle
// and the line that declared the rule.
func TestTableHandleNamesTheLine(t *testing.T) {
	wrong := scopes.All("a b") // the rule
	var table scopes.Table
	func() {
		defer func() {
			p := recover()
			lines := sourceLines(t, fmt.Sprint(p))
			if len(lines) != 2 || !strings.Contains(lines[0], "// the route") || !strings.Contains(lines[1], "// the rule") {
				t.Errorf("got panic %v that names the lines %q, want the line of the route and the line of the rule", p, lines)
			}
		}()
		table.Handle("GET /x", wrong) // the route
	}()
	for pattern := range table.All() {
		t.Errorf("got pattern %q in the table after the panic, want no pattern", pattern)
	}
}

// sourceLines returns the lines of this file that a message names.
func sourceLines(t *testing.T, message string) []string {
	t.Helper()
	source, err := os.ReadFile("caller_test.go")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(string(source), "\n")
	var named []string
	for _, match := range regexp.MustCompile(`declared at [^)]*[/\\]caller_test\.go:(\d+)\)`).FindAllStringSubmatch(message, -1) {
		n, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, all[n-1])
	}
	return named
}
