package scopes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// twentyScopes returns 20 scopes of the same length, because the comparison of such scopes
// takes the longest time.
func twentyScopes() []string {
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("deployments:action-%02d", i)
	}
	return names
}

func BenchmarkAllow(b *testing.B) {
	names := twentyScopes()
	reversed := make([]string, len(names))
	for i, name := range names {
		reversed[len(names)-1-i] = name
	}
	granted, err := scopes.Of(names...)
	if err != nil {
		b.Fatal(err)
	}
	for name, rule := range map[string]scopes.Rule{
		"All of 20": scopes.All(names...), "All of 20, reversed": scopes.All(reversed...), "All of the last of 20": scopes.All(names[19]),
		"Any of 20": scopes.Any(append([]string{"x"}, reversed...)...),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := rule.Allow(b.Context(), granted); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// largeTable returns a table of 1,000 routes.
func largeTable() *scopes.Table {
	t := new(scopes.Table)
	for i := range 250 {
		t.Handle(fmt.Sprintf("GET /v1/things%d", i), scopes.All("a"))
		t.Handle(fmt.Sprintf("POST /v1/things%d", i), scopes.All("b"))
		t.Handle(fmt.Sprintf("GET /v1/things%d/{id}", i), scopes.All("a"))
		t.Handle(fmt.Sprintf("DELETE /v1/things%d/{id}/parts/{part}", i), scopes.All("c"))
	}
	return t
}

func BenchmarkTable(b *testing.B) {
	t := largeTable()
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/v1/things17", http.NoBody),
		httptest.NewRequest(http.MethodGet, "/v1/things200/8d3f", http.NoBody),
		httptest.NewRequest(http.MethodDelete, "/v1/things249/8d3f/parts/7", http.NoBody),
	} {
		b.Run(r.Method, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if rule, _ := t.Rule(r); rule.IsZero() {
					b.Fatal("got no rule, want one")
				}
			}
		})
	}
}

// BenchmarkTableReadings measures requests that a table matches more than once.
func BenchmarkTableReadings(b *testing.B) {
	for _, strict := range []bool{false, true} {
		t := largeTable()
		t.StrictSegments = strict
		for _, target := range []string{"/v1/things200/8d3f", "/v1/things200/Acme%20Inc.", "/v1/things200/a%40b.example", "/v1/things200/A.b;c%253fd", "/%2576%2531/THINGS200/a%2fb"} {
			r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
			b.Run(fmt.Sprintf("strict=%v/%s", strict, target), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					t.Rule(r)
				}
			})
		}
	}
}
