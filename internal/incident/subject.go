// Package incident simulates incidents of a token issuer, such as floods of forged key ids,
// key rotations, outages and hostile responses. Each incident runs in real time against a real
// issuer on the loopback interface. It measures the results of valid requests. The program
// examples/drill runs the incidents with package jwks. The program internal/bench/incidents
// runs most of them with other libraries too.
package incident

import (
	"context"
	"time"
)

// Outcome is the result of a request with a token.
type Outcome int

// These are the outcomes.
const (
	// Accepted means that the token is valid.
	Accepted Outcome = iota
	// Refused means that the token is invalid. A server answers 401.
	Refused
	// Unavailable means that the verifier has no key for the token, because it cannot fetch
	// keys. A server answers 503.
	Unavailable
	// NotAsked means that the verifier has no key for the token, and that its limit on fetches
	// does not allow it to ask the issuer yet. A server answers 503, and says in Retry-After when to
	// come back.
	NotAsked
)

// Subject is a library under test. It consists of a key cache and a verifier that uses the
// cache.
type Subject struct {
	// Name is the subject's name in tables.
	Name string
	// Open returns a verifier for the tokens of an issuer. Even if the issuer is down, Open must
	// return a verifier within the time that a service may take to start.
	Open func(Setup) (Verifier, error)
}

// Setup is the configuration of a verifier.
type Setup struct {
	// Issuer is the "iss" of valid tokens. Audience is the "aud" of valid tokens.
	Issuer, Audience string
	// KeysURL is the URL of the key set.
	KeysURL string
	// Interval is the time between two refreshes of the keys. An incident sets Interval if the
	// incident takes too long with the default of the subject. Zero means the default of the
	// subject.
	Interval time.Duration
	// Store is the path of a file that keeps the keys during a restart. Subjects that have no
	// file store ignore Store. An empty Store means no file.
	Store string
	// Discover makes the verifier find the URL of the key set in the metadata of the issuer. Subjects
	// that cannot do this ignore Discover.
	Discover bool
}

// Verifier verifies tokens. It must be safe for concurrent use.
type Verifier interface {
	// Verify verifies one token. ctx is the context of the request.
	Verify(ctx context.Context, token string) Outcome
	// Close stops the verifier. If the library can stop the goroutines of the verifier, Close
	// also stops these goroutines.
	Close() error
}

// Prober is a Verifier with a readiness check.
type Prober interface {
	Verifier
	// Probe makes one readiness check. It reports whether the service may get requests.
	Probe() bool
}
