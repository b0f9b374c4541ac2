package scopes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Hierarchy maps each scope to the scopes that it implies. With {"deployments":
// {"deployments:read"}}, a token that grants "deployments" also grants "deployments:read".
// Without this entry, "deployments" does not imply "deployments:read", because the form of
// the names has no meaning. In the nil Hierarchy, scopes imply no other scopes. A Hierarchy
// is safe for concurrent use if the program does not change it.
type Hierarchy map[string][]string

// Err returns an error that lists every invalid scope name in h. It returns nil if all
// names are valid. A cycle is valid. Each scope of a cycle implies all other scopes of the
// cycle.
func (h Hierarchy) Err() error {
	var errs []error
	for _, scope := range slices.Sorted(maps.Keys(h)) {
		for _, name := range append([]string{scope}, h[scope]...) {
			if !valid(name) {
				errs = append(errs, fmt.Errorf("scopes: %q in the hierarchy of %q: %s", name, scope, describeMistake(name)))
			}
		}
	}
	return errors.Join(errs...)
}

// Expand returns the scopes of s and all scopes that they imply. The result includes the
// scopes that implied scopes imply. The result and the rules that it is compared with refer to h,
// so the program must not change h after that.
func (h Hierarchy) Expand(s Set) Set {
	if len(h) == 0 {
		return s
	}
	names, seen := s.names, map[string]struct{}(nil)
	for i := 0; i < len(names); i++ {
		implied := h[names[i]]
		if len(implied) == 0 || s.isWildcard(names[i]) {
			continue
		}
		if seen == nil && len(names)+len(implied) <= manyNames { // for few names, a map takes more time
			names = unique(slices.Concat(names, implied))
			continue
		}
		if seen == nil {
			names, seen = slices.Clone(names), setOf(names)
		}
		for _, name := range implied {
			if _, ok := seen[name]; !ok {
				seen[name] = struct{}{}
				names = append(names, name)
			}
		}
	}
	if len(names) > len(s.names) {
		names = exactly(names)
	}
	return Set{names, newExtra(names, s.wildcards(), h)} // the positions of the wildcards are unchanged
}
