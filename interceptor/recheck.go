package interceptor

import (
	"container/heap"
	"sync"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
)

const (
	// maxTick is the longest time between two readings of the wall clock while a check is pending.
	// Timers of Go stop while the machine is suspended, so the guard notices at most maxTick after
	// the machine continues that checks became due during this time.
	maxTick = time.Second
	// maxDelay is the longest time between a jump of the wall clock and the start of a check that
	// became due by the jump. All such checks become due at once, and the guard spreads them over
	// this time.
	maxDelay = 5 * time.Second
	// minJump is the shortest difference between the wall clock and the monotonic clock that
	// counts as a jump. Shorter differences also occur if the system corrects its clock, or if
	// the goroutine waits for a processor between its readings of both clocks.
	minJump = time.Second
	// maxStarts is the maximum number of checks that the schedule starts before it unlocks.
	maxStarts = 1000
)

// schedule starts the checks of a guard's open streams. All streams share one timer, so the cost
// of an idle stream is its place in a heap. There is no timer and no goroutine while no check is
// pending. A schedule is safe for concurrent use.
type schedule struct {
	wall func() time.Time // returns the time of the wall clock; tests replace this function

	mu      sync.Mutex // guards the fields below
	clock   jumpClock
	pending checks
	timer   *time.Timer   // calls tick; nil if no check is pending
	fires   time.Duration // the time on clock at which the timer fires
}

func newSchedule() *schedule {
	return &schedule{wall: func() time.Time { return time.Now().Round(0) }} // without the monotonic clock reading
}

// jumpClock measures time. It runs with the monotonic clock and also includes the time by which
// the wall clock jumps forward. It never goes back. So an interval of this clock ends early, and
// never late, if the machine was suspended or an operator changed the wall clock.
type jumpClock struct {
	start, startWall time.Time
	offset           time.Duration // by which the wall clock was ahead of the monotonic clock at the last jump
	jumped           time.Duration // the sum of all jumps forward
	read             time.Duration // the time of the monotonic clock at the last reading
}

// now returns the time since start. The argument wall is the time of the wall clock. If the wall
// clock has jumped forward since the last reading, the result jump is the length of the jump, and
// ago is the longest time that can have passed since the jump.
func (c *jumpClock) now(wall time.Time) (now, jump, ago time.Duration) {
	elapsed := time.Since(c.start)
	ago, c.read = elapsed-c.read, elapsed
	offset := wall.Sub(c.startWall) - elapsed
	if change := offset - c.offset; change >= minJump || change <= -minJump {
		c.offset = offset
		jump = max(change, 0)
		c.jumped += jump
	}
	return elapsed + c.jumped, jump, ago
}

// check is a repeated check of an open stream.
type check struct {
	lease *lease
	// interval is the time between two checks. It is also the time limit for each check.
	interval time.Duration
	// expiry is the time on the wall clock at which the checks begin. If it is zero, the checks
	// begin one interval after the stream has opened.
	expiry time.Time

	due     time.Duration // guarded by schedule.mu, like the fields below; the time on schedule.clock
	planned time.Duration // the value of due before jumps of the wall clock changed it
	late    time.Duration // the part of an interval by which the running check started late
	place   int           // the place in schedule.pending, or -1
	removed bool
}

// untilExpiry returns the time until the checks begin. The result is not positive if the checks
// have begun.
func (c *check) untilExpiry(wall time.Time) time.Duration {
	if c.expiry.IsZero() {
		return 0
	}
	return c.expiry.Sub(wall)
}

// add makes a check due after the duration wait.
func (s *schedule) add(c *check, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.removed {
		return
	}
	if len(s.pending) == 0 {
		s.clock = jumpClock{start: time.Now(), startWall: s.wall()}
	}
	now := s.now()
	c.due = now + wait
	c.planned = c.due
	heap.Push(&s.pending, c)
	if s.timer == nil || s.pending[0].due < s.fires {
		s.arm(now)
	}
}

// now returns the time on s.clock. If the wall clock has jumped, now changes when the pending
// checks are due. The caller holds s.mu.
func (s *schedule) now() time.Duration {
	now, jump, ago := s.clock.now(s.wall())
	if jump > 0 {
		s.fires += jump // the timer does not jump
		s.spread(now, jump, max(maxDelay-ago, 0))
	}
	return now
}

// spread makes the checks that became due by a jump due one after the other, within the duration
// limit. No check starts later than without the jump. The caller holds s.mu.
func (s *schedule) spread(now, jump, limit time.Duration) {
	overdue := 0
	for _, c := range s.pending {
		if c.due <= now {
			overdue++
		}
	}
	started := 0
	for _, c := range s.pending {
		if c.due <= now {
			c.due = min(c.due+jump, now+time.Duration(float64(limit)*float64(started)/float64(overdue)))
			started++
		}
	}
	heap.Init(&s.pending)
}

// remove removes a check. After remove, the schedule does not start the check.
func (s *schedule) remove(c *check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.removed = true
	if c.place >= 0 {
		heap.Remove(&s.pending, c.place)
	}
	if len(s.pending) == 0 && s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// arm sets the timer to the time at which the first check is due, or to the next tick. The
// caller holds s.mu.
func (s *schedule) arm(now time.Duration) {
	wait := min(max(s.pending[0].due-now, 0), maxTick)
	s.fires = now + wait
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.tick)
	} else {
		s.timer.Reset(wait)
	}
}

// tick starts the checks that are due.
func (s *schedule) tick() {
	for {
		due := s.takeDue()
		for _, c := range due {
			go c.run()
		}
		if len(due) < maxStarts {
			return
		}
	}
}

// takeDue removes at most maxStarts checks that are due and returns these checks. If there are
// no more such checks, takeDue sets the timer.
func (s *schedule) takeDue() (due []*check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		s.timer = nil
		return nil
	}
	now := s.now()
	for len(s.pending) > 0 && len(due) < maxStarts && s.pending[0].due <= now {
		c, _ := heap.Pop(&s.pending).(*check)
		// The mutex is locked, so the method release of the lease does not yet wait.
		c.lease.running.Add(1)
		c.late = (now - c.planned) % c.interval
		due = append(due, c)
	}
	switch {
	case len(s.pending) == 0:
		s.timer = nil
	case len(due) < maxStarts:
		s.arm(now)
	}
	return due
}

// run checks the caller once. It ends the lease, or adds the next check to the schedule.
func (c *check) run() {
	l, s := c.lease, c.lease.guard.schedule
	defer l.running.Done()
	if l.ctx.Err() != nil {
		return
	}
	if wait := c.untilExpiry(s.wall()); wait > 0 {
		s.add(c, wait) // the wall clock was set back
		return
	}
	err := l.recheck(c.interval)
	if err == nil {
		// The checks that became due by a jump keep their distances from each other. Otherwise
		// the next checks of all these streams start in the same few seconds.
		s.add(c, c.interval-c.late)
		return
	}
	if reason := refusal.Of(err).Reason; !c.expiry.IsZero() && (reason == bearer.KeysUnavailable || reason == bearer.KeyNotAsked) {
		err = &bearer.Error{Reason: bearer.Expired, Err: err}
	}
	l.endLease(err)
}

// checks is a heap of checks. The first check is due first.
type checks []*check

func (h checks) Len() int           { return len(h) }
func (h checks) Less(i, j int) bool { return h[i].due < h[j].due }

func (h checks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements [heap.Interface].
func (h *checks) Push(x any) {
	if c, ok := x.(*check); ok {
		c.place = len(*h)
		*h = append(*h, c)
	}
}

// Pop implements [heap.Interface].
func (h *checks) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = nil
	*h, c.place = (*h)[:last], -1
	return c
}
