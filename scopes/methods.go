package scopes

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Methods is rules by full gRPC method name: "/package.Service/Method" for one
// method, "/package.Service/*" for all others of a service. What is in neither
// form is denied. The nil Methods denies every method.
type Methods map[string]Rule

// Err returns all that is wrong with the names and the rules, or nil.
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

// Rule returns the rule for a full method name and the name it was declared
// with, or the zero Rule and "" where there is none. The exact name wins over
// the service's.
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
	// A service is names with dots between them.
	return ok && plain(service) && !strings.Contains("."+service+".", "..") && (method == "*" || plain(method))
}

// cutMethod splits "/service/method"; neither part is empty or has a slash.
func cutMethod(name string) (service, method string, ok bool) {
	rest, ok := strings.CutPrefix(name, "/")
	if !ok {
		return "", "", false
	}
	service, method, ok = strings.Cut(rest, "/")
	return service, method, ok && service != "" && method != "" && !strings.Contains(method, "/")
}

// plain reports whether s can be part of a path as it is: no wildcard, no space,
// nothing outside printable ASCII, no percent sign.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("*%?#\"\\", c)
	})
}
