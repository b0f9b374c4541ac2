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

// Outage is an incident: the issuer is down for 15 s. The refresh interval is 1 s.
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
	r.Story = fmt.Sprintf("the issuer is down for %v, refresh interval 1 s: %d fetches", while, r.Fetches)
	return r, ctx.Err()
}

// Start is an incident: a service starts while its issuer is down. The issuer returns after
// 6 s. Requests with valid tokens come from the start on. The Result counts the requests
// before the issuer's return.
func Start(ctx context.Context, s Subject) (Result, error) {
	return starting(ctx, s, (*issuer).down, "is down")
}

// StartHanging is like Start, but the issuer accepts requests and never answers them. After
// the issuer's return, it answers only new requests.
func StartHanging(ctx context.Context, s Subject) (Result, error) {
	return starting(ctx, s, (*issuer).hang, "never answers")
}

// starting runs an incident like Start. fault makes the issuer fail; what describes the
// failure.
func starting(ctx context.Context, s Subject, fault func(*issuer), what string) (r Result, err error) {
	const while = 6 * time.Second
	i := newIssuer()
	defer i.Close()
	fault(i)
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
	i.up()
	start = time.Now()
	r.Never = v.Verify(ctx, token) != Accepted
	r.After = time.Since(start)
	first := fmt.Sprintf("accepted after %v", Short(r.After))
	if r.Never {
		first = "refused"
	}
	r.Story = fmt.Sprintf("the service starts in %v while the issuer %s; the issuer returns after %v; first request afterwards: %s", Short(blocked), what, while, first)
	return r, ctx.Err()
}

// Restart is an incident: a service stops, and starts again while its issuer is down. It
// stores its keys in a file, if the subject supports this. Requests come for 3 s.
func Restart(ctx context.Context, s Subject) (r Result, err error) {
	folder, err := os.MkdirTemp("", "incident")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // the system cleans its temporary folder
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

// HangTimeout is the timeout of the requests with unknown key ids in Hang.
const HangTimeout = 15 * time.Second

// Hang is an incident: the issuer accepts requests and never answers them. Requests with
// known key ids continue. Requests with unknown key ids come too, one every 50 ms. Hang counts
// goroutines: nothing else may run in the process.
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
	request, cancel := context.WithTimeout(ctx, HangTimeout)
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
	http.DefaultClient.CloseIdleConnections() // goroutines of idle connections are not a leak
	r.Goroutines = max(0, settled(ctx, running)-running)
	r.Story = fmt.Sprintf("the issuer never answers: %d requests with unknown key ids, slowest %v; goroutines left: %d",
		r.Forged, Short(r.SlowestForged), r.Goroutines)
	return r, err
}

// settled waits until there are at most expected goroutines, for 2 s at most, and returns
// their number. Goroutines of closed connections end a moment later.
func settled(ctx context.Context, expected int) (n int) {
	for range 100 {
		if n = runtime.NumGoroutine(); n <= expected || ctx.Err() != nil {
			break
		}
		pause(ctx, 20*time.Millisecond)
	}
	return n
}
