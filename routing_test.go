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

// crowd returns n issuers, the last of which has keys, and tokens of it: a good
// one, one that no key is asked for, and one of nobody.
func crowd(tb testing.TB, n int) (issuers *bearer.Issuers, tokens map[string]string) {
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
	remembered := issuer.Token(exp)
	// Now, and not when its turn comes: with it the header is known, which is also
	// the stranger's.
	if _, err := issuers.Verify(tb.Context(), remembered); err != nil {
		tb.Fatal(err)
	}
	return issuers, map[string]string{
		"remembered": remembered,
		"refused":    issuer.Mint(members{"alg": "none"}, exp),
		"stranger":   issuer.Token(members{"iss": "https://stranger.example"}),
	}
}

// TestRoutingAllocations wants a token among 1,000 issuers to cost no more memory
// than one among one.
func TestRoutingAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates too")
	}
	measured := map[string]map[int]float64{}
	for _, n := range []int{1, 1000} {
		issuers, tokens := crowd(t, n)
		for name, token := range tokens {
			if measured[name] == nil {
				measured[name] = map[int]float64{}
			}
			measured[name][n] = testkit.Allocs(10, 50, func() {
				_, _ = issuers.Verify(t.Context(), token) // what it costs, whatever it says
			})
		}
	}
	for name, got := range measured {
		if got[1000] > got[1] {
			t.Errorf("%s: got %v allocations among 1000 issuers, want the %v of one", name, got[1000], got[1])
		}
	}
	if got := measured["remembered"][1000]; got != 0 {
		t.Errorf("remembered: got %v allocations, want none", got)
	}
}

// BenchmarkIssuers shows what routing costs, and how many times as much among 1,000
// issuers as with one: they take turns, so that a busy machine slows both.
func BenchmarkIssuers(b *testing.B) {
	const batch = 64
	one, tokensOfOne := crowd(b, 1)
	many, tokensOfMany := crowd(b, 1000)
	for _, name := range []string{"remembered", "refused", "stranger"} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			run := func(issuers *bearer.Issuers, token string) time.Duration {
				start := time.Now()
				for range batch {
					_, _ = issuers.Verify(ctx, token) // what it costs, whatever it says
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
			b.ReportMetric(0, "ns/op") // of batches: it says nothing
			b.ReportMetric(float64(ofOne[median])/batch, "ns/token-of-1")
			b.ReportMetric(float64(ofMany[median])/batch, "ns/token-of-1000")
			b.ReportMetric(float64(ofMany[median])/float64(ofOne[median]), "1000-to-1")
		})
	}
}
