package main

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/examples/demo/demotest"
)

func TestProfile(t *testing.T) { demotest.RunProfile(t, api) }

func TestAPI(t *testing.T) { demotest.Run(t, false, api) }

// TestRules checks that no route can be reached without a guard.
func TestRules(t *testing.T) {
	r := routes(demotest.Guard(t))
	if open := bearertest.Unguarded(r, r.names()); len(open) != 0 {
		t.Errorf("got routes without a guard %q, want none", open)
	}
	r.Handle("GET /forgotten/:id", http.HandlerFunc(fail))
	if open := bearertest.Unguarded(r, r.names()); len(open) != 1 || open[0] != "GET /forgotten/:id" {
		t.Errorf("got routes without a guard %q, want only GET /forgotten/:id", open)
	}
}
