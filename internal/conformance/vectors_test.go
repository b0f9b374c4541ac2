package conformance_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/conformance"
)

const vectorsDir = "../../testdata/vectors"

func load(tb testing.TB) *conformance.Vectors {
	tb.Helper()
	vectors, err := conformance.Load(vectorsDir)
	if err != nil {
		tb.Fatal(err)
	}
	return vectors
}

// TestVectors sends every row to the verifier, to the HTTP guard and to the gRPC guard. The
// time of the test is the vectors' clock.
func TestVectors(t *testing.T) {
	vectors := load(t)
	for _, row := range vectors.Rows {
		t.Run(row.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if now := time.Now(); !now.Equal(conformance.Clock) {
					t.Fatalf("got clock %v, want %v", now, conformance.Clock)
				}
				check(t, guardSetFor(t, vectors, row), row)
			})
		})
	}
}

// guardSetFor returns the verifier of a row and guards that use it.
func guardSetFor(tb testing.TB, vectors *conformance.Vectors, row *conformance.Vector) *guardSet {
	tb.Helper()
	v, err := vectors.Verifier(row.Verifier)
	if err != nil {
		tb.Fatal(err)
	}
	return newGuardSet(tb, v, required(row))
}

// check sends one row to the verifier and to both guards.
func check(t *testing.T, guards *guardSet, row *conformance.Vector) {
	t.Helper()
	if row.Authorization == nil {
		checkVerifier(t, guards.verifier, row)
	}
	accepted := row.Reason == ""
	h := guards.overHTTP(t.Context(), required(row), row.Values())
	if h.status != row.HTTP || h.reached != accepted {
		t.Errorf("HTTP: got status %d (call of the handler: %v), want status %d (call of the handler: %v)", h.status, h.reached, row.HTTP, accepted)
	}
	checkChallenge(t, row, h.challenge)
	g := guards.overGRPC(t.Context(), t, required(row), row.Values())
	if g.code.String() != row.GRPC || g.reached != accepted {
		t.Errorf("gRPC: got code %v (call of the handler: %v), want code %s (call of the handler: %v)", g.code, g.reached, row.GRPC, accepted)
	}
	if want := strings.ToUpper(row.ToldReason()); g.reason != want {
		t.Errorf("gRPC: got reason %q in the status, want %q", g.reason, want)
	}
	if unverified := strings.Contains(strings.Join(h.challenge, ""), `error_description="The access token is invalid"`); row.Told != "" && !unverified {
		t.Errorf("HTTP: got challenge %q, want the description of a token that was not verified", h.challenge)
	}
	if row.Missing != "" && (g.info["scope"] != named(row) || g.info["missing_scope"] != row.Missing) {
		t.Errorf("gRPC: got metadata %q in the status, want scope %q and missing_scope %q", g.info, named(row), row.Missing)
	}
	if !slices.Equal(g.challenge, h.challenge) {
		t.Errorf("gRPC: got challenge %q, want the challenge of the HTTP response %q", g.challenge, h.challenge)
	}
}

func checkVerifier(t *testing.T, v bearer.Verifier, row *conformance.Vector) {
	t.Helper()
	claims, err := v.Verify(t.Context(), row.Text())
	if got := reasonOf(t, err); got != row.VerifyReason() {
		t.Errorf("verifier: got reason %q, want %q; error: %v", got, row.VerifyReason(), err)
	}
	if (claims == nil) != (err != nil) {
		t.Errorf("verifier: got claims %v and error %v, want exactly one of them", claims, err)
	}
	if err == nil {
		return
	}
	text := err.Error()
	for part := range strings.SplitSeq(row.Text(), ".") {
		if len(part) > 40 && strings.Contains(text, part) {
			t.Errorf("verifier: the error contains the part %.20q... of the token, want an error without the token", part)
		}
	}
	if i := strings.IndexFunc(text, func(c rune) bool { return c < ' ' }); i >= 0 {
		t.Errorf("verifier: the error contains %q, want an error of one line", text[i])
	}
}

// checkChallenge tests that the challenge is correct (RFC 6750, section 3).
func checkChallenge(t *testing.T, row *conformance.Vector, got []string) {
	t.Helper()
	want := "invalid_token"
	switch row.Reason { //nolint:exhaustive // the error code of all other reasons is invalid_token
	case "":
		if len(got) != 0 {
			t.Errorf("got challenges %q for an accepted request, want none", got)
		}
		return
	case bearer.NoToken:
		if len(got) != 1 || !strings.HasPrefix(got[0], `Bearer realm="`) || strings.Contains(got[0], "error") {
			t.Errorf("got challenges %q, want one challenge without an error code", got)
		}
		return
	case bearer.InvalidRequest:
		want = "invalid_request"
	case bearer.MissingScope:
		want = "insufficient_scope"
	}
	scope := ""
	if names := named(row); row.Reason == bearer.MissingScope && names != "" {
		scope = `, scope="` + names + `"`
	}
	if len(got) != 1 || !strings.HasPrefix(got[0], "Bearer ") || strings.Count(got[0], `, error="`+want+`"`) != 1 ||
		!strings.HasSuffix(got[0], scope) || strings.Count(got[0], ` scope="`) != strings.Count(scope, ` scope="`) {
		t.Errorf("got challenges %q, want one challenge with the error code %s and the parameter %q", got, want, scope)
	}
}

// named returns the scopes that the challenge of a row names if the reason is a missing scope.
func named(row *conformance.Vector) string {
	switch {
	case row.Challenge != "":
		return row.Challenge
	case required(row) != row.Scope:
		return "" // the route requires a role or a claim, so scopes do not help
	}
	return row.Scope
}

func reasonOf(tb testing.TB, err error) bearer.Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		tb.Errorf("got an error of type %T, want *bearer.Error: %v", err, err)
		return bearer.Internal
	}
	return e.Reason
}

// TestVectorCoverage tests that every row names rules and a source. For each named rule,
// there must be an accepted row and a refused row.
func TestVectorCoverage(t *testing.T) {
	passes, fails := make(map[string]int), make(map[string]int)
	rows := load(t).Rows
	for _, row := range rows {
		if len(row.Rules) == 0 || row.Source == "" {
			t.Errorf("%s: got rules %q and source %q, want both", row.Name, row.Rules, row.Source)
		}
		for _, rule := range row.Rules {
			if row.Reason == "" {
				passes[rule]++
			} else {
				fails[rule]++
			}
		}
	}
	for rule := range passes {
		if fails[rule] == 0 {
			t.Errorf("rule %s: got %d accepted rows and no refused row, want both", rule, passes[rule])
		}
	}
	for rule := range fails {
		if passes[rule] == 0 {
			t.Errorf("rule %s: got %d refused rows and no accepted row, want both", rule, fails[rule])
		}
	}
	if len(rows) < 300 {
		t.Errorf("got %d rows, want at least 300", len(rows))
	}
}
