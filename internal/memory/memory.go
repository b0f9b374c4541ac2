// Package memory caches the verdicts on verified tokens. An [Index] finds the entry of a
// token by a keyed digest of the token. If several concurrent requests carry the same new
// token, the Index lets them share one verification. A [Cache] limits how many entries one
// verifier stores, and evicts entries that expired or were not used recently.
//
// The package stores digests and opaque values, never tokens. The caller decides whether
// a cached verdict still holds.
package memory

import (
	"context"
	"sync"
	"sync/atomic"
)

// Entry is one cached verdict, or a verification in flight. Callers must not change an
// Entry after they passed it to [Cache.Store] or [Index.End].
type Entry[V any] struct {
	// Value is the caller's data about the token.
	Value V

	digest  any // a Digest; converted to an interface once, because each conversion allocates
	flight  flight[V]
	marks   atomic.Uint32
	expires uint32       // seconds since 1970, rounded down
	cost    int32        // bytes
	place   atomic.Int32 // index in the ring of the cache that stores the entry; written while the mutex of this cache is held
}

// The marks of an entry.
const (
	used   = 1 << iota // the entry was used since the hand of the cache's ring last passed it
	proved             // the verification in flight succeeded
)

// NewEntry returns an entry for the token with this digest.
func NewEntry[V any](d Digest) *Entry[V] { return &Entry[V]{digest: d} }

// Index finds entries by digest. If the caches of several issuers share one index, one
// lookup finds the token of any of these issuers, so the caller need not know the issuer.
// The method Find takes no lock, and returns nil if the Index is nil. Index is safe for
// concurrent use.
type Index[V any] struct {
	digester *digester
	entries  sync.Map // Digest to *Entry[V]
	flights  flights[V]
}

// NewIndex returns an empty index with its own random digest key.
func NewIndex[V any]() *Index[V] { return &Index[V]{digester: newDigester()} }

// Find sets d to the digest of the token and returns the token's entry, or nil. Before
// the call, *d must be zero, or a digest that the same index computed. The caller checks
// whether the verdict still holds. If the verdict holds, the caller calls [Entry.Use].
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

// Use marks an entry as recently used. The cache evicts entries without this mark first.
func (e *Entry[V]) Use() {
	if e.marks.Load()&used == 0 { // without this check, all cores write to one cache line
		e.marks.Or(used)
	}
}

// flights contains the entries whose verification is in flight, so that concurrent requests
// with the same new token share one verification. The number of verifications in flight is
// about the number of processors of the machine. flights has 16 lists, so that two of these
// verifications rarely use the same list.
type flights[V any] [16]flightList[V]

type flightList[V any] struct {
	mu    sync.Mutex // guards the field "first", and the field "flight" of each entry in the list
	first *Entry[V]
}

func (f *flights[V]) listOf(e *Entry[V]) *flightList[V] {
	d, _ := e.digest.(Digest)
	return &f[d[0]&15]
}

// flight links an entry into a list of flights, and signals the end of the entry's
// verification.
type flight[V any] struct {
	next *Entry[V]
	done chan struct{} // the first waiter makes the channel, and End closes it
}

// Join registers the verification of e, unless another request is verifying the same
// token. If Join registered e, it returns nil, and the caller verifies the token and then
// calls [Index.End]. Otherwise Join returns the entry of the other request and a channel.
// The caller passes this channel to the method [Entry.Wait] of the returned entry.
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

// End ends the verification that Join registered for e, and wakes the requests that wait
// for it. ok reports whether the verification succeeded. After a failure, each waiting
// request verifies the token itself, because failures are not shared.
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

// Wait waits until the verification of e ends. It reports whether the verification
// succeeded. done is the channel that [Index.Join] returned with e. If ctx ends first, Wait
// returns the error of ctx.
func (e *Entry[V]) Wait(ctx context.Context, done <-chan struct{}) (ok bool, err error) {
	select {
	case <-done:
		return e.marks.Load()&proved != 0, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
