package bearer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/jws"
)

// defaultAlgorithms are what Config.Algorithms means when it is nil: one of each
// family (RFC 9864 gave EdDSA on Ed25519 its own name). The 384 and 512 forms
// are by choice.
var defaultAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}

// algorithms resolves Config.Algorithms.
func algorithms(names []string) (map[string]*jws.Method, []error) {
	if names == nil {
		names = defaultAlgorithms
	}
	var errs []error
	if len(names) == 0 {
		errs = append(errs, fmt.Errorf("Config.Algorithms: empty, so that no token could verify; nil means %s",
			strings.Join(defaultAlgorithms, ", ")))
	}
	methods := make(map[string]*jws.Method, len(names))
	for _, name := range names {
		method := jws.MethodOf(name)
		switch {
		case strings.EqualFold(name, "none"):
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: an unsigned token proves nothing (RFC 8725, section 3.2)", name))
		case slices.Contains([]string{"HS256", "HS384", "HS512"}, strings.ToUpper(name)):
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: with a shared secret, whoever can verify tokens can make them", name))
		case method == nil:
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: not an algorithm of this package", name))
		default:
			methods[name] = method
		}
	}
	return methods, errs
}
