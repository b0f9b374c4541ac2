package jwks

import (
	"container/heap"
	"time"
)

// Limits distribute requests and bytes by the same rule, earliest deadline first (Virtual Clock,
// L. Zhang 1990). If n caches share the Limits, each is entitled to 1/n of the requests and
// bytes. The deadline of a cache that waits is the time at which this share, used from now on,
// has provided what the cache needs. So a cache that needs little comes before a cache that needs
// much, and all deadlines can be met, whatever the other caches do. Recent use moves the deadline
// of a cache into the future, so a cache that was idle comes first.
const (
	// memory is the factor by which the use of a cache delays its next deadline, compared with its
	// share. Because the factor is larger than 1, an idle cache comes before caches that were
	// served once, even if it needs a few times more than they do.
	memory = 8
	// maxDelay is the longest time by which earlier use delays a deadline. It limits how long any
	// cache waits.
	maxDelay = 5 * time.Minute
	// maxNeed is the longest time for which a cache can need its share, so that no deadline
	// overflows.
	maxNeed = 24 * time.Hour
)

// account records how much a cache has used of the requests or of the bytes.
type account struct {
	// within is the time from which on the cache has used no more than its share. Until then, the
	// cache is busy.
	within time.Time
	idle   time.Time // while the cache is busy, its deadlines count from this time on
}

// deadline returns the deadline for something that needs the share of the cache for the duration
// need.
func (a *account) deadline(now time.Time, need time.Duration) time.Time {
	if a.within.After(now) && a.idle.After(now) {
		now = a.idle
	}
	return now.Add(need)
}

// charge records that the cache used its share for the duration used.
func (a *account) charge(now time.Time, used time.Duration) {
	if !a.within.After(now) {
		a.within, a.idle = now, now
	}
	latest := now.Add(maxDelay)
	if a.within = a.within.Add(used); a.within.After(latest) {
		a.within = latest
	}
	if a.idle = a.idle.Add(memory * used); a.idle.After(latest) {
		a.idle = latest
	}
}

// place is a place in a queue.
type place struct {
	deadline time.Time
	number   uint64        // the number of earlier places
	index    int           // the index in the queue, or -1
	granted  chan struct{} // closed when the place is granted
}

func newPlace(deadline time.Time) place {
	return place{deadline: deadline, index: -1, granted: make(chan struct{})}
}

func (p *place) at() *place { return p }

// queue has its members in the order of their deadlines.
type queue[T interface{ at() *place }] struct {
	members heapOf[T]
	added   uint64
}

func (q *queue[T]) len() int { return len(q.members) }
func (q *queue[T]) first() T { return q.members[0] }

func (q *queue[T]) add(t T) {
	t.at().number = q.added
	q.added++
	heap.Push(&q.members, t)
}

// remove removes t and reports whether t was a member.
func (q *queue[T]) remove(t T) bool {
	if t.at().index < 0 {
		return false
	}
	heap.Remove(&q.members, t.at().index)
	return true
}

// heapOf implements [heap.Interface].
type heapOf[T interface{ at() *place }] []T

func (h heapOf[T]) Len() int { return len(h) }

func (h heapOf[T]) Less(i, j int) bool {
	a, b := h[i].at(), h[j].at()
	if a.deadline.Equal(b.deadline) {
		return a.number < b.number
	}
	return a.deadline.Before(b.deadline)
}

func (h heapOf[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at().index, h[j].at().index = i, j
}

func (h *heapOf[T]) Push(x any) {
	t, _ := x.(T)
	t.at().index = len(*h)
	*h = append(*h, t)
}

func (h *heapOf[T]) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	var none T
	(*h)[last] = none // for the garbage collector
	*h = (*h)[:last]
	t.at().index = -1
	return t
}
