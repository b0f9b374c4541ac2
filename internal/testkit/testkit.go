// Package testkit contains helpers for the tests of several packages. The helpers are an issuer
// without a listener, a verifier for the tokens of this issuer, and an observer that records
// events. The package routertest contains tests that every router adapter runs. The package
// declaretest contains helpers for tests of invalid rules.
package testkit

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// Audience is the audience of the tokens of NewIssuer.
const Audience = "deployment-api"

// NewIssuer returns an issuer without a listener. The issuer signs with the first algorithm
// of the list. If the list is empty, the issuer signs with RS256.
func NewIssuer(tb testing.TB, algorithms ...string) *bearertest.Issuer {
	tb.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{Audience}, Algorithms: algorithms})
	tb.Cleanup(issuer.Close)
	return issuer
}

// Config returns the configuration of a verifier for Audience. The keys are the keys that the
// issuer publishes now. The verifier logs nothing.
func Config(tb testing.TB, issuer *bearertest.Issuer) bearer.Config {
	tb.Helper()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		tb.Fatal(err)
	}
	return bearer.Config{Issuer: issuer.URL(), Audience: []string{Audience}, Keys: keys, Logger: slog.New(slog.DiscardHandler)}
}

// NewVerifier returns a verifier with the configuration that Config returns. If adjust is not
// nil, NewVerifier first calls the function adjust, which may change the configuration.
// NewVerifier closes the verifier at the end of the test.
func NewVerifier(tb testing.TB, issuer *bearertest.Issuer, adjust func(*bearer.Config)) *bearer.JWTVerifier {
	tb.Helper()
	cfg := Config(tb, issuer)
	if adjust != nil {
		adjust(&cfg)
	}
	v, err := bearer.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Close(); err != nil {
			tb.Errorf("Close: got error %v, want none", err)
		}
	})
	return v
}

// Refuse returns a verifier that refuses every token with err.
func Refuse(err error) bearer.Verifier {
	return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, err })
}

// WantError checks that the text of err contains each of the parts. It reports a failure of
// the test for each missing part. The text of the failure begins with the
// argument "subject".
func WantError(tb testing.TB, subject string, err error, parts ...string) {
	tb.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			tb.Errorf("%s: got error %v, want %q in the text", subject, err, part)
		}
	}
}

// Allocs calls testing.AllocsPerRun several times and returns the lowest result, because
// other goroutines and the garbage collector can only add allocations. It calls the function
// f rounds*(runs+1) times.
func Allocs(rounds, runs int, f func()) float64 {
	lowest := math.Inf(1)
	for range rounds {
		lowest = min(lowest, testing.AllocsPerRun(runs, f))
	}
	return lowest
}
