package interceptor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/scopes"
)

// table contains the rules in maps that lookup can search without allocations. The method
// lookup returns the same rule as [scopes.Methods.Rule].
type table struct {
	methods  map[string]declaredRule // the key is the full method name
	services map[string]declaredRule // the key is "/package.Service/"
}

// declaredRule is a rule with the name in its declaration. The zero declaredRule denies
// every call.
type declaredRule struct {
	rule scopes.Rule
	name string
}

// compile merges several sets of rules into one table. A name in two sets is an error, even
// if the two rules are equal. Without this error, if one of the two rules is changed later,
// the order of the sets decides which rule applies.
func compile(rules scopes.Methods, include []scopes.Methods) (table, []error) {
	t := table{methods: make(map[string]declaredRule), services: make(map[string]declaredRule)}
	var errs []error
	for _, set := range append([]scopes.Methods{rules}, include...) {
		if err := set.Err(); err != nil {
			errs = append(errs, err)
		}
		for _, name := range slices.Sorted(maps.Keys(set)) {
			key, to := name, t.methods
			if service, ok := strings.CutSuffix(name, "*"); ok {
				key, to = service, t.services
			}
			if other, ok := to[key]; ok {
				errs = append(errs, fmt.Errorf("method %q: declared twice, with the rules %v and %v; delete one of them", name, other.rule, set[name]))
			}
			to[key] = declaredRule{set[name], name}
		}
	}
	return t, errs
}

// lookup returns the rule for the exact name of the method. If no rule has this name and the
// method is an identifier of protobuf, lookup returns the rule for the service of the method.
func (t table) lookup(method string) declaredRule {
	if exact, ok := t.methods[method]; ok {
		return exact
	}
	end := strings.LastIndexByte(method, '/') + 1
	if !isIdentifier(method[end:]) {
		return declaredRule{}
	}
	// Each key contains exactly two slashes, so a method with more slashes has no rule.
	return t.services[method[:end]]
}

// isIdentifier reports whether s is an identifier of protobuf. Package scopes has a function
// that does the same, and FuzzRuleOfMethod compares both packages.
func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// names returns the sorted names of all rules.
func (t table) names() []string {
	names := slices.Collect(maps.Keys(t.methods))
	for service := range t.services {
		names = append(names, service+"*")
	}
	slices.Sort(names)
	return names
}
