package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
)

// runWith runs the program with these environment variables. It returns the output and the
// error of the program. If verifier is nil, the program uses its own verifier.
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
	out, err := runWith(t, map[string]string{"COLUMNS": "1000"}, nil) // the program breaks no line
	if err != nil {
		t.Errorf("got error %v, want no error", err)
	}
	for _, want := range []string{
		"\n33 of 33 calls as expected\n",
		"GitHub Actions Deployment Service, registered as m2morg_",
		"scopes deploy:applications read:deployments, audience deployment-api.acmecorp.com, valid for 1h0m0s",
		"github_repository=acmecorp/inventory-service",
		`scope="delete:deployments"`,
		"SCOPE: The access token does not allow this",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("want output with %q, got\n%s", want, out)
		}
	}
	if got := strings.Count(out, "\nok  "); got != 33 {
		t.Errorf("got %d rows with \"ok\", want 33 rows:\n%s", got, out)
	}
}

// TestWrongVerdicts checks that the program fails with a wrong verifier. The program must
// mark the calls that have wrong outcomes.
func TestWrongVerdicts(t *testing.T) {
	accepting := func(reason bearer.Reason) func(bearer.Config) (bearer.Verifier, error) {
		return func(cfg bearer.Config) (bearer.Verifier, error) { return lenientVerifier(cfg, reason, always) }
	}
	tests := []struct {
		name     string
		verifier func(bearer.Config) (bearer.Verifier, error)
		wrong    []string // kinds of call that must have a row with WRONG
		summary  string
	}{
		{"verifier accepts expired tokens", accepting(bearer.Expired), []string{"expired"}, "30 of 33 calls as expected"},
		{"verifier accepts tampered tokens", accepting(bearer.BadSignature), []string{"tampered"}, "30 of 33 calls as expected"},
		{"verifier accepts any audience", accepting(bearer.WrongAudience), []string{"wrong audience"}, "30 of 33 calls as expected"},
		{"verifier accepts any issuer", accepting(bearer.WrongIssuer), []string{"wrong issuer"}, "30 of 33 calls as expected"},
		{"verifier accepts one expired token", onceExpired, []string{"expired"}, "32 of 33 calls as expected"},
		{"verifier refuses with a wrong reason", wrongReason, []string{"tampered"}, "31 of 33 calls as expected"},
		{"verifier accepts any proof of the right key", lenientProofs(bearer.InvalidProof), []string{"bound, replayed", "bound, for PUT"}, "27 of 33 calls as expected"},
		{"verifier accepts proofs of any key", lenientProofs(bearer.WrongBinding), []string{"bound, stolen"}, "30 of 33 calls as expected"},
		{"verifier refuses all tokens", denyAll, []string{"accepted", "missing scope"}, ""},
		{"verifier returns the claims of a different client", wrongCaller, []string{"accepted"}, "27 of 33 calls as expected"},
		{"verifier does not decode custom claims", noCustom, []string{"accepted"}, "24 of 33 calls as expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := runWith(t, nil, tt.verifier)
			if err == nil {
				t.Error("got no error, want an error about the wrong outcomes")
			}
			for _, call := range tt.wrong {
				if !strings.Contains(out, "\nWRONG  "+call+" ") {
					t.Errorf("want a row with WRONG for %q, got\n%s", call, out)
				}
			}
			if !strings.Contains(out, tt.summary) || strings.Contains(out, "33 of 33") {
				t.Errorf("want output with %q, got\n%s", tt.summary, out)
			}
		})
	}
}
