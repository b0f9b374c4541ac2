package scalekit

import (
	"slices"
	"sync"
	"time"
)

const maxOutcomes = 50

// outcome is the result of one token request. It contains no secret and no token.
type outcome struct {
	at       time.Time
	clientID string // empty if the client does not exist
	result   string // the value of tokenResponse.resultText
	status   int
	tokenID  string
}

// The type outcomes stores the outcomes of the latest token requests. It stores at most
// maxOutcomes outcomes. The zero value is ready to use.
type outcomes struct {
	mu     sync.Mutex // guards the field "latest"
	latest []outcome  // the oldest outcome is first
}

func (o *outcomes) add(new outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.latest) >= maxOutcomes {
		o.latest = slices.Delete(o.latest, 0, 1)
	}
	o.latest = append(o.latest, new)
}

// newestFirst returns a copy of the outcomes. The newest outcome is first.
func (o *outcomes) newestFirst() []outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := slices.Clone(o.latest)
	slices.Reverse(out)
	return out
}
