//go:build !race

package scopes_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestAllocs tests that Allow does not allocate if the scopes satisfy the rule, and that Has does
// not allocate if the token has wildcards. In a large
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
	wildcards := setOf(t, append(names, "read:*", "read.things.*", "a/*")...).WithWildcards()
	for _, name := range []string{"read:users", "read.things.x", "read:" + strings.Repeat("long.", 100) + "x", "none", "a/:./x"} {
		if got := testing.AllocsPerRun(100, func() { wildcards.Has(name) }); got > 0 {
			t.Errorf("Has(%.20q) with wildcards: got %v allocations, want none", name, got)
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

// TestHostilePathAllocs tests that the number of forms of a path has a bound. A path of 8 KiB
// with many nested escapes has hundreds of forms.
func TestHostilePathAllocs(t *testing.T) {
	for _, strict := range []bool{false, true} {
		table := scopes.Table{StrictSegments: strict}
		for _, pattern := range []string{"GET /healthz", "GET /Admin/{id}", "GET /customers/{id}", "/files/{rest...}"} {
			table.Handle(pattern, scopes.All())
		}
		const start, end = "/files/a%2525EF%2525BC%25259F", ".json/.b%252523%3f%23%25a/"
		for _, size := range []int{100, 1000, 8 << 10} {
			for _, part := range []string{"<<<<;/", "/a.b;c", "%41;/", "a/"} {
				r := httptest.NewRequest(http.MethodGet, start+strings.Repeat(part, (size-len(start)-len(end))/len(part))+end, http.NoBody)
				if rule, _ := table.Rule(r); size > 1000 && !rule.IsZero() {
					t.Errorf("%v, %d, %q: got a rule, want no rule", strict, size, part)
				}
				var before, after runtime.MemStats
				const rounds = 10
				runtime.ReadMemStats(&before)
				for range rounds {
					table.Rule(r)
				}
				runtime.ReadMemStats(&after)
				if allocated := (after.TotalAlloc - before.TotalAlloc) / rounds; allocated > 2<<20 {
					t.Errorf("%v, %d, %q: got %d bytes for a request, want at most 2 MiB", strict, size, part, allocated)
				}
				if mallocs := (after.Mallocs - before.Mallocs) / rounds; mallocs > 20_000 {
					t.Errorf("%v, %d, %q: got %d allocations for a request, want at most 20,000", strict, size, part, mallocs)
				}
			}
		}
	}
}
