//go:build !race

package scopes_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestAllocs tests that Allow does not allocate if the scopes satisfy the rule. In a large
// table, Rule may make one allocation for each wildcard of the route, because the mux stores
// the values of the wildcards.
func TestAllocs(t *testing.T) {
	names := twentyScopes()
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
	table := largeTable()
	for target, want := range map[string]float64{"GET /v1/things17": 0, "GET /v1/things200/8d3f": 1, "DELETE /v1/things249/8d3f/parts/7": 2} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, http.NoBody)
		got := testing.AllocsPerRun(100, func() {
			if rule, _ := table.Rule(r); rule.IsZero() {
				t.Fatal("got no rule, want one")
			}
		})
		if got > want {
			t.Errorf("%s: got %v allocations, want at most %v", target, got, want)
		}
	}
}
