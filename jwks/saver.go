package jwks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// saver calls a Store in its own goroutine, which ends when nothing is left to save. So a
// slow Save delays neither the refresher nor lookups. Close, and the load before the first
// fetch, wait for storeTimeout at most. Calls to the Store never overlap, not even with a
// call that continues after its context has ended.
type saver struct {
	store  Store
	failed func(error) // called with the error of a Save

	mu    sync.Mutex    // guards all below
	idle  chan struct{} // closed when the goroutine ends; nil if none runs
	since time.Time     // when the call in flight began
	next  []byte        // the newest data to save after that call; nil if none
}

// load calls Store.Load and waits for the data until ctx ends. load must be called before
// save.
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
		s.drain() //nolint:contextcheck // a Save is not part of the load
	}()
	select {
	case r := <-loaded:
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the store did not answer: %w", ctx.Err())
	}
}

// errBusy reports a call to the Store that takes longer than storeTimeout.
var errBusy = errors.New("a call to the store has not returned in time")

// save queues data for the Store and does not wait. The data replaces data that is still
// queued.
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

// drain saves queued data until none is left.
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
		// The context is not the cache's: a Save that runs when the cache is closed must
		// finish, because a restart needs the data.
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		_, err := catchPanic(func() ([]byte, error) { return nil, s.store.Save(ctx, data) })
		cancel()
		if err != nil {
			s.failed(err)
		}
	}
}

// wait waits until nothing is left to save, for storeTimeout at most.
func (s *saver) wait() {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle == nil {
		return
	}
	timer := time.NewTimer(storeTimeout)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

// catchPanic runs call, which calls a Store. It returns a panic as an error.
func catchPanic(call func() ([]byte, error)) (data []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in the store: %v", v)
		}
	}()
	return call()
}
