package main

import (
	"context"
	"fmt"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/incident"
)

// keyfuncSubject is golang-jwt with the key cache of keyfunc, in the configuration of
// NewDefaultCtx. The cache refreshes its keys every hour. If a token has an unknown kid, the
// cache also refreshes its keys, but at most once in 5 minutes.
var keyfuncSubject = incident.Subject{Name: "keyfunc", Open: func(s incident.Setup) (incident.Verifier, error) {
	ctx, cancel := context.WithCancel(context.Background())
	// NewDefaultOverrideCtx does what NewDefaultCtx does, but the caller can change some
	// settings.
	// These overrides switch off the log of failed refreshes. If the incident has a refresh
	// interval, the overrides also set this interval.
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

// Verify implements incident.Verifier. It never returns incident.Unavailable, because keyfunc
// returns the same error for an outage and for an unknown key.
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
