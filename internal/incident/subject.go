// Package incident makes what happens to the key set of an issuer happen: forged
// key ids by the thousand, rotations, outages, hostile bodies. It runs against a
// real issuer on the loopback interface and in real time, and measures what
// becomes of honest requests. examples/drill puts ours through it, and
// internal/bench other libraries as well, so that all get the same.
package incident

import (
	"context"
	"time"
)

// Outcome is what a request with a token comes to.
type Outcome int

// The outcomes.
const (
	// Accepted: the token is good.
	Accepted Outcome = iota
	// Refused: the token is said to be bad: a 401.
	Refused
	// Unavailable: nothing can be said about the token, for lack of keys: a 503.
	Unavailable
)

// Subject is what is put through the incidents: a way to keep keys, and a
// verifier that uses it.
type Subject struct {
	// Name is what tables call it.
	Name string
	// Open returns a verifier of an issuer's tokens. It must not wait for the
	// issuer longer than a service could at its start.
	Open func(Setup) (Verifier, error)
}

// Setup is what a verifier is to accept, and how it is to get the keys.
type Setup struct {
	// Issuer is what tokens say in "iss", Audience in "aud".
	Issuer, Audience string
	// KeysURL is where the key set is.
	KeysURL string
	// Interval is how often keys are to be refreshed, where an incident would
	// take too long otherwise. Zero: as the subject does by itself.
	Interval time.Duration
	// Store is the path of a file for keys to be kept in over a restart, for
	// subjects that can. Empty: none.
	Store string
}

// Verifier decides about tokens. It is used by many goroutines at once.
type Verifier interface {
	// Verify decides about one token. The context is that of one request.
	Verify(ctx context.Context, token string) Outcome
	// Close ends it. Nothing of it is left then, where the subject sees to that.
	Close() error
}
