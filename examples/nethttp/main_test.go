package main

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/examples/demo/demotest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestProfile(t *testing.T) { demotest.RunProfile(t, api) }

func TestRequire(t *testing.T) { demotest.Run(t, false, api) }

// TestEnforce uses a table of rules in front of the same mux. The guard must deny requests
// without a rule before they reach the mux.
func TestEnforce(t *testing.T) {
	demotest.Run(t, true, func(guard *middleware.Guard) http.Handler {
		mux := api(guard)
		var rules scopes.Table
		for _, route := range guard.Routes() {
			rules.Handle(route.Pattern, route.Rule)
		}
		return guard.Enforce(&rules)(mux)
	})
}

func TestNoRouteWithoutRule(t *testing.T) {
	guard, err := middleware.New(new(bearer.JWTVerifier), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = api(guard)
	for _, route := range guard.Routes() {
		if route.Rule.Err() != nil {
			t.Errorf("got %s, want a rule without mistakes", route)
		}
	}
}
