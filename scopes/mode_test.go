package scopes_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

func TestModes(t *testing.T) {
	rule := scopes.All("a")
	for _, row := range []struct {
		name                 string
		rule                 scopes.Rule
		reportOnly, optional bool
	}{
		{"no mode", rule, false, false},
		{"zero Rule", scopes.Rule{}, false, false},
		{"report only", scopes.ReportOnly(rule), true, false},
		{"optional", scopes.Optional(rule), false, true},
		{"both", scopes.Optional(scopes.ReportOnly(rule)), true, true},
		{"both, in the other order", scopes.ReportOnly(scopes.Optional(rule)), true, true},
		{"inside And", scopes.And(scopes.ReportOnly(rule), scopes.Optional(rule)), false, false},
		{"inside Or", scopes.Or(scopes.Optional(rule)), false, false},
		{"around And", scopes.Optional(scopes.And(rule, rule)), false, true},
		{"around the zero Rule", scopes.Optional(scopes.Rule{}), false, false},
		{"around Public", scopes.ReportOnly(scopes.Public()), false, false},
		{"around a rule with a mistake", scopes.Optional(scopes.ReportOnly(scopes.All(""))), false, false},
	} {
		if got := row.rule.IsReportOnly(); got != row.reportOnly {
			t.Errorf("%s: got report-only %v, want %v", row.name, got, row.reportOnly)
		}
		if got := row.rule.IsOptional(); got != row.optional {
			t.Errorf("%s: got optional %v, want %v", row.name, got, row.optional)
		}
		if row.rule.IsPublic() {
			t.Errorf("%s: got public, want not public", row.name)
		}
		// Allow ignores the mode and enforces the rule.
		if err := row.rule.Allow(t.Context(), scopes.Set{}); err == nil {
			t.Errorf("%s: without the scope: got allowed, want denied", row.name)
		}
		if granted, _ := scopes.Of("a"); row.rule.Err() == nil && row.rule.Allow(t.Context(), granted) != nil {
			t.Errorf("%s: with the scope: got denied, want allowed", row.name)
		}
	}
}

func TestRuleScopes(t *testing.T) {
	fn := scopes.Func("office hours", func(context.Context) error { return nil })
	for _, row := range []struct {
		rule scopes.Rule
		want []string
	}{
		{scopes.Rule{}, nil},
		{scopes.Public(), nil},
		{scopes.All(), nil},
		{scopes.All("b", "a"), []string{"b", "a"}},
		{scopes.Or(scopes.And(scopes.All("a"), fn), scopes.Any("b", "a")), []string{"a", "b"}},
		{scopes.Optional(scopes.ReportOnly(scopes.All("a"))), []string{"a"}},
		{scopes.And(scopes.All("a"), scopes.All("b c")), nil},
	} {
		if got := row.rule.Scopes(); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.rule, got, row.want)
		}
	}
}

func ExampleReportOnly() {
	rule := scopes.ReportOnly(scopes.All("deploy:applications"))
	fmt.Println(rule.IsReportOnly(), rule)
	// Output:
	// true scope "deploy:applications"
}

func ExampleOptional() {
	rule := scopes.Optional(scopes.All())
	fmt.Println(rule.IsOptional(), rule)
	// Output:
	// true any valid token
}
