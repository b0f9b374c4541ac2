package main

import (
	"context"
	"errors"
	"sync"

	"github.com/bearerkit/bearer"
)

// The verifiers here are wrong, each in its way.

// lenient returns a verifier that takes tokens which are to be refused for a
// reason for one that it accepted before, whenever also says so.
func lenient(cfg bearer.Config, reason bearer.Reason, also func() bool) (bearer.Verifier, error) {
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
		if errors.Is(err, reason) && also() {
			return good, nil
		}
		return claims, err
	}), nil
}

func always() bool { return true }

// onceExpired accepts the first token that is expired.
func onceExpired(cfg bearer.Config) (bearer.Verifier, error) {
	var once sync.Once
	return lenient(cfg, bearer.Expired, func() (first bool) {
		once.Do(func() { first = true })
		return first
	})
}

// misjudge refuses what is tampered with, and calls it malformed.
func misjudge(cfg bearer.Config) (bearer.Verifier, error) {
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

// denyAll accepts nothing.
func denyAll(bearer.Config) (bearer.Verifier, error) {
	return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, bearer.BadSignature
	}), nil
}

// somebodyElse takes every caller for another one.
func somebodyElse(cfg bearer.Config) (bearer.Verifier, error) {
	cfg.Custom = func([]byte) (any, error) {
		var d deployer
		d.Custom.GitHubRepository, d.Custom.Environment = "acmecorp/website", "production_us"
		return d, nil
	}
	return bearer.New(cfg)
}

// noCustom leaves handlers without custom claims.
func noCustom(cfg bearer.Config) (bearer.Verifier, error) {
	cfg.Custom = nil
	return bearer.New(cfg)
}
