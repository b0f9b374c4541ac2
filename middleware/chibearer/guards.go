package chibearer

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// guards contains the guards in lists of middleware, from the outermost to the innermost.
type guards struct {
	lists    []*enforcer   // of EnforceRoutes
	required []scopes.Rule // of middleware.Guard.Require and RequireAt
}

// plus returns the guards of both lists.
func (g guards) plus(inner guards) guards {
	return guards{slices.Concat(g.lists, inner.lists), slices.Concat(g.required, inner.required)}
}

// guardsIn returns the guards in a list of middleware. It calls only the middleware of this
// package and of package middleware, which has no side effects.
func guardsIn(list chi.Middlewares) (found guards) {
	for _, m := range list {
		switch reflect.ValueOf(m).Pointer() {
		case wrapPointer:
			if h, ok := m(http.NotFoundHandler()).(*handler); ok {
				found.lists = append(found.lists, h.enforcer)
			}
		case requirePointer:
			if h, ok := m(http.NotFoundHandler()).(interface{ Rule() scopes.Rule }); ok {
				found.required = append(found.required, h.Rule())
			}
		}
	}
	return found
}

var (
	// wrapPointer is the address of the code of every middleware that EnforceRoutes returns.
	wrapPointer = reflect.ValueOf((*enforcer)(nil).wrap).Pointer()
	// requirePointer is the address of the code of every middleware that Require and
	// RequireAt of a guard return. If a version of package middleware has other code, the
	// audit finds no such middleware.
	requirePointer = reflect.ValueOf(new(middleware.Guard).Require(scopes.Public())).Pointer()
)

// together returns one rule for a route with several guards. The result is never stricter
// than the guards: a rule in report-only or optional mode counts only if there is no other
// rule.
func together(rules []scopes.Rule) scopes.Rule {
	if slices.ContainsFunc(rules, scopes.Rule.IsZero) {
		return scopes.Rule{} // this guard denies every request
	}
	var enforced, weak []scopes.Rule
	for _, rule := range rules {
		switch {
		case rule.IsPublic() || slices.Contains(enforced, rule):
		case rule.IsOptional() || rule.IsReportOnly():
			weak = append(weak, rule)
		default:
			enforced = append(enforced, rule)
		}
	}
	switch {
	case len(enforced) > 1:
		return scopes.And(enforced...)
	case len(enforced) == 1:
		return enforced[0]
	case len(weak) > 0:
		return weak[0]
	}
	return rules[0]
}
