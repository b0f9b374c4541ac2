package main

import (
	"context"
	"errors"
	"sync"

	"github.com/bearerkit/bearer"
)

// TestWrongVerdicts uses the verifiers in this file. These verifiers return wrong verdicts
// on tokens.

// lenientVerifier returns a verifier that accepts some invalid tokens. If a token must
// be refused with this reason, the verifier calls the function ignore. If this function returns
// true, the verifier accepts the token and returns the claims of the last valid token.
func lenientVerifier(cfg bearer.Config, reason bearer.Reason, ignore func() bool) (bearer.Verifier, error) {
	strict, err := bearer.New(cfg)
	if err != nil {
		return nil, err
	}
	var (
		mu         sync.Mutex // guards lastClaims
		lastClaims *bearer.Claims
	)
	return wrapping{strict, func(ctx context.Context, token string) (*bearer.Claims, error) {
		claims, err := strict.Verify(ctx, token)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			lastClaims = claims
		}
		if errors.Is(err, reason) && ignore() {
			return lastClaims, nil
		}
		return claims, err
	}}, nil
}

// wrapping is a verifier that wraps another one. It accepts the same bindings.
type wrapping struct {
	*bearer.JWTVerifier
	verify bearer.VerifierFunc
}

func (w wrapping) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	return w.verify(ctx, token)
}

// lenientProofs returns a verifier that ignores this reason of the check of proofs.
func lenientProofs(reason bearer.Reason) func(bearer.Config) (bearer.Verifier, error) {
	return func(cfg bearer.Config) (bearer.Verifier, error) {
		check := cfg.Bindings[0].Check
		cfg.Bindings[0].Check = func(ctx context.Context, p bearer.Proof) error {
			err := check(ctx, p)
			if refused, ok := errors.AsType[*bearer.Error](err); ok && refused.Reason == reason {
				return nil
			}
			return err
		}
		return bearer.New(cfg)
	}
}

func always() bool { return true }

// onceExpired returns a verifier that accepts the first expired token. The verifier refuses
// all later expired tokens.
func onceExpired(cfg bearer.Config) (bearer.Verifier, error) {
	var once sync.Once
	return lenientVerifier(cfg, bearer.Expired, func() (first bool) {
		once.Do(func() { first = true })
		return first
	})
}

// wrongReason returns a verifier that refuses tampered tokens with the reason expired.
func wrongReason(cfg bearer.Config) (bearer.Verifier, error) {
	strict, err := bearer.New(cfg)
	if err != nil {
		return nil, err
	}
	return wrapping{strict, func(ctx context.Context, token string) (*bearer.Claims, error) {
		claims, err := strict.Verify(ctx, token)
		if errors.Is(err, bearer.BadSignature) {
			return nil, bearer.Expired
		}
		return claims, err
	}}, nil
}

// denyAll returns a verifier that refuses all tokens.
func denyAll(bearer.Config) (bearer.Verifier, error) {
	return bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
		return nil, bearer.BadSignature
	}), nil
}

// wrongCaller returns a verifier that returns the custom claims of a different caller.
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
