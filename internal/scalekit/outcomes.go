package scalekit

import (
	"slices"
	"sync"
	"time"
)

const maxOutcomes = 50

// outcome is what came of a request for a token. It has no secret and no token.
type outcome struct {
	at       time.Time
	clientID string // empty: none that exists
	result   string // "granted", or the error code
	status   int
	tokenID  string
}

// outcomes keeps the latest outcomes. Its zero value is ready.
type outcomes struct {
	mu     sync.Mutex // guards latest
	latest []outcome  // oldest first
}

func (o *outcomes) add(new outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.latest) >= maxOutcomes {
		o.latest = slices.Delete(o.latest, 0, 1)
	}
	o.latest = append(o.latest, new)
}

// newestFirst returns a copy.
func (o *outcomes) newestFirst() []outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := slices.Clone(o.latest)
	slices.Reverse(out)
	return out
}
