package conformance_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/checklist"
	"github.com/bearerkit/bearer/internal/testkit"
)

// TestSecrets sends all rows to an observer, and searches what it gets for parts
// of tokens.
func TestSecrets(t *testing.T) {
	vectors := load(t)
	checklist.Test(t, "Z03", func(t *checklist.T) {
		told, leaks := 0, 0
		for _, row := range vectors.Rows {
			synctest.Test(t.T, func(bubble *testing.T) {
				var seen testkit.Recorder
				cfg, err := vectors.Verifiers[row.Verifier].Config()
				if err != nil {
					bubble.Fatal(err)
				}
				cfg.Observer = &seen
				v, err := bearer.New(cfg)
				if err != nil {
					bubble.Fatal(err)
				}
				d := newDoor(bubble, v, row.Scope)
				answers := []any{d.overHTTP(bubble.Context(), row.Scope, row.Values()), d.overGRPC(bubble.Context(), bubble, row.Scope, row.Values())}
				events := seen.Take()
				if len(events) != 3 { // a request, a call and a stream
					bubble.Errorf("%s: got %d events, want 3", row.Name, len(events))
				}
				for _, event := range events {
					told++
					text := fmt.Sprintf("%s %s %v %v %v %v", event.Route, event.Issuer, event.Reason, event.Claims, event.Err, answers)
					if part := partOf(text, row.Values()); part != "" {
						leaks++
						bubble.Errorf("%s: got %.20q... of the token in %q", row.Name, part, text)
					}
				}
			})
		}
		t.Want("events with a token in them", leaks, 0)
		t.Want("events", told, 3*len(vectors.Rows))
	})
}

// partOf returns a part of the credentials that text has, if it has one that is
// long enough to be told from a name.
func partOf(text string, values []string) string {
	for _, value := range values {
		for part := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == '.' || c == ' ' || c == ',' }) {
			if len(part) > 40 && strings.Contains(text, part) {
				return part
			}
		}
	}
	return ""
}
