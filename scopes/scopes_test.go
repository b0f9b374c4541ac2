package scopes_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

func TestParse(t *testing.T) {
	for _, row := range []struct {
		in   string
		want []string // nil if Parse must return an error
	}{
		{"", []string{}},
		{"a", []string{"a"}},
		{"a b", []string{"a", "b"}},
		{"b a b", []string{"b", "a"}},
		{"deploy:applications read:deployments", []string{"deploy:applications", "read:deployments"}},
		{"resource-server/scope.x", []string{"resource-server/scope.x"}},
		{"!#[]~", []string{"!#[]~"}},
		{" ", []string{}},
		{"    ", []string{}},
		{" a", []string{"a"}},
		{"a ", []string{"a"}},
		{"a  b", []string{"a", "b"}},
		{"  a   b  a ", []string{"a", "b"}},
		{"a  b\t", nil},
		{" \t", nil},
		{"a\tb", nil},
		{"a\nb", nil},
		{`a"b`, nil},
		{`a\b`, nil},
		{"a\x7f", nil},
		{"é", nil},
		{"a\u00a0b", nil},
	} {
		set, err := scopes.Parse(row.in)
		if got := slices.Collect(set.All()); (err != nil) != (row.want == nil) || !slices.Equal(got, row.want) {
			t.Errorf("Parse(%q): got scopes %q and error %v, want scopes %q, and an error only if the text is invalid", row.in, got, err, row.want)
		}
		if err == nil && set.Len() != len(row.want) {
			t.Errorf("Parse(%q).Len(): got %d, want %d", row.in, set.Len(), len(row.want))
		}
	}
}

func TestSet(t *testing.T) {
	names := []string{"a", "b", "a"}
	set, err := scopes.Of(names...)
	if err != nil || set.String() != "a b" {
		t.Fatalf("Of(%q): got Set %q and error %v, want Set %q and no error", names, set, err, "a b")
	}
	names[0] = "x"
	if !set.Has("a") || set.Has("x") || set.Has("A") || set.Has("") {
		t.Errorf("%q: Has: got %v for a, %v for x, %v for A and %v for the empty string, want true only for a", set, set.Has("a"), set.Has("x"), set.Has("A"), set.Has(""))
	}
	if _, err := scopes.Of("a b"); err == nil {
		t.Error("Of(\"a b\"): got no error, want one")
	}
	other, _ := scopes.Of("c", "b")
	if got := set.Union(other).String(); got != "a b c" {
		t.Errorf("Union: got %q, want %q", got, "a b c")
	}
	if got := set.Union(scopes.Set{}).Union(other).String(); got != "a b c" || set.String() != "a b" {
		t.Errorf("Union with the empty Set: got %q, want %q; first Set after the calls: got %q, want %q", got, "a b c", set, "a b")
	}
}

var errClosed = errors.New("closed")

func yes(context.Context) error { return nil }
func no(context.Context) error  { return errClosed }

func TestAllow(t *testing.T) {
	fn := func(f func(context.Context) error) scopes.Rule { return scopes.Func("check", f) }
	for _, row := range []struct {
		granted string
		rule    scopes.Rule
		want    string // "ok", or the missing scopes of the DeniedError. If DeniedError.Err is set, "+err" follows the scopes.
	}{
		{"", scopes.Rule{}, "+err"},
		{"", scopes.All(), "ok"},
		{"a b", scopes.All("a", "b"), "ok"},
		{"a", scopes.All("a", "b", "c"), "b c"},
		{"ab", scopes.All("a"), "a"},
		{"A", scopes.All("a"), "a"},
		{"b", scopes.Any("a", "b"), "ok"},
		{"", scopes.Any("a", "b"), "a"},
		{"", scopes.Any(), "+err"},
		{"", scopes.All(""), "+err"},
		{"a", scopes.All("a", "b\tc"), "+err"},
		{"", scopes.Public(), "ok"},
		{"", fn(yes), "ok"},
		{"", fn(no), "+err"},
		{"a c", scopes.And(scopes.All("a"), scopes.Any("b", "c")), "ok"},
		{"", scopes.And(scopes.All("a", "b"), scopes.All("b", "c")), "a b c"},
		{"a", scopes.And(scopes.All("a"), fn(no)), "+err"},
		{"", scopes.And(scopes.All("a"), fn(no), scopes.All("b")), "a b+err"},
		{"b", scopes.Or(scopes.All("a"), scopes.All("b")), "ok"},
		{"", scopes.Or(scopes.All("a"), scopes.All("b")), "a"},
		{"", scopes.Or(scopes.All("a"), fn(yes)), "ok"},
		{"", scopes.Or(fn(no), scopes.All("a")), "a+err"},
		{"c", scopes.And(scopes.Or(fn(no), scopes.All("a"), fn(yes)), scopes.All("b")), "b"},
		{"", scopes.And(), "+err"},
		{"", scopes.Or(), "+err"},
		{"", scopes.And(scopes.Rule{}), "+err"},
		{"", scopes.Or(scopes.Public(), scopes.All("a")), "+err"},
		{"", scopes.Func("", nil), "+err"},
		{"", scopes.Func("check", nil), "+err"},
		{"", scopes.Func("", func(context.Context) error { return nil }), "+err"},
	} {
		granted, err := scopes.Parse(row.granted)
		if err != nil {
			t.Fatal(err)
		}
		got := "ok"
		if err := row.rule.Allow(t.Context(), granted); err != nil {
			denied, ok := errors.AsType[*scopes.DeniedError](err)
			if !ok {
				t.Fatalf("%v: got an error of type %T, want a *DeniedError", row.rule, err)
			}
			got = strings.Join(denied.Missing, " ")
			if denied.Err != nil {
				got += "+err"
			}
		}
		if got != row.want {
			t.Errorf("%v, granted scopes %q: got %q, want %q", row.rule, row.granted, got, row.want)
		}
	}
}

// TestFuncOnce tests that Allow calls a function only once, because the function may be slow.
func TestFuncOnce(t *testing.T) {
	calls := 0
	count := scopes.Func("count", func(context.Context) error { calls++; return errClosed })
	rule := scopes.And(scopes.Or(scopes.All("a"), count), scopes.All("b"))
	if err := rule.Allow(t.Context(), scopes.Set{}); !errors.Is(err, errClosed) || calls != 1 {
		t.Errorf("got error %v after %d calls, want error %v after 1 call", err, calls, errClosed)
	}
}

func TestRuleString(t *testing.T) {
	for want, rule := range map[string]scopes.Rule{
		"denied":             {},
		"public":             scopes.Public(),
		"any valid token":    scopes.All(),
		`scope "a"`:          scopes.All("a"),
		`scopes "a" and "b"`: scopes.All("a", "b"),
		`scopes "a" or "b"`:  scopes.Any("a", "b"),
		`office hours`:       scopes.Func("office hours", yes),
		`scope "a" and (scopes "b" or "c") and office hours`: scopes.And(scopes.All("a"), scopes.Any("b", "c"),
			scopes.Func("office hours", yes)),
		`(scope "a" and scope "b") or scope "c"`: scopes.Or(scopes.And(scopes.All("a"), scopes.All("b")), scopes.All("c")),
	} {
		if got := rule.String(); got != want {
			t.Errorf("got rule text %q, want %q", got, want)
		}
	}
}

// TestRuleErr tests that Err returns one error that lists all mistakes in a rule.
func TestRuleErr(t *testing.T) {
	rule := scopes.And(scopes.All("", "b c"), scopes.Rule{}, scopes.Or(scopes.Any()), scopes.Public())
	err := rule.Err()
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for _, want := range []string{`All("")`, `All("b c")`, "rule 2 is the zero Rule", "Any() has no scopes", "rule 4 is Public"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in the text", err, want)
		}
	}
}
