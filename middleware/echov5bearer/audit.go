package echov5bearer

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// Audit returns every route of the server with its rule in t, sorted by pattern. A route
// without a rule has the zero Rule. A route for all methods is listed without a method, with
// the rule of t for all methods. To find the rule, Audit looks up paths with example values
// in place of the wildcards, such as "/users/example" for "/users/:id". For the wildcard
// "*", Audit looks up one path with one element and one path with two elements. If the paths
// match different patterns of t, the route has the zero Rule.
//
// Audit cannot check whether the server uses the middleware. Use Audit to log the routes at
// start, and to test that every route has a rule. For rules that were declared without a
// table, use [AuditRoutes] or [middleware.Guard.Routes].
func Audit(e *echo.Echo, t *scopes.Table) []middleware.Route {
	var routes []middleware.Route
	for _, info := range e.Router().Routes() {
		if info.Method == echo.RouteNotFound {
			continue // this entry is for requests without a route
		}
		route := middleware.Route{Pattern: info.Method + " " + info.Path}
		if info.Method == echo.RouteAny {
			route.Pattern = info.Path
		}
		route.Rule = ruleOf(t, info.Method, info.Path)
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b middleware.Route) int { return strings.Compare(a.Pattern, b.Pattern) })
	return routes
}

// ruleOf returns the rule for example paths of the pattern, or the zero Rule if the paths
// match different patterns of the table.
func ruleOf(t *scopes.Table, method, pattern string) (rule scopes.Rule) {
	// exampleValue is not the literal of a pattern in a usual program.
	const exampleValue = "example-value-7f3a"
	if method == echo.RouteAny {
		method = "ANY" // no pattern has this method, so only patterns for all methods match
	}
	var patterns [2]string
	for i, rest := range []string{exampleValue, exampleValue + "/" + exampleValue} {
		r := &http.Request{Method: method, URL: &url.URL{Path: examplePath(pattern, exampleValue, rest)}}
		rule, patterns[i] = t.Rule(r)
	}
	if patterns[0] != patterns[1] {
		return scopes.Rule{}
	}
	return rule
}

// examplePath returns the pattern with value in place of each parameter, and with rest in
// place of "*". In patterns of echo, a backslash before a colon makes the colon a literal.
func examplePath(pattern, value, rest string) string {
	var path strings.Builder
	if !strings.HasPrefix(pattern, "/") {
		path.WriteByte('/') // echo adds the slash too
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && strings.HasPrefix(pattern[i+1:], ":"):
			path.WriteByte(':')
			i++
		case c == ':':
			path.WriteString(value)
			for i+1 < len(pattern) && pattern[i+1] != '/' {
				i++ // the name of the parameter
			}
		case c == '*':
			path.WriteString(rest)
		default:
			path.WriteByte(c)
		}
	}
	return path.String()
}
