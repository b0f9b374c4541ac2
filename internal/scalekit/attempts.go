package scalekit

import (
	"sync"
	"time"
)

const (
	maxFailures        = 10              // number of failures after which a client must wait
	failureRecovery    = 6 * time.Second // the count of failures decreases by 1 in this time
	maxUnknownFailures = 4096            // maximum number of unknown client IDs whose failures are counted
)

// attemptLimiter limits the failed authentications of each client, so that an attacker
// cannot try many secrets. The zero value is ready to use.
type attemptLimiter struct {
	mu      sync.Mutex               // guards the fields below
	known   map[string]failureBucket // key: ID of an existing client
	unknown map[string]failureBucket // key: client ID that does not exist
}

// failureBucket is the leaky bucket of one client. The count decreases by 1 every
// failureRecovery.
type failureBucket struct {
	count float64
	at    time.Time
}

// limitedCheck calls the function check and returns its result. If the client has failed
// too often, limitedCheck does not call check and returns false, even if the secret is right.
// In this case, the result wait is the time until the next attempt is allowed. In all other
// cases, the result wait is 0. Unknown client IDs have the same limit as known client IDs, so a caller
// cannot learn from the limit whether an ID exists.
func (a *attemptLimiter) limitedCheck(id string, known bool, check func() bool) (ok bool, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known, a.unknown = make(map[string]failureBucket), make(map[string]failureBucket)
	}
	in := a.known
	if !known {
		if in = a.unknown; len(in) >= maxUnknownFailures {
			clear(in) // safe, because an unknown client has no secret that an attacker can guess
		}
	}
	now := time.Now()
	f := in[id]
	f.count = max(0, f.count-float64(now.Sub(f.at))/float64(failureRecovery))
	f.at = now
	if over := f.count + 1 - maxFailures; over > 0 {
		return false, time.Duration(over * float64(failureRecovery))
	}
	if check() {
		return true, 0
	}
	f.count++
	in[id] = f
	return false, 0
}

// forgetClients deletes the failure counts of deleted clients.
func (a *attemptLimiter) forgetClients(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		delete(a.known, id)
	}
}
