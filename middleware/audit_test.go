package middleware_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// pairs returns the routes as a sequence of methods and patterns. A route without a space
// has no method.
func pairs(routes ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, route := range routes {
			method, pattern, found := strings.Cut(route, " ")
			if !found {
				method, pattern = "", route
			}
			if !yield(method, pattern) {
				return
			}
		}
	}
}

func TestAuditRoutes(t *testing.T) {
	rule, other := scopes.All("a"), scopes.All("b")
	for _, row := range []struct {
		name                      string
		routes                    []string
		rules                     scopes.Routes
		withoutRule, withoutRoute []string
	}{
		{"empty", nil, nil, nil, nil},
		{"all rules nil", []string{"GET /x", "GET /a"}, nil, []string{"GET /a", "GET /x"}, nil},
		{"equal", []string{"GET /x"}, scopes.Routes{"GET /x": rule}, nil, nil},
		{"other method", []string{"POST /x"}, scopes.Routes{"GET /x": rule}, []string{"POST /x"}, []string{"GET /x"}},
		{"misspelt", []string{"GET /x/{id}"}, scopes.Routes{"GET /x/:id": rule}, []string{"GET /x/{id}"}, []string{"GET /x/:id"}},
		{"trailing slash", []string{"GET /x/"}, scopes.Routes{"GET /x": rule}, []string{"GET /x/"}, []string{"GET /x"}},
		{"HEAD uses the rule for GET", []string{"HEAD /x"}, scopes.Routes{"GET /x": rule}, nil, nil},
		{"GET does not use the rule for HEAD", []string{"GET /x"}, scopes.Routes{"HEAD /x": rule}, []string{"GET /x"}, nil},
		{"HEAD without any route", []string{"POST /x"}, scopes.Routes{"HEAD /x": rule, "POST /x": rule}, nil, []string{"HEAD /x"}},
		{"all methods", []string{"GET /x", "POST /x"}, scopes.Routes{"/x": rule}, nil, nil},
		{"one method and the others", []string{"GET /x", "POST /x"}, scopes.Routes{"/x": rule, "POST /x": other}, nil, nil},
		{"each method has its own key", []string{"GET /x", "POST /x"}, scopes.Routes{"/x": rule, "GET /x": rule, "POST /x": rule}, nil, []string{"/x"}},
		{"route of all methods", []string{"/x"}, scopes.Routes{"/x": rule, "POST /x": other}, nil, nil},
		{"route of all methods, rule for one", []string{"/x"}, scopes.Routes{"GET /x": rule}, []string{"/x"}, nil},
		{"declared twice", []string{"GET /x", "GET /x"}, nil, []string{"GET /x"}, nil},
		{"method in lower case", []string{"get /x"}, scopes.Routes{"/x": rule}, []string{"get /x"}, []string{"/x"}},
	} {
		report := middleware.AuditRoutes(pairs(row.routes...), row.rules)
		if !slices.Equal(report.WithoutRule, row.withoutRule) || !slices.Equal(report.WithoutRoute, row.withoutRoute) {
			t.Errorf("%s: got routes without a rule %q and rules without a route %q, want %q and %q", row.name, report.WithoutRule, report.WithoutRoute, row.withoutRule, row.withoutRoute)
		}
		if wrong := len(row.withoutRule)+len(row.withoutRoute) > 0; (report.Err() != nil) != wrong {
			t.Errorf("%s: got error %v, want an error: %v", row.name, report.Err(), wrong)
		}
	}
}

func TestAuditReportText(t *testing.T) {
	report := middleware.AuditRoutes(pairs("POST /b", "GET /a", "GET /open"), scopes.Routes{"GET /a": scopes.Public(), "GET /c": scopes.All()})
	report.Unguarded = []string{"GET /open"}
	const text = "GET /a is public\nGET /open is not behind the guard and needs no token\nPOST /b has no rule and is denied\nthe rule for GET /c applies to no route\n"
	if got := report.String(); got != text {
		t.Errorf("got text %q, want %q", got, text)
	}
	const err = "middleware: route GET /open is not behind the guard and needs no token\n" +
		"middleware: route GET /open has no rule and is denied\nmiddleware: route POST /b has no rule and is denied\n" +
		`middleware: rule "GET /c" applies to no route of the router`
	if got := report.Err(); got == nil || got.Error() != err {
		t.Errorf("got error %v, want %s", got, err)
	}
}
