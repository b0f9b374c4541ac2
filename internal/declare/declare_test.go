package declare_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/declare"
	"github.com/bearerkit/bearer/internal/testkit/declaretest"
	"github.com/bearerkit/bearer/scopes"
)

// TestWrongRules tests all ways to declare a rule. It is in internal/conformance, because
// it imports grpc. The tests of this package must not import grpc, because go mod tidy
// loads these tests even for a program that uses only net/http.

func TestRule(t *testing.T) {
	wrong := scopes.All("a b")
	for name, rule := range map[string]scopes.Rule{"zero": {}, "public": scopes.Public(), "scope": scopes.All("a")} {
		if err := declaretest.Panic(t, func() { declare.Rule("middleware", "/x", rule) }); err != nil {
			t.Errorf("%s: got panic %v, want no panic", name, err)
		}
	}
	err := declaretest.Panic(t, func() { declare.Rule("middleware", "/x", wrong) })
	if err == nil || !errors.Is(err, wrong.Err()) || !strings.HasPrefix(err.Error(), "middleware: /x (declared at ") {
		t.Fatalf("got %v, want a panic about the invalid rule of /x", err)
	}
	lines := declaretest.Lines(t, "declare_test.go", err.Error())
	if len(lines) != 2 || !strings.Contains(lines[0], "declare.Rule(") || lines[1] != `wrong := scopes.All("a b")` {
		t.Errorf("got %v with the source lines %q, want the line that calls declare.Rule and the line that makes the rule", err, lines)
	}
}

func TestNotNil(t *testing.T) {
	if err := declaretest.Panic(t, func() { declare.NotNil("middleware", "/x", "handler", http.NotFoundHandler()) }); err != nil {
		t.Errorf("got panic %v for a handler that is not nil, want no panic", err)
	}
	for name, v := range map[string]any{"nil": nil, "function": http.HandlerFunc(nil), "pointer": (*http.ServeMux)(nil)} {
		err := declaretest.Panic(t, func() { declare.NotNil("middleware", "", "handler", v) })
		if err == nil || !strings.HasPrefix(err.Error(), "middleware: a route (declared at ") || !strings.HasSuffix(err.Error(), ": the handler is nil") {
			t.Errorf("%s: got %v, want a panic about the nil handler of a route", name, err)
		}
	}
}

// TestRegister checks that a panic of the mux contains the source line of the user's code.
func TestRegister(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /x", http.NotFoundHandler())
	err := declaretest.Panic(t, func() {
		declare.Register("middleware", "GET /x", func() { mux.Handle("GET /x", http.NotFoundHandler()) }) // second registration
	})
	if err == nil || !strings.Contains(err.Error(), "conflicts") {
		t.Fatalf("got %v, want a panic about a conflict", err)
	}
	if lines := declaretest.Lines(t, "declare_test.go", err.Error()); len(lines) != 1 || !strings.Contains(lines[0], "// second registration") {
		t.Errorf("got %v with the source lines %q, want the line of the second registration", err, lines)
	}
}

func TestSentence(t *testing.T) {
	for _, row := range []struct {
		name string
		rule scopes.Rule
		want string
	}{
		{"GET /x", scopes.Rule{}, "GET /x has no rule and is denied"},
		{"GET /x", scopes.All(""), "GET /x has an invalid rule"},
		{"GET /x", scopes.Public(), "GET /x is public"},
		{"/a.B/C", scopes.All("a"), `/a.B/C requires scope "a"`},
		{"", scopes.Optional(scopes.All()), "a route allows callers without a token; a token that is sent must be valid"},
		{"", scopes.Optional(scopes.ReportOnly(scopes.All("a"))), `a route allows callers without a token; callers with a token need scope "a" (report only)`},
	} {
		if got := declare.Sentence(row.name, row.rule); got != row.want {
			t.Errorf("got %q, want %q", got, row.want)
		}
	}
}
