package incident

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// Outage is an issuer that is down for 15 s, with a refresh interval of 1 s.
func Outage(ctx context.Context, s Subject) (r Result, err error) {
	const while = 15 * time.Second
	i := newIssuer()
	defer i.Close()
	setup := i.setup()
	setup.Interval = time.Second
	v, err := open(ctx, s, setup, i)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	tokens := i.tokens(callers)
	i.down()
	i.count()
	var t tally
	t.callers(ctx, v, callers, 50*time.Millisecond, while, func(caller int) string { return tokens[caller] })
	r = result(&t, i)
	r.Story = fmt.Sprintf("the issuer is down for %v, refresh interval 1 s: asked %d times", while, r.Fetches)
	return r, ctx.Err()
}

// Start is a service that starts while its issuer is down, which returns after
// 6 s. Honest requests come all the time; counted are those before the return.
func Start(ctx context.Context, s Subject) (Result, error) {
	return starting(ctx, s, (*issuer).down, "is down")
}

// StartHanging is Start with an issuer that accepts connections, never answers,
// and leaves those hanging when it is well again.
func StartHanging(ctx context.Context, s Subject) (Result, error) {
	return starting(ctx, s, (*issuer).hang, "never answers")
}

func starting(ctx context.Context, s Subject, fall func(*issuer), what string) (r Result, err error) {
	const while = 6 * time.Second
	i := newIssuer()
	defer i.Close()
	fall(i)
	start := time.Now()
	v, err := s.Open(i.setup())
	if err != nil {
		return r, err
	}
	blocked := time.Since(start)
	defer func() { err = closing(v, err) }()
	token := i.Token(nil)
	var t tally
	t.callers(ctx, v, 5, 100*time.Millisecond, while, func(int) string { return token })
	r = result(&t, i)
	i.well()
	start = time.Now()
	r.Never = v.Verify(ctx, token) != Accepted
	r.After = time.Since(start)
	first := fmt.Sprintf("accepted, after %v", Short(r.After))
	if r.Never {
		first = "refused"
	}
	r.Story = fmt.Sprintf("the issuer %s at the start (which took %v) and for %v; the first request after its return: %s", what, Short(blocked), while, first)
	return r, ctx.Err()
}

// Restart is a service that stops, and starts again while its issuer is down, with
// a store for the keys if the subject has such a thing. Requests come for 3 s.
func Restart(ctx context.Context, s Subject) (r Result, err error) {
	folder, err := os.MkdirTemp("", "incident")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // it is below the system's temporary folder
	i := newIssuer()
	defer i.Close()
	setup := i.setup()
	setup.Store = filepath.Join(folder, "keys")
	before, err := open(ctx, s, setup, i)
	if err != nil {
		return r, err
	}
	if err := before.Close(); err != nil {
		return r, err
	}
	i.down()
	i.count()
	v, err := s.Open(setup)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	tokens := i.tokens(callers)
	var t tally
	t.callers(ctx, v, callers, 100*time.Millisecond, 3*time.Second, func(caller int) string { return tokens[caller] })
	r = result(&t, i)
	r.Story = "a service that stores its keys stops, the issuer goes down, the service starts again"
	return r, ctx.Err()
}

// HangPatience is how long those wait in Hang whom nobody answers.
const HangPatience = 15 * time.Second

// Hang is an issuer that accepts connections and never answers. Requests with
// known keys go on; others come with a key id that is not known, one every 50 ms.
// It counts goroutines, so that nothing else may go on in the process.
func Hang(ctx context.Context, s Subject) (r Result, err error) {
	const while = 6 * time.Second
	i := newIssuer()
	defer i.Close()
	running := runtime.NumGoroutine()
	v, err := open(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	i.hang()
	tokens, forger := i.tokens(callers), i.forger()
	request, cancel := context.WithTimeout(ctx, HangPatience)
	defer cancel()
	var known, unknown tally
	var wg sync.WaitGroup
	start := time.Now()
	wg.Go(func() {
		known.callers(ctx, v, callers, 50*time.Millisecond, while, func(caller int) string { return tokens[caller] })
	})
	for k := range int(while / (50 * time.Millisecond)) {
		wg.Go(func() {
			pause(ctx, time.Until(start.Add(time.Duration(k)*50*time.Millisecond)))
			unknown.verify(request, v, forger.token(k))
		})
	}
	wg.Wait()
	r = result(&known, i)
	r.Forged, r.ForgedUnavailable, r.SlowestForged = unknown.requests, unknown.unavailable, unknown.slowest
	err = closing(v, ctx.Err())
	http.DefaultClient.CloseIdleConnections() // connections that are kept for others are no fault
	r.Goroutines = max(0, settled(ctx, running)-running)
	r.Story = fmt.Sprintf("the issuer never answers: %d requests with unknown key ids, slowest %v; goroutines left: %d",
		r.Forged, Short(r.SlowestForged), r.Goroutines)
	return r, err
}

// settled returns the number of goroutines once it is not above enough, or after
// two seconds: connections that were closed take a moment to end.
func settled(ctx context.Context, enough int) (n int) {
	for range 100 {
		if n = runtime.NumGoroutine(); n <= enough || ctx.Err() != nil {
			break
		}
		pause(ctx, 20*time.Millisecond)
	}
	return n
}
