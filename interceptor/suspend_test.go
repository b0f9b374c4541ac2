package interceptor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/scopes"
)

// wallClock is a wall clock that tests can set. The virtual time of a synctest bubble is the
// monotonic clock, which does not jump.
type wallClock struct{ offset atomic.Int64 }

func (c *wallClock) now() time.Time { return time.Now().Round(0).Add(time.Duration(c.offset.Load())) }

// TestStreamsOverJump checks when a stream ends if the wall clock jumps while the stream is open.
// If a machine is suspended, its wall clock jumps forward, and the monotonic clock and all timers
// stop. The tests simulate a suspend; no real machine was suspended.
func TestStreamsOverJump(t *testing.T) {
	const (
		tick         = 5 * time.Second
		betweenTicks = time.Minute + 500*time.Millisecond // the guard reads the clock at whole seconds
	)
	type jump struct{ at, by time.Duration }
	for _, row := range []struct {
		name     string
		opts     interceptor.Options
		jumps    []jump
		from, to time.Duration // the stream must end in this period after its start
		most     int32         // the maximum number of checks after the stream has opened
	}{
		{"no jump", interceptor.Options{ExpireStreams: true}, nil, lifetime, lifetime, 1},
		{"an hour forward", interceptor.Options{ExpireStreams: true}, []jump{{time.Minute, time.Hour}}, time.Minute, time.Minute + tick, 1},
		{"an hour forward, shortly before the end", interceptor.Options{ExpireStreams: true}, []jump{{lifetime - time.Second, time.Hour}}, lifetime - time.Second, lifetime, 1},
		{"a minute forward", interceptor.Options{ExpireStreams: true}, []jump{{time.Minute, time.Minute}}, lifetime - time.Minute, lifetime - time.Minute + time.Second, 1},
		{"an hour back", interceptor.Options{ExpireStreams: true}, []jump{{time.Minute, -time.Hour}}, lifetime + time.Hour, lifetime + time.Hour, 1},
		{"an hour back and forward", interceptor.Options{ExpireStreams: true}, []jump{{time.Minute, -time.Hour}, {2 * time.Minute, time.Hour}}, lifetime, lifetime, 2},
		{"an hour forward and back at once", interceptor.Options{ExpireStreams: true}, []jump{{betweenTicks, time.Hour}, {betweenTicks, -time.Hour}}, lifetime, lifetime, 1},
		{
			"rechecks, an hour forward",
			interceptor.Options{RecheckStreams: 30 * time.Minute},
			[]jump{{time.Minute, time.Hour}},
			time.Minute, time.Minute + tick, 1,
		},
		{
			"rechecks, an hour back",
			interceptor.Options{RecheckStreams: 4 * time.Minute},
			[]jump{{time.Minute, -time.Hour}},
			72 * time.Minute, 72 * time.Minute, 18,
		},
		{
			"both, an hour forward",
			interceptor.Options{ExpireStreams: true, RecheckStreams: 30 * time.Minute},
			[]jump{{time.Minute, time.Hour}},
			time.Minute, time.Minute + tick, 2,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock, issuer, start := &wallClock{}, newIssuer(t), time.Now()
				exp := start.Add(lifetime)
				token := issuer.Token(map[string]any{"scope": "talk", "exp": exp})
				claims, err := newVerifier(t, issuer, nil).Verify(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				var calls atomic.Int32
				v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
					calls.Add(1)
					if !clock.now().Before(exp.Round(0)) {
						return nil, bearer.Expired
					}
					return claims, nil
				})
				guard := newGuard(t, v, scopes.Methods{"/test.v1.Echo/*": scopes.All("talk")}, &row.opts)
				interceptor.SetWallClock(guard, clock.now)
				conn, stop := connect(t, onBufconn, echo{talk: func(ss grpc.ServerStream) error { return handleRecv(nil, ss) }}, guard.ServerOptions()...)
				defer stop()
				for _, j := range row.jumps {
					time.AfterFunc(j.at, func() { clock.offset.Add(int64(j.by)) })
				}
				talking := openTalk(t.Context(), t, conn, "Bearer "+token)
				err = drain(talking)
				end := time.Since(start)
				header, _ := talking.Header()
				if got := readVerdict(t, err, header); got != expired || end < row.from || end > row.to {
					t.Errorf("got %+v after %v, want %+v after %v to %v", got, end, expired, row.from, row.to)
				}
				if got := calls.Load() - 1; got > row.most {
					t.Errorf("got %d checks of the open stream, want at most %d", got, row.most)
				}
				synctest.Wait()
				checkNoLease(t)
				if n, timer := interceptor.PendingChecks(guard); n != 0 || timer {
					t.Errorf("after the stream: got %d pending checks and a timer: %v, want none", n, timer)
				}
			})
		})
	}
}

// TestManyStreams opens streams whose tokens expire at random times, while the wall clock jumps at
// random. Some streams end earlier. No stream may be open 6 s after its token has expired, or 6 s
// after a jump. No stream may end before its token expires. After the streams, no check and no
// timer may remain.
func TestManyStreams(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test needs the same numbers each time
			clock, start := &wallClock{}, time.Now()
			var jumped atomic.Int64 // when the wall clock jumped last
			refuse := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Expired })
			guard := newGuard(t, refuse, echoRules, &interceptor.Options{ExpireStreams: true})
			interceptor.SetWallClock(guard, clock.now)
			var streams sync.WaitGroup
			for i := range 500 {
				expiry := time.Now().Round(0).Add(time.Duration(1+random.IntN(3600)) * time.Second)
				opens, leaves := time.Duration(random.IntN(600))*time.Second, time.Duration(random.IntN(7200))*time.Second
				streams.Go(func() {
					time.Sleep(opens)
					release, ended := interceptor.OpenLease(guard, expiry)
					defer release()
					timer := time.NewTimer(leaves)
					defer timer.Stop()
					late := clock.now().After(expiry)
					select {
					case <-ended:
						if left := expiry.Sub(clock.now()); left > 0 {
							t.Errorf("seed %d, stream %d: ended %v before its token expires", seed, i, left)
						}
					case <-timer.C:
						if over := clock.now().Sub(expiry); over > 6*time.Second && time.Since(start) > time.Duration(jumped.Load())+6*time.Second && !late {
							t.Errorf("seed %d, stream %d: open %v after its token expired", seed, i, over)
						}
					}
				})
			}
			time.Sleep(time.Second/2 + 1) // checks run at other times, so no jump occurs during a check
			for range 20 {
				time.Sleep(time.Duration(random.IntN(600)) * time.Second)
				clock.offset.Add(int64(time.Duration(random.IntN(1800)-900) * time.Second))
				jumped.Store(int64(time.Since(start)))
			}
			streams.Wait()
			synctest.Wait()
			if n, timer := interceptor.PendingChecks(guard); n != 0 || timer {
				t.Errorf("seed %d: got %d pending checks and a timer: %v, want none", seed, n, timer)
			}
		})
	}
}

// openStream is a stream that has opened and gets no messages.
type openStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // the result of the method Context
}

func (s *openStream) Context() context.Context { return s.ctx }

// TestChecksAfterJump opens 3,000 streams evenly in 30 s, which is their interval between checks.
// So 100 checks begin each second. Then the wall clock jumps once. The additional checks must begin
// at most 5 s later, and not all at once. After these 5 s, 100 checks must begin each second again.
func TestChecksAfterJump(t *testing.T) {
	const (
		streams, interval = 3000, 30 * time.Second
		jumped, end       = 92, 300 // seconds after the start
		promised          = 5       // seconds between a jump and the last additional check
		even              = streams / int(interval/time.Second)
	)
	for _, jump := range []time.Duration{20 * time.Second, time.Minute, 8*time.Hour + 10*time.Second} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock, start := &wallClock{}, time.Now()
				var begun [end + 60]atomic.Int64 // the number of checks that began in each second
				v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) {
					begun[time.Since(start)/time.Second].Add(1)
					return new(bearer.Claims), nil
				})
				guard := newGuard(t, v, scopes.Methods{"/test.v1.Echo/*": scopes.All()}, &interceptor.Options{RecheckStreams: interval})
				interceptor.SetWallClock(guard, clock.now)
				ctx, cancel := context.WithCancel(metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer a.b.c")))
				var open sync.WaitGroup
				for range streams {
					open.Go(func() {
						//nolint:contextcheck // the stream contains the context
						err := guard.Stream(nil, &openStream{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: "/test.v1.Echo/Talk"}, func(_ any, ss grpc.ServerStream) error {
							<-ss.Context().Done()
							return nil
						})
						if err != nil {
							t.Errorf("got error %v, want none", err)
						}
					})
					time.Sleep(interval / streams)
				}
				time.Sleep(jumped*time.Second - time.Since(start))
				clock.offset.Add(int64(jump))
				time.Sleep(end*time.Second - time.Since(start))
				cancel()
				open.Wait()

				checks := func(from, to int) (most, sum int) {
					for i := from; i < to; i++ {
						n := int(begun[i].Load())
						most, sum = max(most, n), sum+n
					}
					return most, sum
				}
				if most, _ := checks(int(interval/time.Second), jumped); most > even+even/10 {
					t.Fatalf("before the jump: got %d checks in one second, want about %d", most, even)
				}
				most, sum := checks(jumped, jumped+promised)
				additional := int(min(jump, interval)) / int(interval/streams)
				if most > additional/promised*3/2+even+even/10 {
					t.Errorf("after the jump: got %d checks in one second, want at most 1.5 times of the even distribution", most)
				}
				if sum < additional {
					t.Errorf("got %d checks in the %d s after the jump, want at least %d", sum, promised, additional)
				}
				if most, _ := checks(jumped+promised, end); most > even+even/10 {
					t.Errorf("later: got %d checks in one second, want about %d", most, even)
				}
			})
		})
	}
}

// TestJumpsDelayNoCheck checks that a jump of the wall clock never makes a check later. Not even
// repeated jumps may do so.
func TestJumpsDelayNoCheck(t *testing.T) {
	const hour = time.Hour
	for _, row := range []struct {
		name  string
		jumps []time.Duration // after the streams have opened; the wall clock jumps by an hour each time
		want  time.Duration   // the maximum time until the end of the last stream
	}{
		{"no jump", nil, hour},
		{"one jump", []time.Duration{time.Minute}, time.Minute + 5*time.Second},
		{"shortly before the end", []time.Duration{hour - time.Second}, hour},
		{"every two seconds", []time.Duration{60 * time.Second, 62 * time.Second, 64 * time.Second, 66 * time.Second, 68 * time.Second}, time.Minute + 5*time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock, start := &wallClock{}, time.Now()
				refuse := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Expired })
				guard := newGuard(t, refuse, echoRules, &interceptor.Options{ExpireStreams: true})
				interceptor.SetWallClock(guard, clock.now)
				for _, at := range row.jumps {
					time.AfterFunc(at, func() { clock.offset.Add(int64(hour)) })
				}
				var open []<-chan struct{}
				for range 100 {
					release, ended := interceptor.OpenLease(guard, clock.now().Add(hour))
					defer release()
					open = append(open, ended)
				}
				for _, ended := range open {
					<-ended
				}
				if got := time.Since(start); got > row.want {
					t.Errorf("got the end of the last stream after %v, want at most %v", got, row.want)
				}
			})
		})
	}
}

// TestStreamOpensAfterJump opens a stream directly after a jump, before the timer of the guard
// fires. The checks that became due by the jump must then start at once, one after the other.
func TestStreamOpensAfterJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock, start := &wallClock{}, time.Now()
		refuse := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Expired })
		guard := newGuard(t, refuse, echoRules, &interceptor.Options{ExpireStreams: true})
		interceptor.SetWallClock(guard, clock.now)
		open := func() <-chan struct{} {
			release, ended := interceptor.OpenLease(guard, clock.now().Add(time.Hour))
			t.Cleanup(release)
			return ended
		}
		first := open()
		time.Sleep(100 * time.Millisecond)
		clock.offset.Add(int64(2 * time.Hour))
		open()
		<-first
		if got := time.Since(start); got != 100*time.Millisecond {
			t.Errorf("got the end of the first stream after %v, want it after 100 ms, when the other stream opened", got)
		}
	})
}

// BenchmarkStreams measures the cost of open streams that have nothing to do: one tick, which
// occurs every second, and the begin and end of one more stream.
func BenchmarkStreams(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		refuse := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, bearer.Expired })
		guard, err := interceptor.New(refuse, echoRules, &interceptor.Options{ExpireStreams: true})
		if err != nil {
			b.Fatal(err)
		}
		var release []func()
		for i := range n {
			end, _ := interceptor.OpenLease(guard, time.Now().Add(time.Hour+time.Duration(i)*time.Millisecond))
			release = append(release, end)
		}
		b.Run(fmt.Sprintf("tick/streams=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				interceptor.Tick(guard)
			}
		})
		b.Run(fmt.Sprintf("open/streams=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				end, _ := interceptor.OpenLease(guard, time.Now().Add(time.Minute))
				end()
			}
		})
		for _, end := range release {
			end()
		}
	}
}
