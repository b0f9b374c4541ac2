package jws

import (
	"fmt"
	"slices"
	"strings"
)

// defaultAlgorithms is one algorithm of each family; RFC 9864 gave EdDSA on Ed25519 its
// own name. The 384 and 512 forms must be asked for.
var defaultAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}

// Methods returns the methods of the named algorithms, or of the default ones if names
// is nil, and every fault of the names.
func Methods(names []string) (map[string]*Method, []error) {
	if names == nil {
		names = defaultAlgorithms
	}
	var errs []error
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("empty, so that no token could verify; nil means %s", strings.Join(defaultAlgorithms, ", ")))
	}
	methods := make(map[string]*Method, len(names))
	for _, name := range names {
		method := MethodOf(name)
		switch {
		case strings.EqualFold(name, "none"):
			errs = append(errs, fmt.Errorf("%q: an unsigned token proves nothing (RFC 8725, section 3.2)", name))
		case slices.Contains([]string{"HS256", "HS384", "HS512"}, strings.ToUpper(name)):
			errs = append(errs, fmt.Errorf("%q: with a shared secret, whoever can verify tokens can make them", name))
		case method == nil:
			errs = append(errs, fmt.Errorf("%q: not an algorithm of this package", name))
		default:
			methods[name] = method
		}
	}
	return methods, errs
}
