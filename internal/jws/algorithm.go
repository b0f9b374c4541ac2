package jws

import (
	"fmt"
	"slices"
	"strings"
)

// defaultAlgorithms lists the algorithms that are accepted if a configuration names none. It
// contains one algorithm of each family. Signatures with Ed25519 keys have two names: EdDSA
// (RFC 8037) and Ed25519 (RFC 9864).
var defaultAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}

// Methods returns the methods of the named algorithms, or of the default algorithms if
// names is nil. It also returns one error for each name that it does not accept, and one error
// if names is empty and not nil.
func Methods(names []string) (map[string]*Method, []error) {
	if names == nil {
		names = defaultAlgorithms
	}
	var errs []error
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("the list is empty; for the default list (%s), leave the field nil", strings.Join(defaultAlgorithms, ", ")))
	}
	methods := make(map[string]*Method, len(names))
	for _, name := range names {
		method := MethodOf(name)
		switch {
		case strings.EqualFold(name, "none"):
			errs = append(errs, fmt.Errorf("%q: an unsigned token proves nothing (RFC 8725, section 3.2)", name))
		case slices.Contains([]string{"HS256", "HS384", "HS512"}, strings.ToUpper(name)):
			errs = append(errs, fmt.Errorf("%q: with a shared secret, every service that verifies tokens can also sign them", name))
		case method == nil:
			errs = append(errs, fmt.Errorf("%q: not a supported algorithm", name))
		default:
			methods[name] = method
		}
	}
	return methods, errs
}
