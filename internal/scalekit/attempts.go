package scalekit

import (
	"sync"
	"time"
)

const (
	maxFailures        = 10              // that a client can have in a row
	failureRecovery    = 6 * time.Second // until one of them is forgotten
	maxUnknownFailures = 4096            // client IDs that do not exist, and are remembered
)

// attempts limits how often a client may fail to authenticate, so that secrets
// cannot be found by trying. Its zero value is ready.
type attempts struct {
	mu      sync.Mutex // guards what follows
	known   map[string]failures
	unknown map[string]failures
}

// failures leak out of a bucket, one each failureRecovery.
type failures struct {
	count float64
	at    time.Time
}

// try calls check, unless the client has failed too often: then nothing is
// compared, not even the right secret, and wait says for how long. IDs that do
// not exist are limited in the same way, so the limit does not tell which do.
func (a *attempts) try(id string, known bool, check func() bool) (ok bool, wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known, a.unknown = make(map[string]failures), make(map[string]failures)
	}
	in := a.known
	if !known {
		if in = a.unknown; len(in) >= maxUnknownFailures {
			clear(in) // nobody can be helped, or hurt, by what is lost
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

// forget drops what is known about clients that are gone.
func (a *attempts) forget(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		delete(a.known, id)
	}
}
