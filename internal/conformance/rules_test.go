package conformance_test

import (
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/internal/conformance"
)

// outcome is what came of a row, or should.
type outcome struct {
	reason bearer.Reason
	http   int
	grpc   string
}

// TestRules holds all doors against the rules that the vectors show, rule by
// rule. The rows of a rule share their verifiers, so that what one row left behind
// would be seen in the next one.
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
			t.Errorf("a vector names rule %q, which there is not", id)
		}
	}
	for _, rule := range checklist.Rules {
		rows := byRule[rule.ID]
		if len(rows) == 0 {
			continue // other tests are about it
		}
		checklist.Test(t, rule.ID, func(t *checklist.T) {
			synctest.Test(t.T, func(bubble *testing.T) {
				doors := make(map[string]*door)
				for _, row := range rows {
					key := row.Verifier + " " + row.Scope
					if doors[key] == nil {
						doors[key] = doorOf(bubble, vectors, row)
					}
					t.Want(row.Name, observed(bubble, doors[key], row), outcome{row.Reason, row.HTTP, row.GRPC})
				}
			})
		})
	}
}

// observed sends a row through all doors. The reason is the verifier's own where
// the guards ask it.
func observed(t *testing.T, d *door, row *conformance.Vector) outcome {
	t.Helper()
	h := d.overHTTP(t.Context(), row.Scope, row.Values())
	g := d.overGRPC(t.Context(), t, row.Scope, row.Values())
	o := outcome{http: h.status, grpc: g.code.String()}
	if h.reached != g.reached {
		t.Errorf("%s: got handler reached %v over HTTP and %v over gRPC", row.Name, h.reached, g.reached)
	}
	_, err := bearer.Decide(t.Context(), d.verifier, bearer.Request{Authorization: row.Values(), Rule: rule(row.Scope)})
	o.reason = reasonOf(t, err)
	return o
}
