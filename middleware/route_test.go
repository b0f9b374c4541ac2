package middleware_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/scopes"
)

func TestRoutes(t *testing.T) {
	guard := refuser(t, bearer.Malformed, nil)
	mux := http.NewServeMux()
	guard.Handle(mux, "POST /deployments", scopes.All("deploy:applications"), unreachable(t))
	guard.Handle(mux, "GET /healthz", scopes.Public(), unreachable(t))
	guard.Handle(mux, "GET /norule", scopes.Rule{}, unreachable(t))
	_ = guard.RequireAt("PUT /deployments/:id", scopes.All("x"))
	for range 3 { // some programs call Require for each request
		_ = guard.Require(scopes.Optional(scopes.All()))
	}
	var table scopes.Table
	_ = guard.Enforce(&table)
	_ = guard.Enforce(&table)
	table.Handle("/reports/", scopes.Optional(scopes.ReportOnly(scopes.Any("a", "b"))))
	want := []string{
		`POST /deployments requires scope "deploy:applications"`,
		"GET /healthz is public",
		"GET /norule has no rule and is denied",
		`PUT /deployments/:id requires scope "x"`,
		"a route allows callers without a token; a token that is sent must be valid",
	}
	got := guard.Routes()
	if len(got) != len(want)+1 {
		t.Fatalf("got %d routes, want %d: %v", len(got), len(want)+1, got)
	}
	for i, sentence := range want {
		if got[i].String() != sentence {
			t.Errorf("got %q, want %q", got[i], sentence)
		}
	}
	last := got[len(want)].String()
	for _, part := range []string{"/reports/ allows callers without a token", `callers with a token need (scopes "a" or "b")`, "(report only)"} {
		if !strings.Contains(last, part) {
			t.Errorf("got %q, want a sentence with %q", last, part)
		}
	}
}

// TestRequireAtReportsPattern checks that observers receive the router's pattern. If the
// router sets no pattern, observers must receive the pattern of RequireAt.
func TestRequireAtReportsPattern(t *testing.T) {
	b := newFixture(t, nil)
	for pattern, want := range map[string]string{"": "GET /x/:id", "GET /x/{id}": "GET /x/{id}"} {
		r := b.request(http.MethodGet, "/x/1", "x")
		r.Pattern = pattern
		serve(b.guard.RequireAt("GET /x/:id", scopes.All("x"))(http.HandlerFunc(writeCaller)), r)
		if list := b.events.Take(); len(list) != 1 || list[0].Route != want {
			t.Errorf("got %+v, want an event with the route %q", list, want)
		}
	}
}

// TestRequiredHandlersHaveRule checks that a program can read the rule of each handler of
// a router.
func TestRequiredHandlersHaveRule(t *testing.T) {
	guard := refuser(t, bearer.Malformed, nil)
	rule := scopes.All("x")
	h, ok := guard.Require(rule)(unreachable(t)).(interface{ Rule() scopes.Rule })
	if !ok || h.Rule() != rule {
		t.Errorf("got %v, want a handler with the rule %v", h, rule)
	}
}

// TestWrongMethods checks that a pattern with a method in lower case is refused, because the
// guard denies every request with such a method. The guard must not record the route.
func TestWrongMethods(t *testing.T) {
	guard := refuser(t, bearer.Malformed, nil)
	mux := http.NewServeMux()
	rule, next := scopes.All(), unreachable(t)
	const want = "the method must be in upper case"
	for _, row := range []struct {
		source  string
		declare func()
	}{
		{`guard.Handle(mux, "get /b", rule, next)`, func() { guard.Handle(mux, "get /b", rule, next) }},
		{`guard.Handle(mux, "Get\t/b", rule, next)`, func() { guard.Handle(mux, "Get\t/b", rule, next) }},
		{`guard.Handle(mux, "post b.example/", scopes.Rule{}, next)`, func() { guard.Handle(mux, "post b.example/", scopes.Rule{}, next) }},
		{`guard.RequireAt("get /users/:id", rule)`, func() { guard.RequireAt("get /users/:id", rule) }},
	} {
		declaretest.Refused(t, "route_test.go", row.source, want, row.declare)
	}
	if routes := guard.Routes(); len(routes) != 0 {
		t.Errorf("got the routes %v, want none", routes)
	}
	good := []string{"", "/lower", "/a b", "GET /x", "b.example/x", "GET b.example/x", "/admin/*", "b.example/a b", "{sub:[a-z ]+}.example/x"}
	for _, pattern := range good {
		_ = guard.RequireAt(pattern, rule)
	}
	if routes := guard.Routes(); len(routes) != len(good) {
		t.Errorf("got the routes %v, want %d routes", routes, len(good))
	}
}

// TestHandleConflict checks that a panic of the mux contains the source line in this file. It
// also checks that the guard does not record the route.
func TestHandleConflict(t *testing.T) {
	guard := refuser(t, bearer.Malformed, nil)
	mux := http.NewServeMux()
	guard.Handle(mux, "GET /x", scopes.All(), unreachable(t))
	err := declaretest.Panic(t, func() {
		guard.Handle(mux, "GET /x", scopes.Public(), unreachable(t)) // second registration
	})
	if err == nil || !strings.Contains(err.Error(), "conflicts") {
		t.Fatalf("got %v, want a panic about a conflict", err)
	}
	if lines := declaretest.Lines(t, "route_test.go", err.Error()); len(lines) != 1 || !strings.HasSuffix(lines[0], "// second registration") {
		t.Errorf("got %v with the source lines %q, want the line of the second registration", err, lines)
	}
	if routes := guard.Routes(); len(routes) != 1 {
		t.Errorf("got the routes %v, want only the route that the mux accepted", routes)
	}
}
