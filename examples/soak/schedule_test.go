package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestScheduleKeepsTheRate tests that the number of requests per second is constant, although
// some requests take much longer to create than the interval between two requests. Such a
// request has a new RS256 token, or the machine is busy.
func TestScheduleKeepsTheRate(t *testing.T) {
	const (
		interval = 2 * time.Millisecond
		seconds  = 20
	)
	for _, row := range []struct {
		name  string
		stall func(n int) time.Duration // the time that the request n takes to create
		off   int                       // the largest difference from 500 requests in one second
	}{
		{"no stall", func(int) time.Duration { return 0 }, 1},
		{"stalls shorter than the interval", func(int) time.Duration { return 1900 * time.Microsecond }, 1},
		{"every tenth request has a slow signature", func(n int) time.Duration {
			if n%10 == 0 {
				return 15 * time.Millisecond
			}
			return 0
		}, 8},
		{"the machine stalls for 100 ms every 2 s", func(n int) time.Duration {
			if n%1000 == 999 {
				return 100 * time.Millisecond
			}
			return 0
		}, 50},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
				defer cancel()
				began, perSecond := time.Now(), make([]int, seconds)
				total := schedule(ctx, interval, func(n int) {
					time.Sleep(row.stall(n))
					if second := int(time.Since(began) / time.Second); second < seconds {
						perSecond[second]++
					}
				})
				const want = int(time.Second / interval)
				if total < want*seconds-row.off || total > want*seconds+1 {
					t.Errorf("got %d requests in %d s, want from %d to %d", total, seconds, want*seconds-row.off, want*seconds+1)
				}
				for second, got := range perSecond {
					if got < want-row.off-1 || got > want+row.off {
						t.Errorf("second %d: got %d requests, want %d and a difference of at most %d", second, got, want, row.off)
					}
				}
			})
		})
	}
}

// TestScheduleEnds tests that schedule makes no call after its context has ended, even if calls
// are late.
func TestScheduleEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := schedule(ctx, time.Millisecond, func(int) {
			if ctx.Err() != nil {
				t.Error("got a call after the end of the context")
			}
			time.Sleep(10 * time.Millisecond)
		})
		if got < 99 || got > 101 {
			t.Errorf("got %d calls in 1 s, each of 10 ms, want 99 to 101", got)
		}
	})
}
