package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
)

// runWith runs the program with these environment variables and returns its output and
// its error. If verifier is nil, the program uses its own verifier.
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
		"\n21 of 21 calls as expected\n",
		"GitHub Actions Deployment Service, registered as m2morg_",
		"scopes deploy:applications read:deployments, audience deployment-api.acmecorp.com, valid for 1h0m0s",
		"github_repository=acmecorp/inventory-service",
		`scope="delete:deployments"`,
		"SCOPE: The access token does not allow this",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got output without %q:\n%s", want, out)
		}
	}
	if got := strings.Count(out, "\nok  "); got != 21 {
		t.Errorf("got %d rows with ok, want 21:\n%s", got, out)
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 120 || strings.TrimRight(line, " ") != line {
			t.Errorf("got a line of %d bytes, want at most 120 without trailing spaces: %q", len(line), line)
		}
	}
}

// TestWrongVerdicts checks that the program fails with a wrong verifier and marks
// the calls with wrong outcomes.
func TestWrongVerdicts(t *testing.T) {
	accepting := func(reason bearer.Reason) func(bearer.Config) (bearer.Verifier, error) {
		return func(cfg bearer.Config) (bearer.Verifier, error) { return lenient(cfg, reason, always) }
	}
	tests := []struct {
		name     string
		verifier func(bearer.Config) (bearer.Verifier, error)
		wrong    []string // kinds of call whose rows must be WRONG
		summary  string
	}{
		{"expired tokens pass", accepting(bearer.Expired), []string{"expired"}, "18 of 21 calls as expected"},
		{"tampered tokens pass", accepting(bearer.BadSignature), []string{"tampered"}, "18 of 21 calls as expected"},
		{"any audience passes", accepting(bearer.WrongAudience), []string{"wrong audience"}, "18 of 21 calls as expected"},
		{"any issuer passes", accepting(bearer.WrongIssuer), []string{"wrong issuer"}, "18 of 21 calls as expected"},
		{"one expired token passes", onceExpired, []string{"expired"}, "20 of 21 calls as expected"},
		{"refused for another reason", wrongReason, []string{"tampered"}, "19 of 21 calls as expected"},
		{"all tokens are refused", denyAll, []string{"accepted", "missing scope"}, ""},
		{"claims of another client", wrongCaller, []string{"accepted"}, "18 of 21 calls as expected"},
		{"custom claims are not decoded", noCustom, []string{"accepted"}, "18 of 21 calls as expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := runWith(t, nil, tt.verifier)
			if err == nil {
				t.Error("got no error, want an error for the wrong outcomes")
			}
			for _, call := range tt.wrong {
				if !strings.Contains(out, "\nWRONG  "+call+" ") {
					t.Errorf("got no row with WRONG for %q:\n%s", call, out)
				}
			}
			if !strings.Contains(out, tt.summary) || strings.Contains(out, "21 of 21") {
				t.Errorf("got output without %q:\n%s", tt.summary, out)
			}
		})
	}
}
