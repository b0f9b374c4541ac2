package jwks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// saver calls a Store in a separate goroutine, which ends when no data is left to save. So a
// slow Save delays neither the refresher nor lookups. Close waits at most storeTimeout for the
// goroutine. The first fetch waits at most storeTimeout for Load. The goroutine makes the next
// call to the Store only after the previous call has returned, even if the context of the
// previous call has ended.
type saver struct {
	store  Store
	failed func(error) // called if a Save fails or takes longer than storeTimeout

	mu    sync.Mutex    // guards the fields below
	idle  chan struct{} // closed when the goroutine ends; nil if no goroutine runs
	since time.Time     // the start time of the call in flight
	next  []byte        // the data to save after the call in flight; nil if there is none
}

// isIdle reports whether no call to the Store is in flight.
func (s *saver) isIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle == nil
}

// load calls Store.Load, and waits for the data until ctx ends. load must not be called
// while a call to the Store is in flight.
func (s *saver) load(ctx context.Context) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	loaded := make(chan result, 1)
	s.mu.Lock()
	s.idle, s.since = make(chan struct{}), time.Now()
	s.mu.Unlock()
	go func() {
		data, err := catchPanic(func() ([]byte, error) { return s.store.Load(ctx) })
		loaded <- result{data, err}
		s.drain() //nolint:contextcheck // the calls of Save must not end with ctx
	}()
	select {
	case r := <-loaded:
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the store did not answer: %w", ctx.Err())
	}
}

// errBusy means that a call to the Store takes longer than storeTimeout.
var errBusy = errors.New("a call to the store has not returned in time")

// save queues data and does not wait. If older data is still in the queue, data replaces it.
func (s *saver) save(data []byte) {
	s.mu.Lock()
	hangs := s.idle != nil && time.Since(s.since) > storeTimeout
	s.next = data
	if s.idle == nil {
		s.idle = make(chan struct{})
		go s.drain()
	}
	s.mu.Unlock()
	if hangs {
		s.failed(errBusy)
	}
}

// drain saves queued data until no data is left.
func (s *saver) drain() {
	for {
		s.mu.Lock()
		data := s.next
		s.next, s.since = nil, time.Now()
		if data == nil {
			close(s.idle)
			s.idle = nil
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		// This context does not end when the cache is closed. A Save in flight must finish,
		// because the next start of the service needs the data.
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		_, err := catchPanic(func() ([]byte, error) { return nil, s.store.Save(ctx, data) })
		cancel()
		if err != nil {
			s.failed(err)
		}
	}
}

// waitIdle waits at most storeTimeout until no data is left to save.
func (s *saver) waitIdle() {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle != nil {
		waitClosed(idle, storeTimeout)
	}
}

// waitClosed waits until done is closed, but at most for the duration limit.
func waitClosed(done <-chan struct{}, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// catchPanic calls callStore, which is a function that calls a Store. If this function panics,
// catchPanic returns the panic as an error.
func catchPanic(callStore func() ([]byte, error)) (data []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in the store: %v", v)
		}
	}()
	return callStore()
}
