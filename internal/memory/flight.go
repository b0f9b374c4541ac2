package memory

import (
	"context"
	"sync"
)

// flights holds the entries whose verification is under way, so that concurrent
// requests with one new token verify it once. There are about as many as processors, and
// rarely two in one list.
type flights[V any] [16]flightList[V]

type flightList[V any] struct {
	mu    sync.Mutex // guards first, and the flight of each entry in the list
	first *Entry[V]
}

func (f *flights[V]) listOf(e *Entry[V]) *flightList[V] {
	d, _ := e.digest.(Digest)
	return &f[d[0]&15]
}

// flight is the place of an entry in its list, and how waiters learn of the end.
type flight[V any] struct {
	next *Entry[V]
	done chan struct{} // made by the first waiter
}

// Join registers the verification of e. It returns nil if no other request is verifying
// this token: the caller verifies it and then calls [Index.End]. Otherwise it returns
// the entry of the request that does, and the channel for [Entry.Wait].
func (ix *Index[V]) Join(e *Entry[V]) (other *Entry[V], done <-chan struct{}) {
	list := ix.flights.listOf(e)
	list.mu.Lock()
	defer list.mu.Unlock()
	for other = list.first; other != nil; other = other.flight.next {
		if other.digest == e.digest {
			if other.flight.done == nil {
				other.flight.done = make(chan struct{})
			}
			return other, other.flight.done
		}
	}
	e.flight.next, list.first = list.first, e
	return nil, nil
}

// End ends a verification that Join registered, and tells waiters whether it succeeded.
// After a failure each waiter verifies the token itself: failures are not shared.
func (ix *Index[V]) End(e *Entry[V], ok bool) {
	list := ix.flights.listOf(e)
	list.mu.Lock()
	defer list.mu.Unlock()
	at := &list.first
	for *at != e {
		at = &(*at).flight.next
	}
	*at, e.flight.next = e.flight.next, nil
	if ok {
		e.marks.Or(proved)
	}
	if e.flight.done != nil {
		close(e.flight.done)
	}
}

// Wait waits until the verification under way ends, and reports whether it succeeded.
// The error is that of ctx, if ctx ends first.
func (e *Entry[V]) Wait(ctx context.Context, done <-chan struct{}) (ok bool, err error) {
	select {
	case <-done:
		return e.marks.Load()&proved != 0, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
