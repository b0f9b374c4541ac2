// Package memory remembers verdicts on tokens: it finds one by a keyed digest of the
// token, lets concurrent requests with one new token share its verification, and
// forgets what expired or what must make room. It knows digests and entries with an
// opaque value. It does not know tokens, and it does not decide whether a remembered
// verdict still holds.
package memory

import (
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
