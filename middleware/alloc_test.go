//go:build !race

package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

const rounds, runs = 3, 100

// allocs returns the number of allocations of one call of f. It calls f rounds*(runs+1)
// times.
func allocs(f func()) float64 { return testkit.Allocs(rounds, runs, f) }

// TestAllocsFirst checks that a request with a new token needs at most 10 allocations more
// than the verification of the token's signature.
func TestAllocsFirst(t *testing.T) {
	for _, alg := range algorithms {
		s := newSpeed(t, alg, 0, rounds*(runs+1)+1)
		handler := s.guard.Require(s.rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		requests := make([]*http.Request, len(s.tokens))
		for i, token := range s.tokens {
			requests[i] = request(token)
		}
		raw := s.raw(t, s.tokens[0])
		floor := allocs(func() {
			if err := raw(); err != nil {
				t.Fatal(err)
			}
		})
		w, i := httptest.NewRecorder(), 0
		handler.ServeHTTP(w, requests[0]) // puts the JOSE header, which all tokens share, into the cache
		got := allocs(func() { i++; handler.ServeHTTP(w, requests[i]) })
		if w.Code != http.StatusOK {
			t.Fatalf("%s: got status %d, want status 200", alg, w.Code)
		}
		t.Logf("%s: %v allocations, %v of them for the signature", alg, got, floor)
		if got > floor+10 {
			t.Errorf("%s: got %v allocations, want at most %v, which is 10 more than for the signature", alg, got, floor+10)
		}
	}
}

// TestAllocsRepeated checks that a request with a cached token needs at most 2 allocations.
// One allocation is for the copy of the request, and one allocation is for the context.
func TestAllocsRepeated(t *testing.T) {
	s := newSpeed(t, "ES256", 0, 1)
	table := new(scopes.Table)
	table.Handle("POST /deployments", s.rule)
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, handler := range map[string]http.Handler{"Require": s.guard.Require(s.rule)(next), "Enforce": s.guard.Enforce(table)(next)} {
		w, r := httptest.NewRecorder(), request(s.tokens[0])
		handler.ServeHTTP(w, r)
		if got := allocs(func() { handler.ServeHTTP(w, r) }); got > 2 || w.Code != http.StatusOK {
			t.Errorf("%s: got %v allocations and status %d, want at most 2 allocations and status 200", name, got, w.Code)
		}
	}
}

// TestAllocsForwardAuth checks that the number of patterns in the table does not change the
// number of allocations for a request.
func TestAllocsForwardAuth(t *testing.T) {
	s := newSpeed(t, "ES256", 0, 0)
	var got [2]float64
	for i, patterns := range []int{1, 1000} {
		var table scopes.Table
		for j := range patterns {
			table.Handle("GET /items/"+strconv.Itoa(j), scopes.Public())
		}
		handler := s.guard.ForwardAuth(&table)
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("X-Forwarded-Method", http.MethodGet)
		r.Header.Set("X-Forwarded-Uri", "/items/0")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent {
			t.Fatalf("%d patterns: got status %d, want status 204", patterns, w.Code)
		}
		got[i] = allocs(func() { handler.ServeHTTP(w, r) })
	}
	if got[0] != got[1] {
		t.Errorf("got %v allocations with 1 pattern and %v with 1,000 patterns, want equal numbers", got[0], got[1])
	}
	t.Logf("%v allocations", got[0])
}

// TestAllocsGarbage checks that the guard refuses each value that the function garbage
// returns, and that the guard makes no allocation for a refusal.
func TestAllocsGarbage(t *testing.T) {
	s := newSpeed(t, "ES256", 0, 0)
	for name, authorization := range garbage() {
		r := request("")
		r.Header["Authorization"] = authorization
		got := allocs(func() {
			if _, err := s.guard.Check(r, s.rule); err == nil {
				t.Fatal("got no error, want a refusal")
			}
		})
		if got > 0 {
			t.Errorf("%s: got %v allocations, want no allocation", name, got)
		}
	}
}

// TestAllocsNoRule checks that the refusal of a request without a rule needs at most 10
// allocations, even if the path is long. The text for the log is cut.
func TestAllocsNoRule(t *testing.T) {
	s := newSpeed(t, "ES256", 0, 0)
	for name, authorization := range garbage() {
		r := request("")
		r.URL.Path = "/" + strings.Repeat("y", 64<<10)
		r.Header["Authorization"] = authorization
		got := allocs(func() {
			_, err := s.guard.Check(r, scopes.Rule{})
			if err == nil {
				t.Fatal("got no error, want a refusal")
			}
		})
		if got > 10 {
			t.Errorf("%s: got %v allocations, want at most 10", name, got)
		}
	}
}
