package testkit

import (
	"bytes"
	"context"
	"sync"

	"github.com/bearerkit/bearer"
)

// Recorder is an observer that keeps the events. The zero Recorder is ready to use,
// by several goroutines at once.
type Recorder struct {
	mu     sync.Mutex // guards events
	events []bearer.Event
}

// Observe keeps the event.
func (r *Recorder) Observe(_ context.Context, e bearer.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// Take returns the events since the last call.
func (r *Recorder) Take() []bearer.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// Buffer is a bytes.Buffer for a log: one goroutine writes while another one reads.
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

// String returns what has been written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
