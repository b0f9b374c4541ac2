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

// Outage is an incident in which the issuer is down for 15 s. The refresh interval is 1 s.
func Outage(ctx context.Context, s Subject) (Result, error) {
	const while = 15 * time.Second
	return play(ctx, s, everySecond, func(i *issuer, v Verifier) (Result, error) {
		tokens := i.tokens(callers)
		i.fail()
		i.countFetches()
		var t tally
		t.runCallers(ctx, v, callers, 50*time.Millisecond, while, func(caller int) string { return tokens[caller] })
		r := newResult(&t, i)
		r.Story = fmt.Sprintf("the issuer is down for %v; the refresh interval is 1 s; the keys of the last fetch stay in use", while)
		return r, nil
	})
}

// Start is an incident in which a service starts while the issuer is down. The issuer answers
// again after 6 s. The service receives valid requests from the beginning. The Result counts
// only the requests during these 6 s.
func Start(ctx context.Context, s Subject) (Result, error) {
	return startDuring(ctx, s, (*issuer).fail, "is down")
}

// StartHanging is an incident like Start. The difference is that the issuer accepts requests,
// but does not answer them. After 6 s, the issuer answers new requests, but not the old
// requests.
func StartHanging(ctx context.Context, s Subject) (Result, error) {
	return startDuring(ctx, s, (*issuer).hang, "never answers")
}

// startDuring runs Start or StartHanging. It calls the function fault, which makes the issuer
// fail. The parameter failure is a text that describes this fault.
func startDuring(ctx context.Context, s Subject, fault func(*issuer), failure string) (r Result, err error) {
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
	defer func() { err = closeVerifier(v, err) }()
	token := i.Token(nil)
	var t tally
	t.runCallers(ctx, v, 5, 100*time.Millisecond, while, func(int) string { return token })
	r = newResult(&t, i)
	i.answer()
	start = time.Now()
	r.Never = v.Verify(ctx, token) != Accepted
	r.After = time.Since(start)
	first := fmt.Sprintf("accepted after %v", Short(r.After))
	if r.Never {
		first = "refused"
	}
	r.Story = fmt.Sprintf("the service starts in %v while the issuer %s; the issuer answers again after %v; the next request is %s", Short(blocked), failure, while, first)
	return r, ctx.Err()
}

// Restart is an incident in which a service stops, and starts again while the issuer is down.
// If the subject supports a file store, the service keeps its keys in a file. After the
// restart, the service receives valid requests for 3 s.
func Restart(ctx context.Context, s Subject) (r Result, err error) {
	folder, err := os.MkdirTemp("", "incident")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // an error only leaves a file in the temporary folder
	i := newIssuer()
	defer i.Close()
	setup := i.setup()
	setup.Store = filepath.Join(folder, "keys")
	stopped, err := openVerifier(ctx, s, setup, i)
	if err != nil {
		return r, err
	}
	if err := stopped.Close(); err != nil {
		return r, err
	}
	i.fail()
	i.countFetches()
	v, err := s.Open(setup)
	if err != nil {
		return r, err
	}
	defer func() { err = closeVerifier(v, err) }()
	tokens := i.tokens(callers)
	var t tally
	t.runCallers(ctx, v, callers, 100*time.Millisecond, 3*time.Second, func(caller int) string { return tokens[caller] })
	r = newResult(&t, i)
	r.Story = "a service stores its keys and stops; then the issuer is down, and the service starts again"
	return r, ctx.Err()
}

// HangTimeout is the timeout for requests with unknown key ids in the incident Hang.
const HangTimeout = 15 * time.Second

// Hang is an incident in which the issuer accepts requests, but never answers them. For 6 s,
// the verifier receives tokens with known key ids. Every 50 ms, it also receives a token with
// an unknown key id. Hang counts goroutines, so nothing else may run in the process.
func Hang(ctx context.Context, s Subject) (r Result, err error) {
	const while = 6 * time.Second
	i := newIssuer()
	defer i.Close()
	running := runtime.NumGoroutine()
	v, err := openVerifier(ctx, s, i.setup(), i)
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
		known.runCallers(ctx, v, callers, 50*time.Millisecond, while, func(caller int) string { return tokens[caller] })
	})
	for k := range int(while / (50 * time.Millisecond)) {
		wg.Go(func() {
			wait(ctx, time.Until(start.Add(time.Duration(k)*50*time.Millisecond)))
			unknown.verify(request, v, forger.token(k))
		})
	}
	wg.Wait()
	r = newResult(&known, i)
	r.Forged, r.ForgedUnavailable, r.SlowestForged = unknown.requests, unknown.unavailable, unknown.slowest
	err = closeVerifier(v, ctx.Err())
	http.DefaultClient.CloseIdleConnections() // stops the goroutines of idle connections, which are not a leak
	r.Goroutines = max(0, waitForGoroutines(ctx, running)-running)
	r.Story = fmt.Sprintf("the issuer never answers; slowest of %d requests with unknown key ids: %v; goroutines left: %d",
		r.Forged, Short(r.SlowestForged), r.Goroutines)
	return r, err
}

// waitForGoroutines waits until there are at most expected goroutines, because the goroutines
// of closed connections end a moment later. It waits for at most 2 s. It returns the number of
// goroutines.
func waitForGoroutines(ctx context.Context, expected int) (n int) {
	for range 100 {
		if n = runtime.NumGoroutine(); n <= expected || ctx.Err() != nil {
			break
		}
		wait(ctx, 20*time.Millisecond)
	}
	return n
}
