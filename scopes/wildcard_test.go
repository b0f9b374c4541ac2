package scopes_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// setOf returns the Set of these scopes.
func setOf(t *testing.T, names ...string) scopes.Set {
	t.Helper()
	set, err := scopes.Of(names...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// grants is a slow model of a wildcard: it reports whether a granted scope grants the wanted
// scope.
func grants(granted, want string) bool {
	if granted == want {
		return true
	}
	prefix, isWildcard := strings.CutSuffix(granted, "*")
	rest, hasPrefix := strings.CutPrefix(want, prefix)
	if !isWildcard || !hasPrefix || strings.Contains(prefix+want, "*") {
		return false
	}
	for _, separator := range []string{":", ".", "/"} {
		if name, ok := strings.CutSuffix(prefix, separator); ok && name != "" {
			return !slices.Contains(strings.Split(rest, separator), "")
		}
	}
	return false
}

// randomName returns a name of up to three segments, so that many names have the same
// beginning. Some segments are empty.
func randomName(random *rand.Rand) string {
	segments := []string{"a", "a", "a", "b", "b", ""}
	name := segments[random.IntN(5)]
	for range random.IntN(3) {
		name += string("::./"[random.IntN(4)]) + segments[random.IntN(len(segments))]
	}
	return name
}

// randomGrants returns up to n scopes. Many have a "*", and most of these are wildcards.
func randomGrants(random *rand.Rand, n int) []string {
	names := make([]string, random.IntN(n+1))
	for i := range names {
		names[i] = randomName(random)
		switch random.IntN(8) {
		case 0, 1, 2:
			names[i] += string("::./"[random.IntN(4)]) + "*"
		case 3:
			names[i] = strings.ReplaceAll(names[i], "b", "*")
		case 4:
			names[i] += "*"
		}
	}
	return names
}

// TestWildcardsMatchModel compares Set.Has with the model, for Sets with and without
// wildcards and for unions of two Sets.
func TestWildcardsMatchModel(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 10)) //nolint:gosec // the test needs the same numbers in each run
	verdicts := map[bool]int{}
	for i := range 20_000 {
		wild, plain := randomGrants(random, 12), randomGrants(random, 4)
		set := setOf(t, wild...).WithWildcards()
		if random.IntN(2) == 0 {
			set = set.Union(setOf(t, plain...))
		} else {
			set = setOf(t, plain...).Union(set)
		}
		want := randomName(random)
		if random.IntN(10) == 0 {
			want = strings.ReplaceAll(want, "b", "*")
		}
		expected := slices.Contains(plain, want) || slices.ContainsFunc(wild, func(name string) bool { return grants(name, want) })
		verdicts[expected]++
		if got := set.Has(want); got != expected {
			t.Fatalf("%d: wildcards %q, other scopes %q: Has(%q): got %v, want %v", i, wild, plain, want, got, expected)
		}
		if got, literal := setOf(t, wild...).Has(want), slices.Contains(wild, want); got != literal {
			t.Fatalf("%d: scopes %q without wildcards: Has(%q): got %v, want %v", i, wild, want, got, literal)
		}
	}
	if verdicts[true] < 2000 || verdicts[false] < 2000 {
		t.Errorf("got the verdicts %v, want each at least 2,000 times", verdicts)
	}
}

// randomRule returns a rule, and a model of this rule that calls a function with the names of
// scopes.
func randomRule(random *rand.Rand, depth int) (scopes.Rule, func(has func(string) bool) bool) {
	if kind := random.IntN(4); depth == 0 || kind < 2 {
		names := make([]string, 1+random.IntN(3))
		if random.IntN(8) == 0 {
			names = make([]string, 1+random.IntN(12)) // enough names for an index
		}
		for i := range names {
			names[i] = randomName(random)
		}
		if kind%2 == 0 {
			return scopes.All(names...), func(has func(string) bool) bool {
				return !slices.ContainsFunc(names, func(name string) bool { return !has(name) })
			}
		}
		return scopes.Any(names...), func(has func(string) bool) bool { return slices.ContainsFunc(names, has) }
	}
	var rules []scopes.Rule
	var models []func(has func(string) bool) bool
	for range 1 + random.IntN(3) {
		rule, model := randomRule(random, depth-1)
		rules, models = append(rules, rule), append(models, model)
	}
	if random.IntN(2) == 0 {
		return scopes.And(rules...), func(has func(string) bool) bool {
			return !slices.ContainsFunc(models, func(model func(has func(string) bool) bool) bool { return !model(has) })
		}
	}
	return scopes.Or(rules...), func(has func(string) bool) bool {
		return slices.ContainsFunc(models, func(model func(has func(string) bool) bool) bool { return model(has) })
	}
}

// TestRulesWithWildcardsMatchModel compares Rule.Allow with a model, for random rules and
// tokens with wildcards.
func TestRulesWithWildcardsMatchModel(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 11)) //nolint:gosec // the test needs the same numbers in each run
	verdicts := map[bool]int{}
	for i := range 20_000 {
		rule, model := randomRule(random, 3)
		if err := rule.Err(); err != nil {
			t.Fatal(err)
		}
		granted := randomGrants(random, 12)
		want := model(func(name string) bool {
			return slices.ContainsFunc(granted, func(scope string) bool { return grants(scope, name) })
		})
		verdicts[want]++
		if err := rule.Allow(t.Context(), setOf(t, granted...).WithWildcards()); (err == nil) != want {
			t.Fatalf("%d: rule %v, scopes %q: got error %v, want allowed = %v", i, rule, granted, err, want)
		}
	}
	if verdicts[true] < 2000 || verdicts[false] < 2000 {
		t.Errorf("got the verdicts %v, want each at least 2,000 times", verdicts)
	}
}

// TestWildcardsAreListed tests that All, Len and String list the scopes of the token, and not
// the scopes that a wildcard grants.
func TestWildcardsAreListed(t *testing.T) {
	const text = "read:* a read:users write:*"
	set := setOf(t, strings.Fields(text)...)
	for name, got := range map[string]scopes.Set{
		"WithWildcards": set.WithWildcards(), "twice": set.WithWildcards().WithWildcards(), "Union": scopes.Set{}.Union(set.WithWildcards()).Union(set),
		"Expand": scopes.Hierarchy{"b": {"c"}}.Expand(set.WithWildcards()),
	} {
		if got.String() != text || got.Len() != 4 || strings.Join(slices.Collect(got.All()), " ") != text {
			t.Errorf("%s: got %d scopes %q, want 4 scopes %q", name, got.Len(), got, text)
		}
		if !got.Has("read:*") || !got.Has("write:things") || got.Has("read:*:x") || got.Has("write:a*") {
			t.Errorf("%s: %q: got another result of Has, want the wildcards and the names of the token", name, got)
		}
	}
}

// TestHierarchyWithWildcards tests that a Hierarchy neither expands wildcards nor adds them.
func TestHierarchyWithWildcards(t *testing.T) {
	h := scopes.Hierarchy{
		"read:*": {"secret"}, "read:users": {"list"}, "admin": {"write:*", "read:all"}, "write:*": {"delete"}, "*": {"star"},
	}
	for _, row := range []struct{ granted, want, has, hasNot string }{
		{"read:*", "read:*", "read:users", "list secret"},
		{"read:* read:users", "read:* read:users list", "read:things list", "secret"},
		{"admin", "admin write:* read:all delete", "write:* read:all", "write:x read:users"},
		{"admin write:*", "admin write:* read:all", "write:x", "delete"},
		{"* read:*", "* read:* star", "star read:x", "secret x"},
		{"a b c d e read:* admin", "a b c d e read:* admin write:* read:all delete", "read:x e", "write:x secret"},
	} {
		got := h.Expand(setOf(t, strings.Fields(row.granted)...).WithWildcards())
		if got.String() != row.want {
			t.Errorf("Expand(%q): got %q, want %q", row.granted, got, row.want)
		}
		for _, name := range strings.Fields(row.has) {
			if !got.Has(name) {
				t.Errorf("Expand(%q): Has(%q): got false, want true", row.granted, name)
			}
		}
		for _, name := range strings.Fields(row.hasNot) {
			if got.Has(name) {
				t.Errorf("Expand(%q): Has(%q): got true, want false", row.granted, name)
			}
		}
	}
}

// TestRulesHaveNoWildcards tests that a scope with "*" is a mistake in a rule, and that the
// error says what to do.
func TestRulesHaveNoWildcards(t *testing.T) {
	for _, name := range []string{"*", "read:*", "read*", "re*ad", "*:read", "read.*", "read/*", "read:*:all", "read:*:*", ":*"} {
		for fn, rule := range map[string]scopes.Rule{
			"All": scopes.All("a", name), "Any": scopes.Any(name, "a"), "And": scopes.And(scopes.All("a"), scopes.All(name)),
			"Or": scopes.Or(scopes.All("a"), scopes.Any(name)), "ReportOnly": scopes.ReportOnly(scopes.All(name)),
		} {
			err := rule.Err()
			if err == nil || !strings.Contains(err.Error(), "must not contain *") || !strings.Contains(err.Error(), "Profile.WildcardScopes") {
				t.Errorf("%s with %q: got error %v, want the mistake and Profile.WildcardScopes in the text", fn, name, err)
			}
			example := map[string]string{"read:*": `"read:users"`, "read.*": `"read.users"`, "read/*": `"read/users"`}[name]
			if !strings.Contains(err.Error(), example) || strings.Contains(err.Error(), "such as") != (example != "") {
				t.Errorf("%s with %q: got error %v, want the example %q, or no example if it is empty", fn, name, err, example)
			}
			if err := rule.Allow(t.Context(), setOf(t, "a", name).WithWildcards()); err == nil {
				t.Errorf("%s with %q: the request is allowed, want an error", fn, name)
			}
		}
	}
}

// TestDeniedWithWildcards tests that a scope that a wildcard grants is not missing, and that no
// error names a wildcard.
func TestDeniedWithWildcards(t *testing.T) {
	granted := setOf(t, "read:*", "a").WithWildcards()
	for _, row := range []struct {
		rule              scopes.Rule
		required, missing string
	}{
		{scopes.All("read:users", "write:users"), "read:users write:users", "write:users"},
		{scopes.Or(scopes.All("b", "c"), scopes.All("read:users", "read:things", "d")), "read:users read:things d", "d"},
		{scopes.And(scopes.Any("read:users", "admin"), scopes.All("write:users")), "read:users write:users", "write:users"},
		{scopes.All("read", "read:users"), "read read:users", "read"},
	} {
		denied, ok := errors.AsType[*scopes.DeniedError](row.rule.Allow(t.Context(), granted))
		if !ok {
			t.Fatalf("%v: the request is allowed, want an error", row.rule)
		}
		if got := strings.Join(denied.Missing, " "); got != row.missing {
			t.Errorf("%v: got missing scopes %q, want %q", row.rule, got, row.missing)
		}
		if got := strings.Join(denied.Required, " "); got != row.required {
			t.Errorf("%v: got required scopes %q, want %q", row.rule, got, row.required)
		}
	}
}

// TestRequiredOfWildcardAndHierarchy tests a denial whose missing scope is implied by a scope that
// only a wildcard grants. The hierarchy is not expanded from a wildcard, so the denial must name the
// scope.
func TestRequiredOfWildcardAndHierarchy(t *testing.T) {
	names, err := scopes.Of("users:*")
	if err != nil {
		t.Fatal(err)
	}
	granted := scopes.Hierarchy{"users:admin": {"audit"}}.Expand(names.WithWildcards())
	for _, rule := range []scopes.Rule{scopes.All("users:admin", "audit"), scopes.Or(scopes.All("users:admin", "audit"), scopes.All("x", "y"))} {
		denied, ok := errors.AsType[*scopes.DeniedError](rule.Allow(t.Context(), granted))
		if !ok || !slices.Equal(denied.Required, []string{"users:admin", "audit"}) || !slices.Equal(denied.Missing, []string{"audit"}) {
			t.Errorf("%v: got %+v, want both scopes, and audit missing", rule, denied)
		}
	}
}
