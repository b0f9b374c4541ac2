package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTraefikFields checks that traefik.yaml copies the fields of Options.Headers, removes their
// other spellings, and drops every field of the guard's list of override fields, except for the
// fields that Traefik replaces.
func TestTraefikFields(t *testing.T) {
	text, err := os.ReadFile("traefik.yaml")
	if err != nil {
		t.Fatal(err)
	}
	clean, replaced, _ := strings.Cut(string(text), "\n    forwardauth:\n")
	for name := range options("caddy").Headers {
		for _, character := range []string{"_", "."} {
			if spelling := strings.ReplaceAll(name, "-", character); !strings.Contains(clean, "\n          "+spelling+": \"\"\n") {
				t.Errorf("got no line that removes %s before forwardauth, want one", spelling)
			}
		}
		if _, list, _ := strings.Cut(replaced, "authResponseHeaders: ["); !strings.Contains(", "+strings.Replace(list, "]", ",", 1), ", "+name+",") {
			t.Errorf("got no %s in authResponseHeaders, want it", name)
		}
	}
	own := []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Server"}
	for _, name := range append(overrideFields(), "Authorization") {
		if dropped := strings.Contains(replaced, "\n          "+name+": \"\"\n"); dropped == slices.Contains(own, name) {
			t.Errorf("%s: got dropped = %v, want the field to be either dropped or replaced by Traefik", name, dropped)
		}
	}
}

// TestEnvoyFields checks that envoy.yaml copies exactly the fields of Options.Headers to the
// service, and the fields of a refusal to the client. The guard itself names the fields that Envoy
// removes.
func TestEnvoyFields(t *testing.T) {
	text, err := os.ReadFile("envoy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "allowed_upstream_headers:")
	upstream, client, _ := strings.Cut(rest, "allowed_client_headers:")
	for name := range options("envoy").Headers {
		if !strings.Contains(upstream, "exact: "+strings.ToLower(name)+",") {
			t.Errorf("got no %s in allowed_upstream_headers, want it", name)
		}
	}
	if got, want := strings.Count(upstream, "exact:"), len(options("envoy").Headers); got != want {
		t.Errorf("got %d fields in allowed_upstream_headers, want %d", got, want)
	}
	for _, name := range []string{"www-authenticate", "retry-after", "cache-control", "content-type"} {
		if !strings.Contains(client, "exact: "+name+",") {
			t.Errorf("got no %s in allowed_client_headers, want it", name)
		}
	}
	if strings.Contains(string(text), "failure_mode_allow:") {
		t.Error("got failure_mode_allow, want no such setting")
	}
}
