package scalekit

import (
	"sync"
	"time"
)

const (
	maxFailures        = 10              // failures after which a client must wait
	failureRecovery    = 6 * time.Second // time after which a failure no longer counts
	maxUnknownFailures = 4096            // limit of unknown client IDs with counted failures
)

// attempts limits failed authentications per client, so that an attacker cannot guess
// secrets by brute force. The zero value is ready to use.
type attempts struct {
	mu      sync.Mutex          // guards the fields below
	known   map[string]failures // by ID of an existing client
	unknown map[string]failures // by client ID that does not exist
}

// failures is the leaky bucket of one client: one failure leaks out every
// failureRecovery.
type failures struct {
	count float64
	at    time.Time
}

// try calls check and returns its result. If the client has failed too often, try does
// not call check, even for the right secret. Then wait is the time until the next
// attempt is allowed. Unknown client IDs have the same limit, so the limit does not
// reveal which IDs exist.
func (a *attempts) try(id string, known bool, check func() bool) (ok bool, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known, a.unknown = make(map[string]failures), make(map[string]failures)
	}
	in := a.known
	if !known {
		if in = a.unknown; len(in) >= maxUnknownFailures {
			clear(in) // harmless: an unknown client has no secret to guess
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

// forget drops the failures of deleted clients.
func (a *attempts) forget(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		delete(a.known, id)
	}
}
