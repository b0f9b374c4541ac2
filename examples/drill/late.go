package main

import (
	"time"

	"github.com/bearerkit/bearer/internal/incident"
)

// maxTolerance is the maximum of tolerance.
const maxTolerance = time.Second

// tolerance returns the time by which a promised time may be exceeded, because the machine is busy.
// A promised time ends after a timer and a few switches of goroutines, and each of them can be
// late by up to r.Late. On an idle machine, the tolerance is a few milliseconds.
func tolerance(r incident.Result) time.Duration { return min(2*r.Late, maxTolerance) }

// watchLateness begins to measure how late timers fire in this process. The function stop returns
// the longest delay.
func watchLateness() (stop func() time.Duration) {
	const interval = 10 * time.Millisecond
	end, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		var late time.Duration
		for {
			start := time.Now()
			select {
			case <-end:
				longest <- late
				return
			case <-time.After(interval):
				late = max(late, time.Since(start)-interval)
			}
		}
	}()
	return func() time.Duration {
		close(end)
		return <-longest
	}
}
