package scopes_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/bearerkit/bearer/internal/cleanpath"
	"github.com/bearerkit/bearer/scopes"
)

// TestCleanPath tests that CleanPath returns false for a path that a handler may read as a
// different path.
func TestCleanPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/": true, "/a": true, "/a/": true, "/a/b.c/..d": true, "/a/%": true, "/%41": true,
		"": false, "*": false, "a": false, "a/b": false, "../a": false, "/..": false, "/a/..": false, "/a/../b": false, "/./a": false, "/a/.": false,
		"//": false, "//a": false, "/a//b": false, `/a\b`: false, "/a/..;x/b": false, "/a/.;x": false, "/a/..?": false, "/a/.#/b": false, "/a/..%3f": false, "/%2e%2e/a": false, "/a%2f%2fb": false, "/%252e%252e/a": false,
		"/a%5cb": false, "/%25252e./a": false, "/%2525252525252e": false,
	} {
		if got := cleanpath.Clean(&url.URL{Path: path}); got != want {
			t.Errorf("CleanPath of %q: got %v, want %v", path, got, want)
		}
	}
}

// TestAllowFunc combines functions with other rules.
func TestAllowFunc(t *testing.T) {
	yes := scopes.Func("yes", func(context.Context) error { return nil })
	no := scopes.Func("no", func(context.Context) error { return errors.New("no") })
	granted, err := scopes.Of("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		rule scopes.Rule
		want bool
	}{
		{"yes", yes, true},
		{"no", no, false},
		{"a and yes", scopes.And(scopes.All("a"), yes), true},
		{"yes and a", scopes.And(yes, scopes.All("a")), true},
		{"a and no", scopes.And(scopes.All("a"), no), false},
		{"no and a", scopes.And(no, scopes.All("a")), false},
		{"b and yes", scopes.And(scopes.All("b"), yes), false},
		{"b or yes", scopes.Or(scopes.All("b"), yes), true},
		{"yes or b", scopes.Or(yes, scopes.All("b")), true},
		{"a or no", scopes.Or(scopes.All("a"), no), true},
		{"b or no", scopes.Or(scopes.All("b"), no), false},
		{"any of a, b, and yes", scopes.And(scopes.Any("a", "b"), yes), true},
		{"any of b, c, and yes", scopes.And(scopes.Any("b", "c"), yes), false},
	} {
		if err := row.rule.Allow(t.Context(), granted); (err == nil) != row.want {
			t.Errorf("%s, granted scope a: got allowed = %v, want %v; error: %v", row.name, err == nil, row.want, err)
		}
	}
}

func TestHasFunc(t *testing.T) {
	function := scopes.Func("f", func(context.Context) error { return nil })
	for name, row := range map[string]struct {
		rule scopes.Rule
		want bool
	}{
		"zero Rule": {scopes.Rule{}, false}, "scopes": {scopes.All("a"), false}, "public": {scopes.Public(), false}, "a function": {function, true},
		"function and scopes": {scopes.And(scopes.All("a"), function), true}, "function in a nested rule": {scopes.Or(scopes.All("a"), scopes.And(scopes.Any("b"), function)), true},
		"scopes in Or": {scopes.Or(scopes.All("a"), scopes.Any("b")), false},
	} {
		if got := row.rule.HasFunc(); got != row.want {
			t.Errorf("%s: HasFunc: got %v, want %v", name, got, row.want)
		}
	}
}

// TestServiceWithoutName declares methods without the name of a service. Err must report
// these methods, and Rule must not find them.
func TestServiceWithoutName(t *testing.T) {
	for _, name := range []string{"//*", "//M", "/*", "/", "*", "//"} {
		m := scopes.Methods{name: scopes.All("a")}
		if m.Err() == nil {
			t.Errorf("%q: got no error for a method without a service, want one", name)
		}
		if rule, declared := m.Rule("//N"); !rule.IsZero() || declared != "" {
			t.Errorf("%q: got rule %v of %q for a method without a service, want no rule", name, rule, declared)
		}
	}
}
