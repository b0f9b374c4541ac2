package scopes_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

func TestHierarchy(t *testing.T) {
	declared := scopes.Hierarchy{
		"admin": {"write", "audit"}, "write": {"read"},
		"a": {"b"}, "b": {"c"}, "c": {"a"}, // The hierarchy is a cycle, so each scope implies the two other scopes.
		"self": {"self"},
	}
	for _, row := range []struct {
		h             scopes.Hierarchy
		granted, want string
	}{
		{declared, "admin", "admin write audit read"},
		{declared, "write", "write read"},
		{declared, "read", "read"},
		{declared, "read write", "read write"},
		{declared, "b", "b c a"},
		{declared, "self", "self"},
		{declared, "", ""},
		{declared, "admin:x", "admin:x"}, // Expand ignores the common prefix of the names admin and admin:x
		{declared, "Admin", "Admin"},
		{nil, "admin", "admin"},
		{scopes.Hierarchy{"deployments": {"deployments:read"}}, "deployments", "deployments deployments:read"},
		{scopes.Hierarchy{"deployments": {"deployments:read"}}, "deployments:write", "deployments:write"},
	} {
		granted, err := scopes.Parse(row.granted)
		if err != nil {
			t.Fatal(err)
		}
		if err := row.h.Err(); err != nil {
			t.Errorf("%v: got error %v, want none", row.h, err)
		}
		if got := row.h.Expand(granted).String(); got != row.want {
			t.Errorf("%v: Expand(%q): got %q, want %q", row.h, row.granted, got, row.want)
		}
	}
	if got, want := declared["admin"], []string{"write", "audit"}; !slices.Equal(got, want) {
		t.Errorf("scopes of admin in the hierarchy after Expand: got %q, want %q", got, want)
	}
}

// TestExpandKeepsTheSet tests that Expand does not change its argument. The second call must
// return the same Set as the first call.
func TestExpandKeepsTheSet(t *testing.T) {
	granted, err := scopes.Of("write", "x")
	if err != nil {
		t.Fatal(err)
	}
	h := scopes.Hierarchy{"write": {"read"}, "x": {"write"}}
	for range 2 {
		if got := h.Expand(granted).String(); got != "write x read" {
			t.Errorf("Expand: got %q, want %q", got, "write x read")
		}
	}
	if got := granted.String(); got != "write x" {
		t.Errorf("the argument of Expand after the calls: got %q, want %q", got, "write x")
	}
}

// TestHierarchyErrors tests that Err returns one error that lists all mistakes.
func TestHierarchyErrors(t *testing.T) {
	err := scopes.Hierarchy{"a b": {"c"}, "d": {"", "e\"f"}, "": {"g"}}.Err()
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for _, want := range []string{`"a b" in the hierarchy of "a b": a scope must not contain a space`, `"" in the hierarchy of "d"`, `"e\"f"`, `"" in the hierarchy of ""`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %s in the text", err, want)
		}
	}
}

// TestExpandMatchesModel compares Expand with a simple loop, for many small and large
// hierarchies and tokens.
func TestExpandMatchesModel(t *testing.T) {
	random := rand.New(rand.NewPCG(18, 1)) //nolint:gosec // the test needs the same numbers in each run
	list := func(most, names int) (list []string) {
		for range random.IntN(most + 1) {
			list = append(list, fmt.Sprintf("s%d", random.IntN(names)))
		}
		return list
	}
	for i := range 2000 {
		names := 4 + random.IntN(60)
		h := make(scopes.Hierarchy)
		for _, name := range list(names, names) {
			h[name] = list(1+random.IntN(40), names)
		}
		granted, err := scopes.Of(list(1+random.IntN(40), names)...)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Collect(granted.All())
		for i := 0; i < len(want); i++ {
			for _, implied := range h[want[i]] {
				if !slices.Contains(want, implied) {
					want = append(want, implied)
				}
			}
		}
		got := h.Expand(granted)
		if !slices.Equal(slices.Collect(got.All()), want) {
			t.Fatalf("%d: hierarchy %v, scopes %v: got %v, want %v", i, h, granted, got, want)
		}
		for _, name := range want {
			if !got.Has(name) {
				t.Fatalf("%d: Has(%q): got false, want true", i, name)
			}
		}
	}
}
