package conformance_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// nobodyAsked is a verifier that is never asked.
func nobodyAsked(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Internal }

// wrongRules is every kind of rule that cannot work. The source of each is its own name,
// which is how a test finds out that an error names the right line.
func wrongRules() map[string]scopes.Rule {
	return map[string]scopes.Rule{
		`scopes.All("")`:                         scopes.All(""),
		`scopes.All("a b")`:                      scopes.All("a b"),
		`scopes.Any()`:                           scopes.Any(),
		`scopes.Any("a\"b")`:                     scopes.Any("a\"b"),
		`scopes.And()`:                           scopes.And(),
		`scopes.And(scopes.Rule{})`:              scopes.And(scopes.Rule{}),
		`scopes.Or()`:                            scopes.Or(),
		`scopes.Or(scopes.Public())`:             scopes.Or(scopes.Public()),
		`scopes.Func("", nil)`:                   scopes.Func("", nil),
		`scopes.Func("check", nil)`:              scopes.Func("check", nil),
		`scopes.Invalid(errors.New("wrong"))`:    scopes.Invalid(errors.New("wrong")),
		`scopes.Invalid(nil)`:                    scopes.Invalid(nil),
		`scopes.Optional(scopes.Rule{})`:         scopes.Optional(scopes.Rule{}),
		`scopes.Optional(scopes.All(""))`:        scopes.Optional(scopes.All("")),
		`scopes.ReportOnly(scopes.Public())`:     scopes.ReportOnly(scopes.Public()),
		`scopes.ReportOnly(scopes.Any())`:        scopes.ReportOnly(scopes.Any()),
		`scopes.And(scopes.Or(scopes.All("")))`:  scopes.And(scopes.Or(scopes.All(""))),
		`bearer.ClaimEquals("", "x")`:            bearer.ClaimEquals("", "x"),
		`bearer.ClaimEquals("a", 1.5)`:           bearer.ClaimEquals("a", 1.5),
		`bearer.ClaimEquals("a")`:                bearer.ClaimEquals("a"),
		`bearer.ClaimIncludes("/a/~2", "x")`:     bearer.ClaimIncludes("/a/~2", "x"),
		`bearer.ClientIs()`:                      bearer.ClientIs(),
		`scopes.Optional(bearer.HasRole(""))`:    scopes.Optional(bearer.HasRole("")),
		`scopes.ReportOnly(bearer.ClientIs(""))`: scopes.ReportOnly(bearer.ClientIs("")),
	}
}

// way is one way to declare a rule. The call contains source, and names name.
type way struct {
	source, name string
	declare      func(rule scopes.Rule) error // or it panics
}

// ways is every way of this module to declare a rule, but for those of the router
// adapters, which are modules of their own and test it themselves.
func ways(t *testing.T) []way {
	t.Helper()
	v := bearer.VerifierFunc(nobodyAsked)
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	const method = "/a.B/C"
	handler := http.NotFoundHandler()
	grpc := func(rules scopes.Methods, include ...scopes.Methods) error {
		_, err := interceptor.New(v, rules, &interceptor.Options{Include: include})
		return err
	}
	return []way{
		{"guard.Require(rule)", "a route", func(rule scopes.Rule) error { guard.Require(rule)(handler); return nil }},
		{"guard.RequireAt(", "GET /x/:id", func(rule scopes.Rule) error { guard.RequireAt("GET /x/:id", rule); return nil }},
		{"guard.Handle(", "GET /x", func(rule scopes.Rule) error { guard.Handle(new(http.ServeMux), "GET /x", rule, handler); return nil }},
		{"new(scopes.Table).Handle(", "GET /x", func(rule scopes.Rule) error { new(scopes.Table).Handle("GET /x", rule); return nil }},
		{"", method, func(rule scopes.Rule) error { return grpc(scopes.Methods{method: rule}) }},
		{"", "/a.B/*", func(rule scopes.Rule) error { return grpc(nil, scopes.Methods{"/a.B/*": rule}) }},
		{"", "/grpc.health.v1.Health/Check", func(rule scopes.Rule) error { return grpc(nil, interceptor.Health(rule)) }},
		{"", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", func(rule scopes.Rule) error { return grpc(nil, interceptor.Reflection(rule)) }},
		{"", method, func(rule scopes.Rule) error { return scopes.Methods{method: rule}.Err() }},
	}
}

// TestWrongRules declares every wrong rule in every way. The message must name the line
// of the declaration, if it panics, and the line of the rule.
func TestWrongRules(t *testing.T) {
	for _, way := range ways(t) {
		for source, rule := range wrongRules() {
			var returned error
			err := declaretest.Panic(t, func() { returned = way.declare(rule) })
			panicked := err != nil
			if !panicked {
				err = returned
			}
			if err == nil {
				t.Errorf("%s%s: got %s accepted", way.source, way.name, source)
				continue
			}
			if panicked != (way.source != "") {
				t.Errorf("%s: got a panic %v: %v", way.name, panicked, err)
			}
			lines := declaretest.Lines(t, "declare_test.go", err.Error())
			if panicked {
				if len(lines) == 0 || !strings.Contains(lines[0], way.source) {
					t.Errorf("%s: got %v, which names the lines %q", way.source, err, lines)
				}
				lines = lines[1:]
			}
			if len(lines) == 0 || !strings.Contains(lines[0], source+",") {
				t.Errorf("%s%s: got %v, which names the lines %q, want that of %s", way.source, way.name, err, lines, source)
			}
			if !strings.Contains(err.Error(), way.name) {
				t.Errorf("%s: got %v, want %q in it", way.source, err, way.name)
			}
			if ruleErr := rule.Err(); way.source != "" && !strings.HasPrefix(way.source, "new(") && !errors.Is(err, ruleErr) {
				t.Errorf("%s: got %v, which does not wrap %v", way.source, err, ruleErr)
			}
		}
	}
}

// TestZeroRule wants the zero Rule, which denies, to be declared as long as nothing says
// that there is a rule.
func TestZeroRule(t *testing.T) {
	legal := map[string]bool{"guard.Require(rule)": true, "guard.RequireAt(": true, "guard.Handle(": true}
	for _, way := range ways(t) {
		var returned error
		err := declaretest.Panic(t, func() { returned = way.declare(scopes.Rule{}) })
		if err == nil {
			err = returned
		}
		if (err == nil) != legal[way.source] {
			t.Errorf("%s%s: got %v, want accepted %v", way.source, way.name, err, legal[way.source])
		}
		if err != nil && !strings.Contains(err.Error(), way.name) {
			t.Errorf("%s: got %v, want %q in it", way.source, err, way.name)
		}
	}
}

// nothing is a handler by its pointer.
type nothing struct{}

func (*nothing) ServeHTTP(http.ResponseWriter, *http.Request) {}

// TestNil gives every declaration nothing where something is needed. Each must panic with
// its own line and with what is nil.
func TestNil(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(nobodyAsked), nil)
	if err != nil {
		t.Fatal(err)
	}
	var (
		none    *middleware.Guard
		noRPC   *interceptor.Guard
		mux     *http.ServeMux
		noFunc  http.HandlerFunc
		noPtr   *nothing
		handler = http.NotFoundHandler()
		rule    = scopes.All()
		table   = new(scopes.Table)
	)
	for _, row := range []struct {
		source, want string
		declare      func()
	}{
		{`guard.Require(rule)(nil)`, "a route", func() { guard.Require(rule)(nil) }},
		{`guard.Require(rule)(noFunc)`, "handler is nil", func() { guard.Require(rule)(noFunc) }},
		{`guard.Require(rule)(noPtr)`, "handler is nil", func() { guard.Require(rule)(noPtr) }},
		{`guard.RequireAt("GET /x", rule)(nil)`, "GET /x", func() { guard.RequireAt("GET /x", rule)(nil) }},
		{`guard.Handle(new(http.ServeMux), "/x", rule, nil)`, "/x", func() { guard.Handle(new(http.ServeMux), "/x", rule, nil) }},
		{`guard.Handle(new(http.ServeMux), "/x", rule, noFunc)`, "handler is nil", func() { guard.Handle(new(http.ServeMux), "/x", rule, noFunc) }},
		{`guard.Handle(nil, "/x", rule, handler)`, "mux is nil", func() { guard.Handle(nil, "/x", rule, handler) }},
		{`guard.Handle(mux, "/x", rule, handler)`, "mux is nil", func() { guard.Handle(mux, "/x", rule, handler) }},
		{`guard.Enforce(table)(nil)`, "handler is nil", func() { guard.Enforce(table)(nil) }},
		{`guard.Enforce(nil)(noFunc)`, "handler is nil", func() { guard.Enforce(nil)(noFunc) }},
		{`guard.Proxy(nil)`, "target is nil", func() { guard.Proxy(nil) }},
		{`none.Require(rule)`, "guard is nil", func() { none.Require(rule) }},
		{`none.RequireAt("GET /x", rule)`, "guard is nil", func() { none.RequireAt("GET /x", rule) }},
		{`none.Handle(new(http.ServeMux), "/x", rule, handler)`, "guard is nil", func() { none.Handle(new(http.ServeMux), "/x", rule, handler) }},
		{`none.Enforce(table)`, "guard is nil", func() { none.Enforce(table) }},
		{`none.ForwardAuth(table)`, "guard is nil", func() { none.ForwardAuth(table) }},
		{`none.Proxy(nil)`, "guard is nil", func() { none.Proxy(nil) }},
		{`noRPC.ServerOptions()`, "guard is nil", func() { noRPC.ServerOptions() }},
	} {
		err := declaretest.Panic(t, row.declare)
		if err == nil {
			t.Errorf("%s: got it accepted", row.source)
			continue
		}
		lines := declaretest.Lines(t, "declare_test.go", err.Error())
		if len(lines) != 1 || !strings.Contains(lines[0], row.source+" }") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, which names the lines %q, want %q in it", row.source, err, lines, row.want)
		}
	}
	if routes := guard.Routes(); len(routes) != 2 { // those of the two patterns that were declared before the nil handler
		t.Errorf("got the routes %v, want those of Require and RequireAt", routes)
	}
}
