package scopes_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// expanded returns the Set of a token with these scopes, expanded with a hierarchy.
func expanded(t *testing.T, h scopes.Hierarchy, granted string) scopes.Set {
	t.Helper()
	set, err := scopes.Parse(granted)
	if err != nil {
		t.Fatal(err)
	}
	return h.Expand(set)
}

// TestRequired tests which scopes a denial names. RFC 6750, section 3.1 says that the challenge
// names the scope that is necessary to access the resource.
func TestRequired(t *testing.T) {
	denies := func(name string) scopes.Rule { return scopes.Func(name, no) }
	allows := scopes.Func("allows", yes)
	h := scopes.Hierarchy{
		"admin": {"write", "users"}, "write": {"read"}, "users": {"list"},
		"this": {"that"}, "that": {"this"},
		"start": {"between"}, "between": {"end"}, // no rule names "between"
	}
	many := make([]scopes.Rule, 40)
	for i := range many {
		many[i] = scopes.Any(fmt.Sprint("a", i), fmt.Sprint("b", i))
	}
	for _, row := range []struct {
		granted           string
		rule              scopes.Rule
		required, missing string
	}{
		// The list also has the scopes that the token grants.
		{"a c", scopes.All("a", "b", "c"), "a b c", "b"},
		{"c x", scopes.And(scopes.All("c"), scopes.All("b", "a", "c")), "c b a", "b a"},
		{"a c", scopes.And(scopes.Any("b", "c", "a"), scopes.All("d")), "c d", "d"},
		{"", scopes.And(scopes.All("a"), scopes.ReportOnly(scopes.All("b"))), "a b", "a b"},
		// The alternative with the fewest missing scopes, never a union.
		{"", scopes.Any("x", "admin"), "x", "x"},
		{"", scopes.Any("admin", "x"), "admin", "admin"},
		{"b", scopes.Or(scopes.All("x", "y"), scopes.All("b", "c", "d"), scopes.All("a", "b"), scopes.All("b", "e")), "b a", "a"},
		{"b", scopes.Or(scopes.All("a"), scopes.All("b", "c")), "a", "a"},
		{"c", scopes.Or(scopes.All("a", "b"), scopes.All("c", "d")), "c d", "d"},
		{"a", scopes.Or(scopes.All("a", "b"), scopes.All("b")), "b", "b"},
		{"", scopes.And(scopes.Any("a", "b"), scopes.Any("b", "c")), "b", "b"},
		{"", scopes.And(scopes.Any("a", "b"), scopes.All("b")), "b", "b"},
		{"d", scopes.And(scopes.Any("a", "b"), scopes.Any("c", "d")), "a d", "a"},
		// Functions.
		{"a", scopes.And(scopes.All("a"), denies("f")), "", ""},
		{"", scopes.Or(denies("f"), scopes.All("a")), "a", "a"},
		{"", scopes.Or(scopes.And(scopes.All("a"), denies("f")), scopes.All("b", "c")), "b c", "b c"},
		{"", scopes.Or(scopes.And(scopes.All("a"), allows), scopes.All("b", "c")), "a", "a"},
		{"a", scopes.Or(scopes.And(scopes.All("a", "b"), allows), scopes.All("b")), "b", "b"},
		{"", scopes.And(scopes.Or(scopes.All("a"), allows), scopes.All("b")), "b", "b"},
		{"a", scopes.And(scopes.Or(scopes.All("a"), allows), scopes.All("b")), "a b", "b"}, // the function is not called
		{"b", scopes.Or(scopes.And(scopes.All("a"), denies("f")), scopes.And(scopes.All("b", "c"), denies("g"))), "a", "a"},
		{"", scopes.Or(scopes.And(scopes.All("a"), denies("f"), denies("g")), scopes.And(scopes.All("b", "c"), denies("h"))), "b c", "b c"},
		{"a", scopes.Or(scopes.And(scopes.All("a"), denies("f")), scopes.And(scopes.All("b"), denies("g"))), "", ""},
		{"", denies("f"), "", ""},
		// A hierarchy.
		{"", scopes.Any("admin", "read"), "read", "read"},
		{"", scopes.Any("read", "admin"), "read", "read"},
		{"", scopes.Any("x", "admin", "read"), "x", "x"},
		{"", scopes.All("admin", "read"), "admin", "admin"},
		{"", scopes.All("read", "x", "admin"), "x admin", "x admin"},
		{"write x", scopes.All("read", "x", "admin"), "x admin", "admin"},
		{"write", scopes.All("read", "list"), "read list", "list"},
		{"", scopes.Or(scopes.All("admin"), scopes.All("read", "list")), "read list", "read list"},
		{"x", scopes.Or(scopes.All("admin"), scopes.All("x", "read")), "x read", "read"},
		{"read", scopes.Or(scopes.All("admin"), scopes.All("read", "list")), "read list", "list"},
		{"", scopes.Any("this", "that"), "this", "this"},
		{"", scopes.All("that", "this"), "that", "that"},
		{"", scopes.Any("start", "end"), "end", "end"},
		{"", scopes.All("start", "end"), "start", "start"},
		// Too many alternatives to compare.
		{"b3", scopes.And(many[:8]...), "a0 a1 a2 b3 a4 a5 a6 a7", "a0 a1 a2 a4 a5 a6 a7"},
		{"", scopes.Any(append([]string{"admin"}, strings.Fields(strings.Repeat("read list write x ", 1)+strings.Join(names(65), " "))...)...), "read", "read"},
		{"n5", scopes.Or(scopes.All(names(65)...), scopes.And(append(many, scopes.All("n5"))...)), listed(many, "n5"), listed(many)},
		// There is no rule that scopes can meet.
		{"a", scopes.Rule{}, "", ""},
		{"a", scopes.Any(), "", ""},
	} {
		granted := expanded(t, h, row.granted)
		denied, ok := errors.AsType[*scopes.DeniedError](row.rule.Allow(t.Context(), granted))
		if !ok {
			t.Errorf("%v, granted %q: got no denial, want one", row.rule, row.granted)
			continue
		}
		if required, missing := strings.Join(denied.Required, " "), strings.Join(denied.Missing, " "); required != row.required || missing != row.missing {
			t.Errorf("%v, granted %q: got the required scopes %q and the missing scopes %q, want %q and %q", row.rule, row.granted, required, missing, row.required, row.missing)
		}
		if !row.rule.HasFunc() {
			if got := strings.Join(row.rule.Required(granted), " "); got != row.required {
				t.Errorf("%v, granted %q: Required: got %q, want %q", row.rule, row.granted, got, row.required)
			}
		}
	}
}

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("n", i)
	}
	return list
}

// listed returns the first scope of each rule, and more scopes.
func listed(rules []scopes.Rule, more ...string) string {
	var list []string
	for _, rule := range rules {
		list = append(list, rule.Scopes()[0])
	}
	return strings.Join(append(more, list...), " ")
}

// TestRequiredWithoutFunctions tests that Required calls no function, and that an alternative
// without functions comes first.
func TestRequiredWithoutFunctions(t *testing.T) {
	panics := scopes.Func("panics", func(context.Context) error { panic("called") })
	for want, rule := range map[string]scopes.Rule{
		"a":   scopes.And(scopes.All("a"), panics),
		"b c": scopes.Or(scopes.And(scopes.All("a"), panics), scopes.All("b", "c")),
		"d":   scopes.And(scopes.Or(panics, scopes.All("d")), scopes.All("d"), panics),
		"":    scopes.Public(),
	} {
		if got := strings.Join(rule.Required(scopes.Set{}), " "); got != want {
			t.Errorf("%v: got %q, want %q", rule, got, want)
		}
	}
}

// TestRequiredIsOwn tests that a caller may change the lists of a denial.
func TestRequiredIsOwn(t *testing.T) {
	rule := scopes.All("a", "b")
	for range 2 {
		denied, _ := errors.AsType[*scopes.DeniedError](rule.Allow(t.Context(), scopes.Set{}))
		if got := fmt.Sprint(denied.Required, denied.Missing, rule.Required(scopes.Set{})); got != "[a b] [a b] [a b]" {
			t.Fatalf("got %s, want [a b] three times", got)
		}
		denied.Required[0], denied.Missing[1] = "x", "y"
		rule.Required(scopes.Set{})[0] = "z"
	}
}

// A model describes a random rule for the slow reference: the alternatives of the rule with all
// of their parts, in the order of the rule. A part is the name of a scope or of a function.
type model struct {
	rule         scopes.Rule
	alternatives [][]string
}

// testFunctions returns functions for random rules. The map gets the results of the functions
// that are called.
func testFunctions(results map[string]error) map[string]scopes.Rule {
	rules := make(map[string]scopes.Rule)
	for i, err := range []error{nil, nil, nil, errClosed, errClosed} {
		name := fmt.Sprint("function ", i)
		rules[name] = scopes.Func(name, func(context.Context) error {
			results[name] = err
			return err
		})
	}
	return rules
}

var modelScopes = []string{"a", "b", "c", "d", "e", "f", "g"}

func randomModel(r *rand.Rand, functions map[string]scopes.Rule, depth int) model {
	kind := r.IntN(8)
	if depth == 0 {
		kind %= 4
	}
	if kind < 3 {
		picked := make([]string, 1+r.IntN(3))
		for i := range picked {
			picked[i] = modelScopes[r.IntN(len(modelScopes))]
		}
		if kind == 0 {
			return model{scopes.Any(picked...), oneByOne(picked)}
		}
		return model{scopes.All(picked...), [][]string{picked}}
	}
	if kind == 3 {
		name := fmt.Sprint("function ", r.IntN(len(functions)))
		return model{functions[name], [][]string{{name}}}
	}
	var rules []scopes.Rule
	result := model{}
	if kind < 6 {
		result.alternatives = [][]string{nil}
	}
	for range 1 + r.IntN(3) {
		operand := randomModel(r, functions, depth-1)
		rules = append(rules, operand.rule)
		if kind >= 6 {
			result.alternatives = withoutLarger(append(result.alternatives, operand.alternatives...))
			continue
		}
		var product [][]string
		for _, x := range result.alternatives {
			for _, y := range operand.alternatives {
				product = append(product, slices.Concat(x, y))
			}
		}
		result.alternatives = withoutLarger(product)
	}
	result.rule = scopes.Or(rules...)
	if kind < 6 {
		result.rule = scopes.And(rules...)
	}
	return result
}

// withoutLarger removes each alternative that has all parts of another one.
func withoutLarger(alternatives [][]string) (kept [][]string) {
	for i, a := range alternatives {
		larger := func(b []string) bool { return containsAll(a, b) && !containsAll(b, a) }
		equal := func(b []string) bool { return containsAll(a, b) && containsAll(b, a) }
		if !slices.ContainsFunc(alternatives, larger) && !slices.ContainsFunc(alternatives[:i], equal) {
			kept = append(kept, a)
		}
	}
	return kept
}

// impliedBy returns every scope that the names imply, by the definition of a hierarchy.
func impliedBy(h scopes.Hierarchy, names []string) []string {
	closed := slices.Clone(names)
	for changed := true; changed; {
		changed = false
		for _, name := range closed {
			for _, implied := range h[name] {
				if !slices.Contains(closed, implied) {
					closed, changed = append(closed, implied), true
				}
			}
		}
	}
	return closed
}

// modelDenial returns the verdict of the slow reference. It compares every alternative with
// every other one, as the comment of DeniedError says. A function that was not called counts as
// a function that denies the request.
func modelDenial(m model, results map[string]error, h scopes.Hierarchy, granted []string) (required, missing []string) {
	type alternative struct {
		names, implied, required, missing []string
		failed                            int
	}
	order := m.rule.Scopes()
	granted = impliedBy(h, granted)
	without := func(list, drop []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(drop, name) })
	}
	var list []alternative
	for _, parts := range m.alternatives {
		var a alternative
		functions := map[string]bool{}
		for _, part := range parts {
			if err, called := results[part]; strings.HasPrefix(part, "function") && (!called || err != nil) {
				functions[part] = true
			} else if slices.Contains(order, part) && !slices.Contains(a.names, part) {
				a.names = append(a.names, part)
			}
		}
		a.failed = len(functions)
		slices.SortFunc(a.names, func(x, y string) int { return slices.Index(order, x) - slices.Index(order, y) })
		a.implied = impliedBy(h, a.names)
		for i, name := range a.names {
			if !slices.ContainsFunc(a.names[:i], func(other string) bool { return slices.Contains(impliedBy(h, []string{other}), name) }) &&
				!slices.ContainsFunc(a.names[i+1:], func(other string) bool {
					return slices.Contains(impliedBy(h, []string{other}), name) && !slices.Contains(impliedBy(h, []string{name}), other)
				}) {
				a.required = append(a.required, name)
			}
		}
		a.missing = without(a.required, granted)
		list = append(list, a)
	}
	// The function smallest removes the alternatives that imply another one, except for the scopes
	// in except, and are not implied by it.
	smallest := func(list []alternative, except []string) (kept []alternative) {
		within := func(a, b alternative) bool { return containsAll(b.implied, without(a.names, except)) }
		for _, a := range list {
			if !slices.ContainsFunc(list, func(b alternative) bool { return within(b, a) && !within(a, b) }) {
				kept = append(kept, a)
			}
		}
		return kept
	}
	least := slices.MinFunc(list, func(a, b alternative) int { return a.failed - b.failed }).failed
	list = slices.DeleteFunc(list, func(a alternative) bool { return a.failed != least })
	list = smallest(list, granted)
	fewest := len(slices.MinFunc(list, func(a, b alternative) int { return len(a.missing) - len(b.missing) }).missing)
	list = slices.DeleteFunc(list, func(a alternative) bool { return len(a.missing) != fewest })
	if fewest == 0 {
		return nil, nil
	}
	best := smallest(list, nil)[0]
	return best.required, best.missing
}

// TestRequiredRandom compares denials with a slow reference, for random rules, grants and
// hierarchies. It also tests that a client that replaces its scopes by the required ones meets
// the rule in one step if no function denies the request.
func TestRequiredRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 1)) //nolint:gosec // the test must be repeatable
	denials, withHierarchy, steps := 0, 0, 0
	for range 30_000 {
		results := make(map[string]error)
		m := randomModel(r, testFunctions(results), r.IntN(4))
		if len(m.alternatives) > 60 {
			continue
		}
		h := scopes.Hierarchy{}
		for range r.IntN(4) * r.IntN(4) {
			name := modelScopes[r.IntN(len(modelScopes))]
			h[name] = append(h[name], append(modelScopes, "other")[r.IntN(len(modelScopes)+1)])
		}
		var granted []string
		for _, name := range modelScopes {
			if r.IntN(3) == 0 {
				granted = append(granted, name)
			}
		}
		denied, ok := errors.AsType[*scopes.DeniedError](m.rule.Allow(t.Context(), expanded(t, h, strings.Join(granted, " "))))
		if !ok {
			continue
		}
		denials++
		if len(h) > 0 {
			withHierarchy++
		}
		if required, missing := modelDenial(m, results, h, granted); !slices.Equal(required, denied.Required) || !slices.Equal(missing, denied.Missing) {
			t.Fatalf("%v\nhierarchy %v, granted %v: got %v, missing %v; want %v, missing %v", m.rule, h, granted, denied.Required, denied.Missing, required, missing)
		}
		if denied.Required != nil && denied.Err == nil {
			steps++
			if err := m.rule.Allow(t.Context(), expanded(t, h, strings.Join(denied.Required, " "))); err != nil {
				t.Fatalf("%v\nhierarchy %v, granted %v: a token with the required scopes %v is denied: %v", m.rule, h, granted, denied.Required, err)
			}
		}
	}
	if denials < 10_000 || withHierarchy < 5000 || steps < 5000 {
		t.Errorf("got %d denials, %d of them with a hierarchy, and %d steps to a token that is allowed; want more", denials, withHierarchy, steps)
	}
	t.Logf("%d denials, %d with a hierarchy, %d steps", denials, withHierarchy, steps)
}

// TestDenialsReuseHierarchy requires that a denial after the first one costs the same with a large
// hierarchy as without one. A client can cause any number of denials.
func TestDenialsReuseHierarchy(t *testing.T) {
	var names []string
	h := scopes.Hierarchy{}
	for i := range 64 {
		name := fmt.Sprint("role", i)
		names = append(names, name)
		for j := range 100 {
			h[name] = append(h[name], fmt.Sprintf("%s:%d", name, j))
		}
		h[name] = append(h[name], fmt.Sprint("role", i+1))
	}
	low := setOf(t, "low")
	allocs := func(granted scopes.Set) float64 {
		rule := scopes.Any(names...)
		return testing.AllocsPerRun(20, func() {
			if rule.Allow(t.Context(), granted) == nil {
				t.Fatal("the rule allows the request, want a denial")
			}
		})
	}
	if got, want := allocs(h.Expand(low)), allocs(low); got > want {
		t.Errorf("got %v allocations with a hierarchy, want at most %v, as without", got, want)
	}
	// A different hierarchy with the same rule is not mistaken for the first one.
	rule := scopes.Any("a", "b")
	for _, row := range []struct {
		h    scopes.Hierarchy
		want string
	}{{scopes.Hierarchy{"a": {"b"}}, "b"}, {scopes.Hierarchy{"b": {"a"}}, "a"}, {nil, "a"}, {scopes.Hierarchy{"a": {"b"}}, "b"}} {
		if got := rule.Required(row.h.Expand(low)); !slices.Equal(got, []string{row.want}) {
			t.Errorf("hierarchy %v: got %q, want %q", row.h, got, row.want)
		}
	}
}
