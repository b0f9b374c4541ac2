package middleware_test

import (
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
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
	report := middleware.AuditRoutes(pairs("POST /b", "GET /a", "GET /open", "/files/", "/docs/", "/none"), scopes.Routes{
		"GET /a": scopes.Public(), "GET /c": scopes.All(), "GET /files/": scopes.All("f"), "PUT /docs/": scopes.All("d"), "DELETE /docs/": scopes.All("d"),
	})
	report.Unguarded = []string{"GET /open"}
	const text = "/docs/ has rules only for DELETE, PUT; other methods are denied\n/files/ has rules only for GET, HEAD; other methods are denied\n/none has no rule and is denied\n" +
		"GET /a is public\nthe audit found no guard with these rules for GET /open\nPOST /b has no rule and is denied\nthe rule for GET /c applies to no route\n"
	if got := report.String(); got != text {
		t.Errorf("got text\n%s\nwant\n%s", got, text)
	}
	const err = "middleware: route GET /open: the audit found no guard with these rules; check with bearertest.Unguarded whether the route needs a token\n" +
		"middleware: route /docs/ has rules only for DELETE, PUT; other methods are denied\n" +
		"middleware: route /files/ has rules only for GET, HEAD; other methods are denied\n" +
		"middleware: route /none has no rule and is denied\n" +
		"middleware: route GET /open has no rule and is denied\nmiddleware: route POST /b has no rule and is denied\n" +
		`middleware: rule "GET /c" applies to no route of the router`
	if got := report.Err(); got == nil || got.Error() != err {
		t.Errorf("got error\n%v\nwant\n%s", got, err)
	}
}

// TestAuditedMux sends requests to a mux with a route of all methods and a rule for one
// method. The audit must describe what the guard does.
func TestAuditedMux(t *testing.T) {
	guard := refuser(t, bearer.Malformed, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("/files/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	rules := scopes.Routes{"GET /files/": scopes.Public()}
	h := guard.EnforceRoutes(rules, func(r *http.Request) string { _, pattern := mux.Handler(r); return pattern })(mux)
	for method, want := range map[string]int{"GET": http.StatusNoContent, "HEAD": http.StatusNoContent, "POST": http.StatusUnauthorized, "DELETE": http.StatusUnauthorized} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/files/a", http.NoBody))
		if w.Code != want {
			t.Errorf("%s: got status %d, want %d", method, w.Code, want)
		}
	}
	const want = "middleware: route /files/ has rules only for GET, HEAD; other methods are denied"
	if err := middleware.AuditRoutes(pairs("/files/"), rules).Err(); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
