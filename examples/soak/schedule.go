package main

import (
	"context"
	"time"
)

// schedule calls send once per interval until ctx ends, and returns the number of calls. The
// argument of send is the number of the call, from 0. If a call takes longer than the
// interval, the next calls follow immediately until the schedule is met again. A time.Ticker
// loses these calls, so the rate falls for as long as the machine is slow.
func schedule(ctx context.Context, interval time.Duration, send func(n int)) int {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		timer.Reset(time.Until(began.Add(time.Duration(n) * interval)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return n
		}
		if ctx.Err() != nil { // select chooses at random if the call is late and ctx has ended
			return n
		}
		send(n)
	}
}
