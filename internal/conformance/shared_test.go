package conformance_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/conformance"
)

// TestSharedVerifier sends all rows of a configuration through one verifier. Four
// goroutines send the rows in different orders, each row twice. Cached verdicts and pooled
// memory must not change a verdict.
func TestSharedVerifier(t *testing.T) {
	vectors := load(t)
	byVerifier := make(map[string][]*conformance.Vector)
	for _, row := range vectors.Rows {
		if row.Authorization == nil && len(row.Text()) < 1<<15 {
			byVerifier[row.Verifier] = append(byVerifier[row.Verifier], row)
			if row.Verifier == "rfc9068" && row.VerifyReason() != bearer.WrongIssuer {
				// For tokens of this issuer, a bearer.Issuers must give the same verdicts as
				// the verifier.
				byVerifier["issuers"] = append(byVerifier["issuers"], row)
			}
		}
	}
	for name, rows := range byVerifier {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, err := vectors.Verifier(name)
				if err != nil {
					t.Fatal(err)
				}
				backwards := slices.Clone(rows)
				slices.Reverse(backwards)
				var wg sync.WaitGroup
				for _, order := range [][]*conformance.Vector{rows, backwards, slices.Concat(backwards[len(rows)/3:], backwards[:len(rows)/3]), slices.Concat(rows[len(rows)/2:], rows[:len(rows)/2])} {
					wg.Go(func() {
						for _, row := range slices.Concat(order, order) {
							verifyShared(t, v, row)
						}
					})
				}
				wg.Wait()
			})
		})
	}
}

func verifyShared(t *testing.T, v bearer.Verifier, row *conformance.Vector) {
	t.Helper()
	c, err := v.Verify(t.Context(), row.Text())
	if got := reasonOf(t, err); got != row.VerifyReason() {
		t.Errorf("%s: got reason %q, want %q; error: %v", row.Name, got, row.VerifyReason(), err)
	}
	if err == nil && c.Subject() == "" {
		t.Errorf("%s: got claims without a subject, want one", row.Name)
	}
}
