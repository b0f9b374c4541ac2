package incident

import (
	"context"
	"fmt"
	"time"
)

// probeInterval is the time between two readiness checks.
const probeInterval = 250 * time.Millisecond

// Unready is an incident in which a service starts while the issuer is down. The service gets only
// readiness checks, because an orchestrator sends no requests to it before it is ready. The issuer
// answers again after 8 s. Result.After is the time from then until the service is ready. Then 20
// callers make valid requests for 1 s. The Subject must open a Prober.
func Unready(ctx context.Context, s Subject) (r Result, err error) {
	const while, longest = 8 * time.Second, 10 * time.Second
	i := newIssuer()
	defer i.Close()
	i.fail()
	v, err := s.Open(i.setup())
	if err != nil {
		return r, err
	}
	defer func() { err = closeVerifier(v, err) }()
	service, ok := v.(Prober)
	if !ok {
		return r, fmt.Errorf("%s: the verifier has no readiness check", s.Name)
	}
	probes, tooEarly, tokens := 0, 0, i.tokens(callers)
	probe := func() (ready bool) {
		probes++
		return service.Probe()
	}
	for start := time.Now(); time.Since(start) < while && ctx.Err() == nil; wait(ctx, probeInterval) {
		if probe() {
			tooEarly++
		}
	}
	i.answer()
	start := time.Now()
	for !probe() && time.Since(start) < longest && ctx.Err() == nil {
		wait(ctx, probeInterval/10)
	}
	after, never := time.Since(start), !probe()
	var t tally
	t.runCallers(ctx, v, callers, 100*time.Millisecond, time.Second, func(caller int) string { return tokens[caller] })
	r = newResult(&t, i)
	r.After, r.Never, r.Tried, r.ReadyTooEarly = after, never, probes, tooEarly
	happened := fmt.Sprintf("the service is ready %v later", Short(after))
	if never {
		happened = fmt.Sprintf("the service is not ready %v later", longest)
	}
	r.Story = fmt.Sprintf("the service starts while the issuer is down, and gets no requests, only readiness checks; the issuer answers again after %v; %s", while, happened)
	return r, ctx.Err()
}
