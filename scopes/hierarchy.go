package scopes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Hierarchy is scopes that imply others: {"deployments": {"deployments:read"}}
// says that whoever has "deployments" has "deployments:read" too. Nothing is
// implied that is not declared; names have no meaning of their own. The nil
// Hierarchy implies nothing.
type Hierarchy map[string][]string

// Err returns all that is wrong with the names, or nil. A cycle is no error: each of its
// scopes implies the others.
func (h Hierarchy) Err() error {
	var errs []error
	for _, scope := range slices.Sorted(maps.Keys(h)) {
		for _, name := range append([]string{scope}, h[scope]...) {
			if !valid(name) {
				errs = append(errs, fmt.Errorf("scopes: %q in the hierarchy of %q: not a scope of RFC 6749, section 3.3", name, scope))
			}
		}
	}
	return errors.Join(errs...)
}

// Expand returns s with all scopes that its scopes imply, in one step or in several.
func (h Hierarchy) Expand(s Set) Set {
	names := s.names
	for i := 0; i < len(names); i++ {
		if implied := h[names[i]]; len(implied) > 0 {
			names = unique(slices.Concat(names, implied))
		}
	}
	if len(names) == len(s.names) {
		return s
	}
	return newSet(names)
}
