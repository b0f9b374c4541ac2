package conformance_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/internal/conformance"
)

// outcome is the verdict on a row. The test compares the observed outcome with the wanted
// outcome.
type outcome struct {
	reason bearer.Reason
	http   int
	grpc   string
	told   string // the reason in the gRPC status, in upper case
}

// TestRules sends the vectors of each rule through the verifier and both guards. If two
// vectors of a rule have the same settings and the same requirement, they share one verifier. A
// vector must not change the verdict on the next vector.
func TestRules(t *testing.T) {
	vectors := load(t)
	byRule := make(map[string][]*conformance.Vector)
	for _, row := range vectors.Rows {
		for _, id := range row.Rules {
			byRule[id] = append(byRule[id], row)
		}
	}
	for id := range byRule {
		if _, ok := checklist.Find(id); !ok {
			t.Errorf("got rule %q in a vector, want a rule of the checklist", id)
		}
	}
	for _, rule := range checklist.Rules {
		rows := byRule[rule.ID]
		if len(rows) == 0 {
			continue // tests of other packages cover the rule
		}
		checklist.Test(t, rule.ID, func(t *checklist.T) {
			synctest.Test(t.T, func(bubble *testing.T) {
				guards := make(map[string]*guardSet)
				for _, row := range rows {
					key := row.Verifier + " " + required(row)
					if guards[key] == nil {
						guards[key] = guardSetFor(bubble, vectors, row)
					}
					t.Want(row.Name, observed(bubble, guards[key], row), outcome{row.Reason, row.HTTP, row.GRPC, strings.ToUpper(row.ToldReason())})
				}
			})
		})
	}
}

// observed sends a row to the HTTP guard, to the gRPC guard and to Decide, and returns the
// outcome.
func observed(t *testing.T, guards *guardSet, row *conformance.Vector) outcome {
	t.Helper()
	h := guards.overHTTP(t.Context(), required(row), row.Values())
	g := guards.overGRPC(t.Context(), t, required(row), row.Values())
	o := outcome{http: h.status, grpc: g.code.String(), told: g.reason}
	if h.reached != g.reached {
		t.Errorf("%s: got a call of the handler = %v over HTTP and %v over gRPC, want the same value", row.Name, h.reached, g.reached)
	}
	_, err := bearer.Decide(t.Context(), guards.verifier, bearer.Request{Authorization: row.Values(), Rule: rule(required(row))})
	o.reason = reasonOf(t, err)
	return o
}
