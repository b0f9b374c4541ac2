package scopes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Hierarchy maps each scope to the scopes that it implies. With {"deployments":
// {"deployments:read"}}, a token that grants "deployments" also grants "deployments:read".
// The form of a name implies nothing: without that entry, "deployments" does not grant
// "deployments:read". The nil Hierarchy implies nothing. A Hierarchy is safe for concurrent
// use while nothing changes it.
type Hierarchy map[string][]string

// Err returns an error that lists every invalid scope name in h, or nil. A cycle is valid:
// each scope of the cycle implies the others.
func (h Hierarchy) Err() error {
	var errs []error
	for _, scope := range slices.Sorted(maps.Keys(h)) {
		for _, name := range append([]string{scope}, h[scope]...) {
			if !valid(name) {
				errs = append(errs, fmt.Errorf("scopes: %q in the hierarchy of %q: %s", name, scope, mistake(name)))
			}
		}
	}
	return errors.Join(errs...)
}

// Expand returns s and all scopes that its scopes imply, directly or through other scopes.
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
