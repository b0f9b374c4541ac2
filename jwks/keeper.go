package jwks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// keeper calls a Store, in a goroutine that lives as long as calls are to be
// made: neither the refresher nor those who wait for keys wait for a Store, and
// Close does for a bounded time. Calls never overlap, not even with one that did
// not return when it should have.
type keeper struct {
	store Store
	// failed is told what went wrong with a Save.
	failed func(error)

	mu    sync.Mutex    // guards all below
	idle  chan struct{} // closed when the goroutine ends; nil: there is none
	since time.Time     // when the call under way began
	next  []byte        // what is to be saved after it; of several the last
}

// load calls Load, and waits until ctx ends. Nothing was called before it.
func (k *keeper) load(ctx context.Context) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	loaded := make(chan result, 1)
	k.mu.Lock()
	k.idle, k.since = make(chan struct{}), time.Now()
	k.mu.Unlock()
	go func() {
		data, err := guard(func() ([]byte, error) { return k.store.Load(ctx) })
		loaded <- result{data, err}
		k.work() //nolint:contextcheck // what there is to save then is not part of the load
	}()
	select {
	case r := <-loaded:
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the store did not answer: %w", ctx.Err())
	}
}

// errBusy is told where a call lasts longer than it may.
var errBusy = errors.New("the store does not return from a call")

// save has data saved as soon as that can be.
func (k *keeper) save(data []byte) {
	k.mu.Lock()
	hangs := k.idle != nil && time.Since(k.since) > storeTimeout
	k.next = data
	if k.idle == nil {
		k.idle = make(chan struct{})
		go k.work()
	}
	k.mu.Unlock()
	if hangs {
		k.failed(errBusy)
	}
}

// work saves until there is nothing left to be saved.
func (k *keeper) work() {
	for {
		k.mu.Lock()
		data := k.next
		k.next, k.since = nil, time.Now()
		if data == nil {
			close(k.idle)
			k.idle = nil
			k.mu.Unlock()
			return
		}
		k.mu.Unlock()
		// Not under the cache's context: what has begun when the cache is closed
		// is what a restart will want.
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		_, err := guard(func() ([]byte, error) { return nil, k.store.Save(ctx, data) })
		cancel()
		if err != nil {
			k.failed(err)
		}
	}
}

// wait waits until nothing is left to be saved, for as long as one call may last.
func (k *keeper) wait() {
	k.mu.Lock()
	idle := k.idle
	k.mu.Unlock()
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

// guard makes a panic in somebody's Store an error of it.
func guard(call func() ([]byte, error)) (data []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in the store: %v", v)
		}
	}()
	return call()
}
