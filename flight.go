package bearer

import (
	"context"
	"sync"
)

// flights is the tokens whose signatures are being verified, so that requests at
// the same time with one new token verify it once. Their number is that of the
// requests under way.
type flights [16]struct {
	mu    sync.Mutex // guards below, and the flights of entries in it
	below map[digest]*entry
}

// flight is the verification of one entry, for those who wait for it.
type flight struct {
	done chan struct{} // made by the first who waits
	ok   bool          // valid after done
}

// join returns nil where the caller is the first with this token, and has to call
// end; or else the entry of the one who is.
func (f *flights) join(e *entry) (other *entry, done <-chan struct{}) {
	s := &f[e.digest[0]&15]
	s.mu.Lock()
	defer s.mu.Unlock()
	other = s.below[e.digest]
	if other == nil {
		if s.below == nil {
			s.below = make(map[digest]*entry)
		}
		s.below[e.digest] = e
		return nil, nil
	}
	if other.flight.done == nil {
		other.flight.done = make(chan struct{})
	}
	return other, other.flight.done
}

// end tells those who wait whether e was verified. If it was not, each of them
// does its own: failures are not shared.
func (f *flights) end(e *entry, ok bool) {
	s := &f[e.digest[0]&15]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.below, e.digest)
	e.flight.ok = ok
	if e.flight.done != nil {
		close(e.flight.done)
	}
}

// wait waits for the end of another request's verification, and reports whether
// that was a success.
func (e *entry) wait(ctx context.Context, done <-chan struct{}) (bool, error) {
	select {
	case <-done:
		return e.flight.ok, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
