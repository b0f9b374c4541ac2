package spellings_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/testkit/spellings"
)

var routes = []spellings.Route{{Method: "GET", Path: "/items/{id}"}, {Path: "/admin/{path...}"}}

// TestNextRepeats tests that two generators with the same numbers make the same requests, so
// that a finding can be repeated.
func TestNextRepeats(t *testing.T) {
	a, b, parsed := spellings.New(1, 2, routes), spellings.New(1, 2, routes), 0
	for i := range 2000 {
		first, second := a.Next().Raw(), b.Next().Raw()
		if first != second {
			t.Fatalf("request %d: got %q and %q, want the same request", i, first, second)
		}
		if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(first))); err == nil {
			parsed++
		}
	}
	if parsed < 1000 || parsed == 2000 {
		t.Errorf("got %d of 2000 requests that net/http accepts, want most requests and not all", parsed)
	}
}

// TestSimplerEnds tests that a search for a simpler request ends.
func TestSimplerEnds(t *testing.T) {
	g := spellings.New(1, 3, routes)
	for range 50 {
		r, steps := g.Next(), 0
		for changed := true; changed; steps++ {
			changed = false
			for simpler := range r.Simpler() {
				if len(simpler.Raw()) > len(r.Raw()) {
					continue // the method GET can be longer
				}
				r, changed = simpler, true
				break
			}
			if steps > 1000 {
				t.Fatalf("%q: got no end after %d steps, want an end", r.Raw(), steps)
			}
		}
	}
}
