package main

import (
	"context"
	"errors"
	"sync"

	"github.com/bearerkit/bearer"
)

// The verifiers in this file return wrong verdicts, for TestWrongVerdicts.

// lenient returns a verifier that ignores refusals for reason while ignore returns true.
// For a token that it accepts wrongly, the verifier returns the claims of the last valid
// token.
func lenient(cfg bearer.Config, reason bearer.Reason, ignore func() bool) (bearer.Verifier, error) {
	strict, err := bearer.New(cfg)
	if err != nil {
		return nil, err
	}
	var (
		mu   sync.Mutex // guards good
		good *bearer.Claims
	)
	return bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		claims, err := strict.Verify(ctx, token)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			good = claims
		}
		if errors.Is(err, reason) && ignore() {
			return good, nil
		}
		return claims, err
	}), nil
}

func always() bool { return true }

// onceExpired returns a verifier that accepts the first expired token.
func onceExpired(cfg bearer.Config) (bearer.Verifier, error) {
	var once sync.Once
	return lenient(cfg, bearer.Expired, func() (first bool) {
		once.Do(func() { first = true })
		return first
	})
}

// wrongReason returns a verifier that refuses tampered tokens as malformed.
func wrongReason(cfg bearer.Config) (bearer.Verifier, error) {
	strict, err := bearer.New(cfg)
	if err != nil {
		return nil, err
	}
	return bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		claims, err := strict.Verify(ctx, token)
		if errors.Is(err, bearer.BadSignature) {
			return nil, bearer.Malformed
		}
		return claims, err
	}), nil
}

// denyAll returns a verifier that refuses all tokens.
func denyAll(bearer.Config) (bearer.Verifier, error) {
	return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, bearer.BadSignature
	}), nil
}

// wrongCaller returns a verifier that returns another caller's custom claims.
func wrongCaller(cfg bearer.Config) (bearer.Verifier, error) {
	cfg.Custom = func([]byte) (any, error) {
		var d deployer
		d.Custom.GitHubRepository, d.Custom.Environment = "acmecorp/website", "production_us"
		return d, nil
	}
	return bearer.New(cfg)
}

// noCustom returns a verifier that does not decode custom claims.
func noCustom(cfg bearer.Config) (bearer.Verifier, error) {
	cfg.Custom = nil
	return bearer.New(cfg)
}
