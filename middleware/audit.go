package middleware

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/scopes"
)

// AuditReport is the result of [AuditRoutes]. The zero AuditReport is the result for a
// router without routes and without rules.
type AuditReport struct {
	// Routes lists all routes of the router, sorted by pattern. Each pattern contains the
	// method. A route without a rule has the zero Rule, and an unguarded route too.
	Routes []Route
	// WithoutRule lists the routes without a rule. The guard denies requests for these
	// routes. A route for all methods is in the list if there is no rule for all methods. The
	// guard then allows only the methods that have a rule.
	WithoutRule []string
	// WithoutRoute lists the keys of the rules that apply to no route of the router. There
	// are three possible causes: the pattern is misspelt; the route was removed; or the key
	// is for all methods, and each method of the route has a key of its own.
	WithoutRoute []string
	// Unguarded lists the routes for which the audit found no guard with these rules. If no
	// other middleware guards such a route, requests for it need no token.
	// bearertest.Unguarded checks this with a request. Only the adapters chibearer and
	// ginbearer fill this list.
	Unguarded []string

	// partial contains the methods with a rule, for each route of all methods without a rule
	// for the other methods.
	partial map[string]string
}

// AuditRoutes compares the rules with the routes of a router. The sequence contains the
// method and the pattern of each route. An empty method means all methods. The adapters
// ginbearer, chibearer, echov4bearer and echov5bearer have functions that return the
// sequence for their routers. Call AuditRoutes after all routes are registered and before
// the router serves requests:
//
//	if err := middleware.AuditRoutes(routes, rules).Err(); err != nil { ... }
//
// AuditRoutes cannot check whether the router uses the guard. The functions AuditRoutes of
// chibearer and ginbearer check this too. No audit checks the order of middleware: whether
// middleware before the guard serves requests itself, and whether middleware after the guard
// changes the request. In a test, bearertest.Unguarded checks each route with a request.
func AuditRoutes(routes iter.Seq2[string, string], rules scopes.Routes) AuditReport {
	var report AuditReport
	seen, used := make(map[string]bool), make(map[string]bool)
	for method, pattern := range routes {
		name := strings.TrimPrefix(method+" "+pattern, " ")
		if seen[name] {
			continue
		}
		seen[name] = true
		rule, key := rules.Rule(method, pattern)
		used[key] = true
		if method == "" || method == "GET" {
			used["HEAD "+pattern] = true // many routers serve HEAD with the handler for GET
		}
		if method == "" {
			methods := markMethods(used, rules, pattern)
			if len(methods) > 0 && rule.IsZero() {
				if report.partial == nil {
					report.partial = map[string]string{}
				}
				report.partial[name] = strings.Join(methods, ", ")
			}
		}
		report.Routes = append(report.Routes, Route{Pattern: name, Rule: rule})
		if rule.IsZero() {
			report.WithoutRule = append(report.WithoutRule, name)
		}
	}
	slices.SortFunc(report.Routes, func(a, b Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	slices.Sort(report.WithoutRule)
	for _, key := range slices.Sorted(maps.Keys(rules)) {
		if !used[key] {
			report.WithoutRoute = append(report.WithoutRoute, key)
		}
	}
	return report
}

// markMethods marks the keys for single methods of a route that serves all methods. It
// returns the methods that these keys allow, sorted.
func markMethods(used map[string]bool, rules scopes.Routes, pattern string) (methods []string) {
	for key := range rules {
		if method, rest, found := strings.Cut(key, " "); found && rest == pattern {
			used[key] = true
			methods = append(methods, method)
			if method == "GET" {
				methods = append(methods, "HEAD") // a HEAD request has the rule for GET
			}
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// noGuard begins the text for a route in the list Unguarded.
const noGuard = "the audit found no guard with these rules"

// Err returns an error that lists every route without a rule, every unguarded route and
// every rule without a route. If there is no such route and no such rule, Err returns nil.
func (r AuditReport) Err() error {
	var errs []error
	for _, name := range r.Unguarded {
		errs = append(errs, fmt.Errorf("middleware: route %s: %s; check with bearertest.Unguarded whether the route needs a token", name, noGuard))
	}
	for _, name := range r.WithoutRule {
		errs = append(errs, fmt.Errorf("middleware: route %s", r.withoutRule(name)))
	}
	for _, key := range r.WithoutRoute {
		errs = append(errs, fmt.Errorf("middleware: rule %q applies to no route of the router", key))
	}
	return errors.Join(errs...)
}

// withoutRule returns a sentence about a route without a rule.
func (r AuditReport) withoutRule(name string) string {
	if methods := r.partial[name]; methods != "" {
		return name + " has rules only for " + methods + "; other methods are denied"
	}
	return Route{Pattern: name}.String()
}

// String returns the report as text for a log: one line for each route and one line for
// each rule without a route. Each line ends with a newline.
func (r AuditReport) String() string {
	var text strings.Builder
	for _, route := range r.Routes {
		sentence := route.String()
		switch {
		case slices.Contains(r.Unguarded, route.Pattern):
			sentence = noGuard + " for " + route.Pattern
		case route.Rule.IsZero():
			sentence = r.withoutRule(route.Pattern)
		}
		text.WriteString(sentence + "\n")
	}
	for _, key := range r.WithoutRoute {
		text.WriteString("the rule for " + key + " applies to no route\n")
	}
	return text.String()
}
