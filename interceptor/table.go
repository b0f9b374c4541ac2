package interceptor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/scopes"
)

// table contains the rules in a form that is searched without allocations. The result is
// the same as that of [scopes.Methods.Rule].
type table struct {
	methods  map[string]declaredRule // by full method name
	services map[string]declaredRule // by "/package.Service/"
}

// declaredRule is a rule with the name of its declaration. The zero declaredRule denies.
type declaredRule struct {
	rule scopes.Rule
	name string
}

// compile merges sets of rules. A name in two sets is an error even if the rules are equal,
// because a later change of one of them makes it unclear which rule applies.
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
				errs = append(errs, fmt.Errorf("method %q: declared twice, for %v and for %v", name, other.rule, set[name]))
			}
			to[key] = declaredRule{set[name], name}
		}
	}
	return t, errs
}

// find returns the rule of a method: that of its exact name, or else that of its service.
func (t table) find(method string) declaredRule {
	if exact, ok := t.methods[method]; ok {
		return exact
	}
	end := strings.LastIndexByte(method, '/') + 1
	if name := method[end:]; name == "" || name == "*" {
		return declaredRule{}
	}
	// The keys contain only a first and a last slash, so a method with more slashes matches
	// none of them.
	return t.services[method[:end]]
}

// names returns the names of all rules, sorted.
func (t table) names() []string {
	names := slices.Collect(maps.Keys(t.methods))
	for service := range t.services {
		names = append(names, service+"*")
	}
	slices.Sort(names)
	return names
}
