package scopes

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Routes maps the routes of a router to rules. A key is "METHOD pattern" for one method, or
// "pattern" for all methods. The pattern has the syntax of your router, and must equal the
// pattern that the router reports for the route. The pattern contains a slash, and can have
// a host in front of the path. Requests to a route that matches no key are denied. The nil Routes denies every request. Routes is safe for concurrent use if the
// program does not change it.
//
// A guard applies Routes to the route that the router itself has chosen. For this reason,
// the rule is always the rule of the handler that serves the request. A [Table] chooses the
// route on its own, so it can choose a different route than the router.
type Routes map[string]Rule

// Err returns an error that lists every mistake in the keys and the rules. It returns nil
// if there is no mistake.
func (r Routes) Err() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if mistake := routeMistake(name); mistake != "" {
			errs = append(errs, fmt.Errorf("scopes: route %q: %s", name, mistake))
		}
		if err := r[name].Err(); err != nil {
			errs = append(errs, fmt.Errorf("scopes: route %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// routeMistake describes the mistake in a key of Routes. It returns "" if there is none.
func routeMistake(name string) string {
	const form = "want METHOD pattern, or a pattern"
	method, pattern, found := strings.Cut(name, " ")
	if !found || strings.Contains(method, "/") {
		method, pattern = "", name // a pattern for all methods, which may contain a space
	}
	host, _, slash := strings.Cut(pattern, "/")
	switch {
	case name == "":
		return "the key is empty; " + form
	case !isUpper(method):
		return "the method must be in upper case"
	case found && method == "" && pattern != name || strings.TrimSpace(pattern) != pattern:
		return form + ", without other spaces"
	case !slash:
		return "the pattern has no slash; " + form + ", for example GET /healthz"
	case strings.ContainsAny(host, " \t"):
		return form + ", without other spaces"
	case strings.HasSuffix(host, ":") || method == "" && isMethod(host):
		return "want a space between the method and the pattern"
	}
	return ""
}

// isMethod reports whether the host of a pattern looks like a method: it contains only
// upper-case letters and hyphens.
func isMethod(host string) bool {
	return host != "" && strings.Trim(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// Rule returns the rule for a route, and the key of this rule. The argument pattern is the
// pattern of the route that the router has chosen, or "" if the router found no route. If
// no key matches, Rule returns the zero Rule and "". The key of a method takes precedence
// over the key of all methods. A method that contains a lower-case letter or is no token
// matches no key.
//
// A HEAD request to a route without a key for HEAD has the rule for GET. This needs a route
// for HEAD: http.ServeMux serves HEAD with a route for GET, but gin, echo and chi do not. For
// these routers, also register the route for HEAD, for example for a health check. With chi,
// you can use GetHead of package github.com/go-chi/chi/v5/middleware before the guard
// instead.
func (r Routes) Rule(method, pattern string) (Rule, string) {
	if pattern == "" || !isUpper(method) {
		return Rule{}, ""
	}
	if rule, ok := r[method+" "+pattern]; ok {
		return rule, method + " " + pattern
	}
	if method == http.MethodHead {
		if rule, ok := r["GET "+pattern]; ok {
			if every, ok := r[pattern]; ok {
				rule = both(rule, every)
			}
			return rule, "GET " + pattern
		}
	}
	if rule, ok := r[pattern]; ok {
		return rule, pattern
	}
	return Rule{}, ""
}

// isUpper reports whether a method is a token (RFC 9110, section 5.6.2) without lower-case
// letters. Methods are case-sensitive, and all registered methods are in upper case (RFC
// 9110, section 9.1 and section 16.1.1). Some services ignore the letter case of a method.
// An empty method counts as a token here.
func isUpper(method string) bool {
	for i := range len(method) {
		if c := method[i]; (c < 'A' || 'Z' < c) && strings.IndexByte("!#$%&'*+-.^_`|~0123456789", c) < 0 {
			return false
		}
	}
	return true
}
