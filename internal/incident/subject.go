// Package incident simulates incidents of a token issuer: floods of forged key ids, key
// rotations, outages, hostile responses. Each incident runs in real time against a real
// issuer on the loopback interface, and measures what happens to valid requests.
// examples/drill runs the incidents for package jwks. internal/bench runs them for other
// libraries too.
package incident

import (
	"context"
	"time"
)

// Outcome is the result of a request with a token.
type Outcome int

// The outcomes.
const (
	// Accepted: the token is valid.
	Accepted Outcome = iota
	// Refused: the token is invalid (401).
	Refused
	// Unavailable: the token cannot be verified, because there are no keys (503).
	Unavailable
)

// Subject is a library under test: a key cache and a verifier that uses it.
type Subject struct {
	// Name is the subject's name in tables.
	Name string
	// Open returns a verifier of an issuer's tokens. While the issuer is down, Open must
	// return within the time that a service may take to start.
	Open func(Setup) (Verifier, error)
}

// Setup is the configuration of a verifier.
type Setup struct {
	// Issuer is the "iss" of tokens. Audience is their "aud".
	Issuer, Audience string
	// KeysURL is the URL of the key set.
	KeysURL string
	// Interval is the time between refreshes of the keys. Incidents set it if they take
	// too long with the subject's default. Zero: the subject's default.
	Interval time.Duration
	// Store is the path of a file that keeps the keys across a restart, for subjects
	// that support this. Empty: none.
	Store string
}

// Verifier verifies tokens. It must be safe for concurrent use.
type Verifier interface {
	// Verify verifies one token. ctx is the context of the request.
	Verify(ctx context.Context, token string) Outcome
	// Close stops the verifier and, if the subject supports this, its goroutines.
	Close() error
}
