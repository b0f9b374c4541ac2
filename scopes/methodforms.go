package scopes

import "net/http"

// ruleOfMethod returns the rule and the pattern of a request that matches pattern. They
// depend on how servers treat the methods HEAD and CONNECT.
func (t *Table) ruleOfMethod(rule Rule, r *http.Request, pattern string) (Rule, string) {
	switch declared, _, _ := splitPattern(pattern); {
	case r.Method == http.MethodConnect && declared != http.MethodConnect:
		return Rule{}, ""
	case r.Method == http.MethodHead && declared == http.MethodGet:
		other := *r
		other.Method = noMethod
		if every, found := match(&t.mux, &other); found != "" {
			rule = both(rule, every)
		}
	}
	return rule, pattern
}

// noMethod is a method that no pattern has. A request with this method matches only patterns
// without a method.
const noMethod = "-"

// The function both returns a rule that requires both rules. Routers differ if a HEAD
// request matches a route for GET and a route for all methods. http.ServeMux serves the
// request with the handler of GET. Other routers, for example chi, gin and echo, serve the
// request with the handler of all methods. So the caller must meet both rules. The result has
// a mode only if both rules have this mode.
func both(a, b Rule) Rule {
	switch {
	case a.n == b.n || b.IsPublic():
		return a
	case a.IsPublic():
		return b
	}
	// And ignores the modes of its operands.
	rule := And(a, b)
	if a.IsReportOnly() && b.IsReportOnly() {
		rule = ReportOnly(rule)
	}
	if a.IsOptional() && b.IsOptional() {
		rule = Optional(rule)
	}
	return rule
}
