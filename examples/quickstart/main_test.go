package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
)

// runWith runs the program with environment variables, and a verifier if it is
// not nil, and returns what it printed and its error.
func runWith(t *testing.T, env map[string]string, verifier func(bearer.Config) (bearer.Verifier, error), args ...string) (string, error) {
	t.Helper()
	if verifier == nil {
		verifier = newVerifier
	}
	var out bytes.Buffer
	q := quickstart{env: func(name string) string { return env[name] }, stdout: &out, stderr: io.Discard, newVerifier: verifier}
	err := q.run(t.Context(), args)
	return out.String(), err
}

func TestEmbedded(t *testing.T) {
	out, err := runWith(t, nil, nil)
	if err != nil {
		t.Errorf("got error %v, want none", err)
	}
	for _, want := range []string{
		"\n21 of 21 as expected\n",
		"GitHub Actions Deployment Service, registered as m2morg_",
		"deploy:applications read:deployments for deployment-api.acmecorp.com, good for 1h0m0s",
		"github_repository=acmecorp/inventory-service",
		`scope="delete:deployments"`,
		"SCOPE: The access token does not allow this",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got output without %q:\n%s", want, out)
		}
	}
	if got := strings.Count(out, "\nok  "); got != 21 {
		t.Errorf("got %d rows that are ok, want 21:\n%s", got, out)
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 120 || strings.TrimRight(line, " ") != line {
			t.Errorf("got a line of %d bytes or with spaces at its end: %q", len(line), line)
		}
	}
}

// TestWrongVerdicts is whether the program can fail: it does, by the calls that
// the verifier is wrong about.
func TestWrongVerdicts(t *testing.T) {
	accepting := func(reason bearer.Reason) func(bearer.Config) (bearer.Verifier, error) {
		return func(cfg bearer.Config) (bearer.Verifier, error) { return lenient(cfg, reason, always) }
	}
	tests := []struct {
		name     string
		verifier func(bearer.Config) (bearer.Verifier, error)
		wrong    []string // beginnings of rows
		closing  string
	}{
		{"expired tokens pass", accepting(bearer.Expired), []string{"expired"}, "18 of 21 as expected"},
		{"tampered tokens pass", accepting(bearer.BadSignature), []string{"tampered"}, "18 of 21 as expected"},
		{"any audience passes", accepting(bearer.WrongAudience), []string{"wrong audience"}, "18 of 21 as expected"},
		{"any issuer passes", accepting(bearer.WrongIssuer), []string{"wrong issuer"}, "18 of 21 as expected"},
		{"one expired token passes", onceExpired, []string{"expired"}, "20 of 21 as expected"},
		{"refused for another reason", misjudge, []string{"tampered"}, "19 of 21 as expected"},
		{"nothing passes", denyAll, []string{"accepted", "missing scope"}, ""},
		{"claims of somebody else", somebodyElse, []string{"accepted"}, "18 of 21 as expected"},
		{"custom claims are not decoded", noCustom, []string{"accepted"}, "18 of 21 as expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := runWith(t, nil, tt.verifier)
			if err == nil {
				t.Error("got no error, want one")
			}
			for _, call := range tt.wrong {
				if !strings.Contains(out, "\nWRONG  "+call+" ") {
					t.Errorf("got no row of %q that is WRONG:\n%s", call, out)
				}
			}
			if !strings.Contains(out, tt.closing) || strings.Contains(out, "21 of 21") {
				t.Errorf("got output without %q:\n%s", tt.closing, out)
			}
		})
	}
}
