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

// TestSecrets sends all rows through verifiers with an observer and searches the events
// and the answers for parts of the tokens.
func TestSecrets(t *testing.T) {
	vectors := load(t)
	checklist.Test(t, "Z03", func(t *checklist.T) {
		observed, leaks := 0, 0
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
				guards := newGuardSet(bubble, v, required(row))
				answers := []any{guards.overHTTP(bubble.Context(), required(row), row.Values()), guards.overGRPC(bubble.Context(), bubble, required(row), row.Values())}
				events := seen.Take()
				if len(events) != 3 { // one event each for the HTTP request, the unary call and the stream
					bubble.Errorf("%s: got %d events, want 3", row.Name, len(events))
				}
				for _, event := range events {
					observed++
					text := fmt.Sprintf("%s %s %v %v %v %v", event.Route, event.Issuer, event.Reason, event.Claims, event.Err, answers)
					if part := leakedPart(text, row.Values()); part != "" {
						leaks++
						bubble.Errorf("%s: got the part %.20q... of the token in %q, want no part of the token", row.Name, part, text)
					}
				}
			})
		}
		t.Want("number of events that contain a part of a token", leaks, 0)
		t.Want("number of events", observed, 3*len(vectors.Rows))
	})
}

// leakedPart returns a part of the credentials that text contains, or "". It ignores parts of
// up to 40 bytes, because short parts can be names.
func leakedPart(text string, values []string) string {
	for _, value := range values {
		for part := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == '.' || c == ' ' || c == ',' }) {
			if len(part) > 40 && strings.Contains(text, part) {
				return part
			}
		}
	}
	return ""
}
