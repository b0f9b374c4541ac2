package interceptor

import (
	"context"
	"time"

	"github.com/bearerkit/bearer"
)

// SetWallClock replaces the wall clock that decides when the guard checks open streams. Call
// SetWallClock before the first stream opens.
func SetWallClock(g *Guard, wall func() time.Time) { g.schedule.wall = wall }

// PendingChecks returns the number of checks of open streams that are pending, and whether the
// guard has a timer.
func PendingChecks(g *Guard) (checks int, timer bool) {
	g.schedule.mu.Lock()
	defer g.schedule.mu.Unlock()
	return len(g.schedule.pending), g.schedule.timer != nil
}

// Tick does what the timer of the guard does.
func Tick(g *Guard) { g.schedule.tick() }

// OpenLease adds the check of an open stream whose token expires at the time expiry. The channel
// is closed when the check ends the stream. The function release must be called at the end.
func OpenLease(g *Guard, expiry time.Time) (release func(), ended <-chan struct{}) {
	l := &lease{guard: g, call: context.Background(), req: &bearer.Request{}, over: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.startCheck(&check{interval: leeway, expiry: expiry})
	return l.release, l.over
}
