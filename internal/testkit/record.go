package testkit

import (
	"bytes"
	"context"
	"sync"

	"github.com/bearerkit/bearer"
)

// Recorder is an observer that records events. The zero value is ready to use. It is safe
// for concurrent use.
type Recorder struct {
	mu     sync.Mutex // guards events
	events []bearer.Event
}

// Observe records the event.
func (r *Recorder) Observe(_ context.Context, e bearer.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Take returns the events recorded since the last call of Take.
func (r *Recorder) Take() []bearer.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// Buffer is a bytes.Buffer for log output. It is safe for concurrent use.
type Buffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

// Write appends p.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

// String returns the text written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
