package jwks

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// maxEvents is the largest number of events that wait for Options.Observe.
	maxEvents = 1024
	// maxMissEvents is the same for the kinds MissFetch and MissDenied, because clients can cause
	// many of these events. The other kinds always find a free place.
	maxMissEvents = maxEvents / 2
	// observeTimeout is the time for which Close waits for Options.Observe.
	observeTimeout = 2 * time.Second
	// droppedInterval is the least time between two log records about dropped events, and between
	// two log records about panics in Options.Observe.
	droppedInterval = time.Minute
)

// notify queues an event for Options.Observe.
func (c *core) notify(e Event) { c.events.add(e) }

// notifier calls Options.Observe in a goroutine of its own, which ends when no event is left. So
// Observe may take its time and may call the methods of the cache. The calls are made one after
// another, in the order of the events.
type notifier struct {
	observe func(Event) // nil if Options.Observe is nil
	log     *slog.Logger
	issuer  string

	mu      sync.Mutex    // guards the fields below
	queue   []Event       // the events for which Observe was not called yet
	idle    chan struct{} // closed when the goroutine ends; nil if no goroutine runs
	closed  bool          // further events are ignored
	dropped int           // number of events that found no place since the last log record
	logged  time.Time     // the time of that record

	panics   int       // only call uses it: number of panics since the last log record
	panicked time.Time // only call uses it: the time of that record
}

// add queues an event and does not wait. If the queue is full, the event is dropped.
func (n *notifier) add(e Event) {
	if n.observe == nil {
		return
	}
	e.Issuer = n.issuer
	most := maxEvents
	if e.Kind == MissDenied || e.Kind == MissFetch {
		most = maxMissEvents
	}
	n.mu.Lock()
	dropped := 0
	switch {
	case n.closed:
	case len(n.queue) >= most:
		n.dropped++
		if now := time.Now(); now.Sub(n.logged) >= droppedInterval {
			dropped, n.dropped, n.logged = n.dropped, 0, now
		}
	default:
		n.queue = append(n.queue, e)
		if n.idle == nil {
			n.idle = make(chan struct{})
			go n.drain()
		}
	}
	n.mu.Unlock()
	if dropped > 0 {
		n.log.Warn("jwks: events are dropped, because Options.Observe is too slow", "issuer", n.issuer, "dropped", dropped)
	}
}

// drain calls Observe until no event is left.
func (n *notifier) drain() {
	for {
		n.mu.Lock()
		if len(n.queue) == 0 {
			n.queue = nil // the array may be large
			close(n.idle)
			n.idle = nil
			n.mu.Unlock()
			return
		}
		e := n.queue[0]
		n.queue[0] = Event{}
		n.queue = n.queue[1:]
		n.mu.Unlock()
		n.call(e)
	}
}

// call calls Observe. If Observe panics, call logs the panic and returns. It logs at most one record
// per minute, because clients can cause many events. Only one goroutine at a time calls call.
func (n *notifier) call(e Event) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		n.panics++
		if now := time.Now(); now.Sub(n.panicked) >= droppedInterval {
			n.log.Error("jwks: panic in Options.Observe", "issuer", n.issuer, "panic", v, "panics", n.panics)
			n.panics, n.panicked = 0, now
		}
	}()
	n.observe(e)
}

// close waits until Observe was called for all events, but at most for the duration limit. Then it
// drops the remaining events. It does not wait for a call in flight any longer.
func (n *notifier) close(limit time.Duration) {
	n.mu.Lock()
	idle := n.idle
	n.mu.Unlock()
	if idle != nil && limit > 0 {
		waitClosed(idle, limit)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed, n.queue = true, nil
}
