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
		{"both modes", scopes.Optional(scopes.ReportOnly(rule)), true, true},
		{"both modes in reverse order", scopes.ReportOnly(scopes.Optional(rule)), true, true},
		{"modes inside And", scopes.And(scopes.ReportOnly(rule), scopes.Optional(rule)), false, false},
		{"mode inside Or", scopes.Or(scopes.Optional(rule)), false, false},
		{"mode around And", scopes.Optional(scopes.And(rule, rule)), false, true},
		{"mode around the zero Rule", scopes.Optional(scopes.Rule{}), false, false},
		{"mode around Public", scopes.ReportOnly(scopes.Public()), false, false},
		{"modes around a rule with a mistake", scopes.Optional(scopes.ReportOnly(scopes.All(""))), false, false},
	} {
		if got := row.rule.IsReportOnly(); got != row.reportOnly {
			t.Errorf("%s: IsReportOnly: got %v, want %v", row.name, got, row.reportOnly)
		}
		if got := row.rule.IsOptional(); got != row.optional {
			t.Errorf("%s: IsOptional: got %v, want %v", row.name, got, row.optional)
		}
		if row.rule.IsPublic() {
			t.Errorf("%s: IsPublic: got true, want false", row.name)
		}
		// Allow enforces the rule even if the rule has a mode.
		if err := row.rule.Allow(t.Context(), scopes.Set{}); err == nil {
			t.Errorf("%s: Allow without the scope: got no error, want one", row.name)
		}
		if granted, _ := scopes.Of("a"); row.rule.Err() == nil && row.rule.Allow(t.Context(), granted) != nil {
			t.Errorf("%s: Allow with the scope: got an error, want none", row.name)
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
			t.Errorf("%s: got scopes %q, want %q", row.rule, got, row.want)
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
