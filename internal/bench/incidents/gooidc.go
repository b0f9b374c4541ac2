package main

import (
	"context"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/bearerkit/bearer/internal/incident"
)

// oidcSubject is the verifier of go-oidc with an oidc.RemoteKeySet. The key set fetches keys
// only if no cached key verifies a signature.
var oidcSubject = incident.Subject{Name: "go-oidc", Open: func(s incident.Setup) (incident.Verifier, error) {
	ctx, cancel := context.WithCancel(context.Background())
	keys := oidc.NewRemoteKeySet(ctx, s.KeysURL)
	return &oidcVerifier{
		cancel: cancel,
		verifier: oidc.NewVerifier(s.Issuer, keys, &oidc.Config{
			ClientID: s.Audience, SupportedSigningAlgs: algorithms,
		}),
	}, nil
}}

type oidcVerifier struct {
	verifier *oidc.IDTokenVerifier
	cancel   context.CancelFunc
}

// Verify implements incident.Verifier. It never returns incident.Unavailable, because go-oidc
// returns the same error for an outage and for an unknown key.
func (v *oidcVerifier) Verify(ctx context.Context, token string) incident.Outcome {
	if _, err := v.verifier.Verify(ctx, token); err != nil {
		return incident.Refused
	}
	return incident.Accepted
}

// Close implements incident.Verifier.
func (v *oidcVerifier) Close() error {
	v.cancel()
	return nil
}
