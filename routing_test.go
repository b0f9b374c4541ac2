package bearer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
)

// manyIssuers returns n issuers and three tokens: a cached token of the last issuer, a token
// that is refused before its key is looked up, and a token of an unknown issuer.
func manyIssuers(tb testing.TB, n int) (issuers *bearer.Issuers, tokens map[string]string) {
	tb.Helper()
	issuers = new(bearer.Issuers)
	last := fmt.Sprintf("https://issuer-%d.example", n-1)
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: last, Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
	tb.Cleanup(issuer.Close)
	cfg := testkit.Config(tb, issuer)
	cfgs := make([]bearer.Config, n)
	for i := range cfgs {
		cfg.Issuer = fmt.Sprintf("https://issuer-%d.example", i)
		cfgs[i] = cfg
	}
	if err := issuers.Add(cfgs...); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = issuers.Close() })
	exp := members{"exp": time.Now().Add(time.Hour)}
	cached := issuer.Token(exp)
	// This call caches the token and its header. The token of the unknown issuer has the same
	// header.
	if _, err := issuers.Verify(tb.Context(), cached); err != nil {
		tb.Fatal(err)
	}
	return issuers, map[string]string{
		"cached":         cached,
		"refused":        issuer.Mint(members{"alg": "none"}, exp),
		"unknown issuer": issuer.Token(members{"iss": "https://unknown.example"}),
	}
}

// TestRoutingAllocations tests that the verification of a token with 1,000 issuers allocates
// no more than the verification with one issuer.
func TestRoutingAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector adds allocations")
	}
	measured := map[string]map[int]float64{}
	for _, n := range []int{1, 1000} {
		issuers, tokens := manyIssuers(t, n)
		for name, token := range tokens {
			if measured[name] == nil {
				measured[name] = map[int]float64{}
			}
			measured[name][n] = testkit.Allocs(10, 50, func() {
				_, _ = issuers.Verify(t.Context(), token) // The test measures only the allocations.
			})
		}
	}
	for name, got := range measured {
		if got[1000] > got[1] {
			t.Errorf("%s: got %v allocations with 1,000 issuers, want at most %v, the number of allocations with one issuer", name, got[1000], got[1])
		}
	}
	if got := measured["cached"][1000]; got != 0 {
		t.Errorf("cached: got %v allocations, want none", got)
	}
}

// BenchmarkIssuers measures the verification of tokens with one issuer and with 1,000
// issuers, and the ratio of the two times. The two measurements alternate, so that other
// load on the machine affects both measurements.
func BenchmarkIssuers(b *testing.B) {
	const batch = 64
	one, tokensOfOne := manyIssuers(b, 1)
	many, tokensOfMany := manyIssuers(b, 1000)
	for _, name := range []string{"cached", "refused", "unknown issuer"} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			run := func(issuers *bearer.Issuers, token string) time.Duration {
				start := time.Now()
				for range batch {
					_, _ = issuers.Verify(ctx, token) // The benchmark measures only the time.
				}
				return time.Since(start)
			}
			var ofOne, ofMany []time.Duration
			for b.Loop() {
				ofOne = append(ofOne, run(one, tokensOfOne[name]))
				ofMany = append(ofMany, run(many, tokensOfMany[name]))
			}
			slices.Sort(ofOne)
			slices.Sort(ofMany)
			median := len(ofOne) / 2
			b.ReportMetric(0, "ns/op") // removes ns/op from the report, because ns/op is the time of two batches
			b.ReportMetric(float64(ofOne[median])/batch, "ns/token-of-1")
			b.ReportMetric(float64(ofMany[median])/batch, "ns/token-of-1000")
			b.ReportMetric(float64(ofMany[median])/float64(ofOne[median]), "1000-to-1")
		})
	}
}
