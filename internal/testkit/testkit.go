// Package testkit contains helpers for the tests of several packages: an issuer without a
// listener, a verifier for its tokens, and an observer that records events. The packages
// routertest and declaretest contain tests that every router adapter runs.
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

// NewIssuer returns an issuer without a listener. It signs with the first of algorithms,
// or with RS256 if algorithms is empty.
func NewIssuer(tb testing.TB, algorithms ...string) *bearertest.Issuer {
	tb.Helper()
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{Audience}, Algorithms: algorithms})
	tb.Cleanup(issuer.Close)
	return issuer
}

// Config returns the configuration of a verifier for Audience with the issuer's
// currently published keys. The verifier logs nothing.
func Config(tb testing.TB, issuer *bearertest.Issuer) bearer.Config {
	tb.Helper()
	keys, err := jwks.Parse(issuer.JWKS())
	if err != nil {
		tb.Fatal(err)
	}
	return bearer.Config{Issuer: issuer.URL(), Audience: []string{Audience}, Keys: keys, Logger: slog.New(slog.DiscardHandler)}
}

// NewVerifier returns a verifier with the configuration that Config returns. If change is
// not nil, it may change the configuration first. The verifier is closed at the end of
// the test.
func NewVerifier(tb testing.TB, issuer *bearertest.Issuer, change func(*bearer.Config)) *bearer.JWTVerifier {
	tb.Helper()
	cfg := Config(tb, issuer)
	if change != nil {
		change(&cfg)
	}
	v, err := bearer.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := v.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return v
}

// Refuse returns a verifier that refuses every token with err.
func Refuse(err error) bearer.Verifier {
	return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, err })
}

// WantError reports a test failure for each part that the text of err does not contain.
// The failure text begins with what.
func WantError(tb testing.TB, what string, err error, parts ...string) {
	tb.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			tb.Errorf("%s: got error %v, want %q in the text", what, err, part)
		}
	}
}

// Allocs returns the lowest result of several rounds of testing.AllocsPerRun, because
// other goroutines and the garbage collector can only add allocations. It calls f
// rounds*(runs+1) times.
func Allocs(rounds, runs int, f func()) float64 {
	lowest := math.Inf(1)
	for range rounds {
		lowest = min(lowest, testing.AllocsPerRun(runs, f))
	}
	return lowest
}
