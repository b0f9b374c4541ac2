package proof

import (
	"container/heap"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// StepBack is the largest step of the clock into the past after which [Replays] still knows all
// proofs that can be valid again.
const StepBack = time.Minute

var (
	// ErrFull means that Replays has no place for a further proof.
	ErrFull = errors.New("the memory of used proofs is full")
	// ErrUsed means that a proof was used before. Package refusal tells an honest client whose HTTP
	// library has repeated a request (RFC 9449, section 7.3), so that the client sends a new proof.
	ErrUsed = errors.New("the proof was used before")
	// ErrShare means that one key has too many proofs in Replays.
	ErrShare = errors.New("too many proofs are signed with this key")
)

// Replays remembers which proofs were used (RFC 9449, section 11.1). It is bounded: it holds a
// number of proofs in all, and a smaller number of proofs of one key. If a bound is reached, it
// refuses new proofs, and never forgets one that can still be valid. It is safe for concurrent use.
//
// Replays holds about 150 bytes for each proof. It lives in the memory of the process. So a restart
// forgets all proofs, and each replica of a service accepts a proof once.
type Replays struct {
	size, share int

	mu     sync.Mutex // guards the fields below
	used   map[digest]struct{}
	counts map[digest]int // proofs in used, by key
	queue  queue
}

type digest [16]byte

// NewReplays returns an empty Replays for size proofs. At most share proofs may be of one key. Both
// must be positive.
func NewReplays(size, share int) *Replays {
	return &Replays{size: size, share: share, used: map[digest]struct{}{}, counts: map[digest]int{}}
}

// Seen reports whether id was used with this key before, and remembers that it is used now, in one
// step. Proofs are remembered until the time in until, and for StepBack longer. The error is ErrFull
// or ErrShare if a new id cannot be remembered. Then the id counts as not used.
func (r *Replays) Seen(key, id string, until time.Time) (bool, error) {
	k, v := digestOf(key), digestOf(key+"\x00"+id)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, seen := r.used[v]; seen {
		return true, nil
	}
	now := time.Now()
	r.forget(now)
	switch {
	case r.counts[k] >= r.share:
		return false, ErrShare
	case len(r.used) >= r.size:
		return false, ErrFull
	}
	r.used[v] = struct{}{}
	r.counts[k]++
	until = until.Round(0).Add(StepBack)
	heap.Push(&r.queue, entry{id: v, key: k, wall: until, steady: now.Add(until.Sub(now.Round(0)))})
	return false, nil
}

// Len returns the number of proofs that are remembered.
func (r *Replays) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(time.Now())
	return len(r.used)
}

// forget removes the proofs that cannot be valid any more. Both clocks of the process must say so:
// the wall clock, by which proofs are valid, can be set, and then it is wrong for a while.
func (r *Replays) forget(now time.Time) {
	for len(r.queue) > 0 {
		e := r.queue[0]
		if now.Before(e.steady) || now.Round(0).Before(e.wall) {
			return
		}
		heap.Pop(&r.queue)
		delete(r.used, e.id)
		if r.counts[e.key]--; r.counts[e.key] <= 0 {
			delete(r.counts, e.key)
		}
	}
}

func digestOf(text string) digest {
	sum := sha256.Sum256([]byte(text))
	return digest(sum[:16])
}

// entry is a used proof.
type entry struct {
	id, key digest
	wall    time.Time // the end by the wall clock; it has no monotonic reading
	steady  time.Time // the end by the monotonic clock
}

// queue is a heap of entries. The first one ends first by the monotonic clock.
type queue []entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].steady.Before(q[j].steady) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(entry)) } //nolint:errcheck,forcetypeassert // only Seen calls heap.Push

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}
