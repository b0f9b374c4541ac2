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
// key of their own and whose names are identifiers of protobuf: ASCII letters, digits and
// "_", and no digit at the start. A client can send any text as the name of a method, and a
// service behind a proxy can read a text such as "Create?x" as the name of another method.
// Calls of a method that matches no key are denied. The nil Methods denies every call.
// Methods is safe for concurrent use if the program does not change it.
//
// Names are compared byte by byte, as gRPC does. If a service behind a proxy ignores the
// letter case of method names, the key "/package.Service/*" must not be less strict than the
// keys of single methods, because it also covers "/package.Service/create".
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
// key of its service. The key of a service matches only names of methods that are
// identifiers of protobuf.
func (m Methods) Rule(fullMethod string) (Rule, string) {
	if rule, ok := m[fullMethod]; ok && !strings.HasSuffix(fullMethod, "/*") {
		return rule, fullMethod
	}
	service, method, ok := cutMethod(fullMethod)
	if !ok || !isIdentifier(method) {
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

// isIdentifier reports whether s is an identifier of protobuf. Package interceptor has a
// function that does the same.
func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// isLiteral reports whether s can be part of a method path without escaping. All characters
// of s must be printable ASCII, but not a space, *, %, ?, #, " or \.
func isLiteral(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("*%?#\"\\", c)
	})
}
