package bearer

import (
	"context"
	"sync"
)

// flights is the tokens whose signatures are being verified, so that requests at
// the same time with one new token verify it once. They are as many as there are
// processors, and seldom two in one of the lists.
type flights [16]flightList

type flightList struct {
	mu    sync.Mutex // guards first, and the flights of the entries in the list
	first *entry
}

func (f *flights) list(e *entry) *flightList {
	id, _ := e.id.(digest)
	return &f[id[0]&15]
}

// flight is the verification of one entry, for those who wait for it.
type flight struct {
	next *entry
	done chan struct{} // made by the first who waits
}

// join returns nil where the caller is the first with this token, and has to call
// end; or else the entry of the one who is.
func (f *flights) join(e *entry) (other *entry, done <-chan struct{}) {
	list := f.list(e)
	list.mu.Lock()
	defer list.mu.Unlock()
	for other = list.first; other != nil; other = other.flight.next {
		if other.id == e.id {
			if other.flight.done == nil {
				other.flight.done = make(chan struct{})
			}
			return other, other.flight.done
		}
	}
	e.flight.next, list.first = list.first, e
	return nil, nil
}

// end tells those who wait whether e was verified. If it was not, each of them
// does its own: failures are not shared.
func (f *flights) end(e *entry, ok bool) {
	list := f.list(e)
	list.mu.Lock()
	defer list.mu.Unlock()
	at := &list.first
	for *at != e {
		at = &(*at).flight.next
	}
	*at, e.flight.next = e.flight.next, nil
	e.ok = ok
	if e.flight.done != nil {
		close(e.flight.done)
	}
}

// wait waits for the end of another request's verification, and reports whether
// that was a success.
func (e *entry) wait(ctx context.Context, done <-chan struct{}) (bool, error) {
	select {
	case <-done:
		return e.ok, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
