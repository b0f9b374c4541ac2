// Package memory remembers verdicts on tokens: it finds one by a keyed digest of the
// token, lets concurrent requests with one new token share its verification, and
// forgets what expired or what must make room. It knows digests and entries with an
// opaque value. It does not know tokens, and it does not decide whether a remembered
// verdict still holds.
package memory

import (
	"context"
	"sync"
	"sync/atomic"
)

// Entry is one remembered verdict, or one under way. Everything but the marks that the
// package keeps is immutable once [Cache.Store] or [Index.End] was called.
type Entry[V any] struct {
	// Value is what the caller remembers.
	Value V

	digest  any // a Digest, in the form in which the index stores it
	flight  flight[V]
	marks   atomic.Uint32
	expires uint32       // seconds since 1970, rounded down
	cost    int32        // bytes
	place   atomic.Int32 // in the ring of the cache that stores it, and written under its mutex
}

// The marks of an entry.
const (
	used   = 1 << iota // since the hand of the ring last passed
	proved             // the verification that waiters wait for succeeded
)

// NewEntry returns an entry for the token with this digest.
func NewEntry[V any](d Digest) *Entry[V] { return &Entry[V]{digest: d} }

// Index finds entries. Several caches may share one: all issuers' tokens are found in
// one look-up, before the token's issuer is known. Finding takes no lock. A nil Index
// remembers nothing. It is safe for concurrent use.
type Index[V any] struct {
	digester *digester
	entries  sync.Map // Digest to *Entry[V]
	flights  flights[V]
}

// NewIndex returns an empty index with a key of its own for digests.
func NewIndex[V any]() *Index[V] { return &Index[V]{digester: newDigester()} }

// Find sets d to the digest of the token and returns the token's entry, or nil. The
// caller checks that the verdict still holds, and calls [Entry.Use] if it uses it.
func (ix *Index[V]) Find(d *Digest, token []byte) *Entry[V] {
	if ix == nil {
		return nil
	}
	ix.digester.sum(d, token)
	found, ok := ix.entries.Load(*d)
	if !ok {
		return nil
	}
	e, _ := found.(*Entry[V])
	return e
}

// Use marks an entry as used, so that it outlives entries that nobody asks for.
func (e *Entry[V]) Use() {
	if e.marks.Load()&used == 0 { // or else every core would write to one cache line
		e.marks.Or(used)
	}
}

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
