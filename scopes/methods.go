package scopes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Methods maps full gRPC method names to rules. The key "/package.Service/Method" is for
// one method. The key "/package.Service/*" is for all methods of the service that have no
// key of their own. Calls of a method that matches no key are denied. The nil Methods
// denies every call. Methods is safe for concurrent use if the program does not change it.
type Methods map[string]Rule

// Err returns an error that lists every mistake in the keys and the rules. It returns nil
// if there is no mistake.
func (m Methods) Err() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !validMethod(name) {
			errs = append(errs, fmt.Errorf("scopes: method %q: want /package.Service/Method or /package.Service/*", name))
		}
		if err := m[name].Err(); err != nil {
			errs = append(errs, fmt.Errorf("scopes: method %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// Rule returns the rule for a full method name, and the key of this rule. If no key
// matches, it returns the zero Rule and "". The key of a method takes precedence over the
// key of its service.
func (m Methods) Rule(fullMethod string) (Rule, string) {
	if rule, ok := m[fullMethod]; ok && !strings.HasSuffix(fullMethod, "/*") {
		return rule, fullMethod
	}
	service, method, ok := cutMethod(fullMethod)
	if !ok || method == "*" {
		return Rule{}, ""
	}
	name := "/" + service + "/*"
	if rule, ok := m[name]; ok {
		return rule, name
	}
	return Rule{}, ""
}

func validMethod(name string) bool {
	service, method, ok := cutMethod(name)
	// A service name consists of identifiers separated by single dots.
	return ok && isLiteral(service) && !strings.Contains("."+service+".", "..") && (method == "*" || isLiteral(method))
}

// cutMethod splits "/service/method". The result ok is false if the service or the method
// is empty or contains a slash.
func cutMethod(name string) (service, method string, ok bool) {
	rest, ok := strings.CutPrefix(name, "/")
	if !ok {
		return "", "", false
	}
	service, method, ok = strings.Cut(rest, "/")
	return service, method, ok && service != "" && method != "" && !strings.Contains(method, "/")
}

// isLiteral reports whether s can be part of a method path without escaping. All characters
// of s must be printable ASCII, but not a space, *, %, ?, #, " or \.
func isLiteral(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("*%?#\"\\", c)
	})
}
