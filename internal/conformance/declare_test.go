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

// neverCalled is a verifier for tests that send no token.
func neverCalled(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Internal }

// invalidRules returns one invalid rule of each kind. The keys of the map are the source code
// of the rules. TestInvalidRules searches for this code in the source line that an error
// names.
func invalidRules() map[string]scopes.Rule {
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

// declaration is one way to declare a rule.
type declaration struct {
	source  string                       // code of the call that panics, or "" if declare returns an error
	name    string                       // text that the error must contain
	declare func(rule scopes.Rule) error // declares the rule
}

// declarations returns all ways to declare a rule in this module. The router adapters are
// separate modules with their own tests.
func declarations(t *testing.T) []declaration {
	t.Helper()
	v := bearer.VerifierFunc(neverCalled)
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
	return []declaration{
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

// TestInvalidRules passes every invalid rule to every declaration. The error must name the
// line of the rule. If the declaration panics, the error must first name the line of the
// declaration, and then the line of the rule.
func TestInvalidRules(t *testing.T) {
	for _, way := range declarations(t) {
		for source, rule := range invalidRules() {
			var returned error
			err := declaretest.Panic(t, func() { returned = way.declare(rule) })
			panicked := err != nil
			if !panicked {
				err = returned
			}
			if err == nil {
				t.Errorf("%s%s: got no error for %s, want one", way.source, way.name, source)
				continue
			}
			if panicked != (way.source != "") {
				t.Errorf("%s: got a panic = %v, want %v; error: %v", way.name, panicked, way.source != "", err)
			}
			lines := declaretest.Lines(t, "declare_test.go", err.Error())
			if panicked {
				if len(lines) == 0 || !strings.Contains(lines[0], way.source) {
					t.Errorf("%s: got error %v that names the lines %q, want the line of the declaration first", way.source, err, lines)
				}
				lines = lines[1:]
			}
			if len(lines) == 0 || !strings.Contains(lines[0], source+",") {
				t.Errorf("%s%s: got error %v that names the lines %q, want the line of %s", way.source, way.name, err, lines, source)
			}
			if !strings.Contains(err.Error(), way.name) {
				t.Errorf("%s: got error %v, want %q in the text", way.source, err, way.name)
			}
			if ruleErr := rule.Err(); way.source != "" && !strings.HasPrefix(way.source, "new(") && !errors.Is(err, ruleErr) {
				t.Errorf("%s: got error %v, want an error that wraps %v", way.source, err, ruleErr)
			}
		}
	}
}

// TestZeroRule declares the zero Rule, which denies every request. The methods of an HTTP
// guard must accept the zero Rule for a route. A declaration in a table or for a gRPC method
// must panic or return an error.
func TestZeroRule(t *testing.T) {
	allowed := map[string]bool{"guard.Require(rule)": true, "guard.RequireAt(": true, "guard.Handle(": true}
	for _, way := range declarations(t) {
		var returned error
		err := declaretest.Panic(t, func() { returned = way.declare(scopes.Rule{}) })
		if err == nil {
			err = returned
		}
		if (err == nil) != allowed[way.source] {
			t.Errorf("%s%s: accepted the zero Rule = %v, want %v; error: %v", way.source, way.name, err == nil, allowed[way.source], err)
		}
		if err != nil && !strings.Contains(err.Error(), way.name) {
			t.Errorf("%s: got error %v, want %q in the text", way.source, err, way.name)
		}
	}
}

// pointerHandler implements http.Handler with a pointer receiver. A test passes a nil pointer
// of this type.
type pointerHandler struct{}

func (*pointerHandler) ServeHTTP(http.ResponseWriter, *http.Request) {}

// TestNilArguments passes nil for each required argument and receiver. Each call must panic
// with an error that names the line of the call and the nil argument.
func TestNilArguments(t *testing.T) {
	guard, err := middleware.New(bearer.VerifierFunc(neverCalled), nil)
	if err != nil {
		t.Fatal(err)
	}
	var (
		none    *middleware.Guard
		noRPC   *interceptor.Guard
		mux     *http.ServeMux
		noFunc  http.HandlerFunc
		noPtr   *pointerHandler
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
			t.Errorf("%s: got no panic, want one", row.source)
			continue
		}
		lines := declaretest.Lines(t, "declare_test.go", err.Error())
		if len(lines) != 1 || !strings.Contains(lines[0], row.source+" }") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got error %v that names the lines %q, want the line of the call and %q in the text", row.source, err, lines, row.want)
		}
	}
	if routes := guard.Routes(); len(routes) != 2 { // Require and RequireAt declare the route before they panic because of the nil handler
		t.Errorf("got routes %v, want the routes of Require and RequireAt", routes)
	}
}
