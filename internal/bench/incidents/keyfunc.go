package main

import (
	"context"
	"fmt"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/incident"
)

// keyfuncSubject is golang-jwt with keyfunc's cache in the configuration of NewDefaultCtx:
// it refreshes every hour, and at most every 5 minutes for an unknown kid.
var keyfuncSubject = incident.Subject{Name: "keyfunc", Open: func(s incident.Setup) (incident.Verifier, error) {
	ctx, cancel := context.WithCancel(context.Background())
	// NewDefaultOverrideCtx is NewDefaultCtx with overrides. Here they discard the log of
	// failed refreshes, and set the interval if the incident requires one.
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{s.KeysURL}, keyfunc.Override{
		RefreshInterval:         s.Interval,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) { return func(context.Context, error) {} },
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("keyfunc: %w", err)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods(algorithms),
		jwt.WithIssuer(s.Issuer), jwt.WithAudience(s.Audience), jwt.WithExpirationRequired(),
	)
	return &keyfuncVerifier{parser: parser, keys: keys, cancel: cancel}, nil
}}

type keyfuncVerifier struct {
	parser *jwt.Parser
	keys   keyfunc.Keyfunc
	cancel context.CancelFunc
}

// Verify implements incident.Verifier. The errors do not distinguish an outage from an
// unknown key.
func (v *keyfuncVerifier) Verify(ctx context.Context, token string) incident.Outcome {
	if _, err := v.parser.Parse(token, v.keys.KeyfuncCtx(ctx)); err != nil {
		return incident.Refused
	}
	return incident.Accepted
}

// Close implements incident.Verifier.
func (v *keyfuncVerifier) Close() error {
	v.cancel()
	return nil
}
