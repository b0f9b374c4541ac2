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
	// routes.
	WithoutRule []string
	// WithoutRoute lists the keys of the rules that apply to no route of the router. There
	// are three possible causes: the pattern is misspelt; the route was removed; or the key
	// is for all methods, and each method of the route has a key of its own.
	WithoutRoute []string
	// Unguarded lists the routes that the router serves without the guard. Requests for
	// these routes need no token. Only some adapters can find these routes.
	Unguarded []string
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
// chibearer and ginbearer check this too.
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
			markMethods(used, rules, pattern)
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

// markMethods marks the keys for single methods of a route that serves all methods.
func markMethods(used map[string]bool, rules scopes.Routes, pattern string) {
	for key := range rules {
		if _, rest, found := strings.Cut(key, " "); found && rest == pattern {
			used[key] = true
		}
	}
}

// Err returns an error that lists every route without a rule, every unguarded route and
// every rule without a route. If there is no such route and no such rule, Err returns nil.
func (r AuditReport) Err() error {
	var errs []error
	for _, name := range r.Unguarded {
		errs = append(errs, fmt.Errorf("middleware: route %s is not behind the guard and needs no token", name))
	}
	for _, name := range r.WithoutRule {
		errs = append(errs, fmt.Errorf("middleware: route %s has no rule and is denied", name))
	}
	for _, key := range r.WithoutRoute {
		errs = append(errs, fmt.Errorf("middleware: rule %q applies to no route of the router", key))
	}
	return errors.Join(errs...)
}

// String returns the report as text for a log: one line for each route and one line for
// each rule without a route. Each line ends with a newline.
func (r AuditReport) String() string {
	var text strings.Builder
	for _, route := range r.Routes {
		if slices.Contains(r.Unguarded, route.Pattern) {
			text.WriteString(route.Pattern + " is not behind the guard and needs no token\n")
			continue
		}
		text.WriteString(route.String() + "\n")
	}
	for _, key := range r.WithoutRoute {
		text.WriteString("the rule for " + key + " applies to no route\n")
	}
	return text.String()
}
