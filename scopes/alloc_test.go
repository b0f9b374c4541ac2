//go:build !race

package scopes_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestAllocs wants a rule that is met to cost no allocation, and a route of a large
// table one at the most: the mux remembers what its wildcard matched.
func TestAllocs(t *testing.T) {
	names := twenty()
	granted, err := scopes.Of(names...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, rule := range map[string]scopes.Rule{
		"All": scopes.All(names...), "Any": scopes.Any(append([]string{"x"}, names...)...), "one": scopes.All(names[19]),
		"And": scopes.And(scopes.All(names[:5]...), scopes.Or(scopes.All("x"), scopes.Any(names[7:]...))),
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := rule.Allow(ctx, granted); err != nil {
				t.Fatal(err)
			}
		})
		if got > 0 {
			t.Errorf("%s: got %v allocations, want none", name, got)
		}
	}
	table := thousand()
	for path, want := range map[string]float64{"/v1/things17": 0, "/v1/things200/8d3f": 1} {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		got := testing.AllocsPerRun(100, func() {
			if rule, _ := table.Rule(r); rule.IsZero() {
				t.Fatal("no rule")
			}
		})
		if got > want {
			t.Errorf("%s: got %v allocations, want %v", path, got, want)
		}
	}
}
