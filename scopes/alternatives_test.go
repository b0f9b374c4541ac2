package scopes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

func TestAlternatives(t *testing.T) {
	check := scopes.Func("check", func(context.Context) error { return nil })
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint("s", i)
	}
	for _, row := range []struct {
		rule scopes.Rule
		want string // the alternatives, or "-" if there is no list
	}{
		{scopes.All(), "[[]]"},
		{scopes.All("a", "b", "a"), "[[a b]]"},
		{scopes.Any("b", "a", "b"), "[[b] [a]]"},
		{scopes.And(scopes.Any("a", "b"), scopes.Any("c", "d")), "[[a c] [a d] [b c] [b d]]"},
		{scopes.And(scopes.Any("a", "b"), scopes.Any("b", "c")), "[[a c] [b]]"},
		{scopes.Or(scopes.All("a", "b"), scopes.All("c"), scopes.All("b")), "[[c] [b]]"},
		{scopes.Or(scopes.All("a"), scopes.All()), "[[]]"},
		{scopes.Or(scopes.All("b", "a"), scopes.All("a", "b")), "[[b a]]"},
		{scopes.And(scopes.All(), scopes.All("a")), "[[a]]"},
		{scopes.ReportOnly(scopes.All("a")), "[[a]]"},
		{scopes.And(scopes.Optional(scopes.All("a")), scopes.All("b")), "[[a b]]"}, // the mode has no effect inside And
		{scopes.Any(many[:64]...), fmt.Sprint(oneByOne(many[:64]))},
		{scopes.And(scopes.Any(many[:64]...), scopes.All("s7")), "[[s7]]"},

		{scopes.Any(many...), "-"},
		{scopes.And(scopes.Any(many[:8]...), scopes.Any(many[10:18]...), scopes.Any("x", "y")), "-"},
		{scopes.Or(scopes.All(), scopes.Any(many...)), "-"},
		{check, "-"},
		{scopes.And(scopes.All("a"), check), "-"},
		{scopes.Or(scopes.All("a"), check), "-"},
		{scopes.Public(), "-"},
		{scopes.Optional(scopes.All("a")), "-"},
		{scopes.ReportOnly(scopes.Optional(scopes.All("a"))), "-"},
		{scopes.Rule{}, "-"},
		{scopes.Any(), "-"},
		{scopes.And(scopes.All("a"), scopes.Rule{}), "-"},
		{scopes.All("a b"), "-"},
		{scopes.Invalid(nil), "-"},
	} {
		sets, ok := row.rule.Alternatives()
		got := fmt.Sprint(sets)
		if !ok {
			got = "-"
		}
		if got != row.want || ok == (sets == nil) {
			t.Errorf("%v: got alternatives %s and ok = %v, want %s", row.rule, got, ok, row.want)
		}
	}
}

func oneByOne(names []string) (sets [][]string) {
	for _, name := range names {
		sets = append(sets, []string{name})
	}
	return sets
}

// TestAlternativesAreBounded tests a rule with 2 to the power of 4,000 alternatives, and a rule
// with the largest intermediate results. Without a bound, the test does not end.
func TestAlternativesAreBounded(t *testing.T) {
	var pairs, wide []scopes.Rule
	for i := range 4000 {
		pairs = append(pairs, scopes.Any(fmt.Sprint("a", i), fmt.Sprint("b", i)))
	}
	for range 30 {
		names := make([]string, 64)
		for i := range names {
			names[i] = fmt.Sprint("s", i)
		}
		wide = append(wide, scopes.Any(names...))
	}
	if _, ok := scopes.And(pairs...).Alternatives(); ok {
		t.Error("pairs: got ok, want false")
	}
	if sets, ok := scopes.And(wide...).Alternatives(); !ok || len(sets) != 64 {
		t.Errorf("equal rules: got %d alternatives and ok = %v, want 64", len(sets), ok)
	}
}

// TestAlternativesAllow compares Alternatives with Allow for random rules and random grants.
func TestAlternativesAllow(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 5)) //nolint:gosec // the test must be repeatable
	names := []string{"a", "b", "c", "d", "e", "f"}
	some := func(least int) []string {
		picked := make([]string, least+random.IntN(3))
		for i := range picked {
			picked[i] = names[random.IntN(len(names))]
		}
		return picked
	}
	var rule func(depth int) scopes.Rule
	rule = func(depth int) scopes.Rule {
		kind := random.IntN(7)
		if depth == 0 {
			kind %= 2
		}
		operands := make([]scopes.Rule, 0, 3)
		for range 1 + random.IntN(3) {
			if kind > 1 {
				operands = append(operands, rule(depth-1))
			}
		}
		switch kind {
		case 0:
			return scopes.All(some(0)...)
		case 1:
			return scopes.Any(some(1)...)
		case 2, 3:
			return scopes.And(operands...)
		case 4, 5:
			return scopes.Or(operands...)
		}
		return scopes.ReportOnly(operands[0])
	}
	allowed := 0
	for range 1000 {
		rule := rule(4)
		sets, ok := rule.Alternatives()
		if !ok {
			t.Fatalf("%v: got no alternatives, want a list, because six scopes have at most 20", rule)
		}
		for i := range sets {
			for j := range sets {
				if i != j && containsAll(sets[i], sets[j]) {
					t.Fatalf("%v: alternative %v contains alternative %v", rule, sets[i], sets[j])
				}
			}
		}
		for bits := range 1 << len(names) {
			var granted []string
			for i, name := range names {
				if bits>>i&1 == 1 {
					granted = append(granted, name)
				}
			}
			set, err := scopes.Parse(strings.Join(granted, " "))
			if err != nil {
				t.Fatal(err)
			}
			got := slices.ContainsFunc(sets, func(set []string) bool { return containsAll(granted, set) })
			if want := rule.Allow(t.Context(), set) == nil; got != want {
				t.Fatalf("%v: alternatives %v, granted scopes %v: got %v, want %v, as Allow", rule, sets, granted, got, want)
			}
			if got {
				allowed++
			}
		}
	}
	if allowed == 0 || allowed == 1000<<len(names) {
		t.Errorf("got %d allowed combinations, want allowed and denied ones", allowed)
	}
}

func containsAll(list, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(list, name) })
}
