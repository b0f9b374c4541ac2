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

// Err returns all that is wrong with the names, or nil. A circle is no error: its
// scopes are worth the same.
func (h Hierarchy) Err() error {
	var errs []error
	for _, scope := range slices.Sorted(maps.Keys(h)) {
		for _, name := range append([]string{scope}, h[scope]...) {
			if !valid(name) {
				errs = append(errs, fmt.Errorf("scopes: %q in the hierarchy of %q: not a scope (RFC 6749, section 3.3)", name, scope))
			}
		}
	}
	return errors.Join(errs...)
}

// Closed returns a copy in which what is implied in several steps is implied in
// one.
func (h Hierarchy) Closed() Hierarchy {
	closed := make(Hierarchy, len(h))
	for scope := range h {
		reached := []string{scope}
		for i := 0; i < len(reached); i++ {
			reached = unique(append(reached, h[reached[i]]...))
		}
		closed[scope] = reached[1:]
	}
	return closed
}

// Expand returns s with all that its scopes imply in one step; see Closed for
// all steps.
func (h Hierarchy) Expand(s Set) Set {
	for scope := range s.All() {
		if implied, ok := h[scope]; ok {
			s = s.Union(Set{names: implied})
		}
	}
	return s
}
