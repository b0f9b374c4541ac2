package incident

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const callers = 20

// Rotations is an incident: two key rotations, 4 s apart. After each rotation, 20 callers
// present tokens under the new key for 4 s.
func Rotations(ctx context.Context, s Subject) (r Result, err error) {
	return changes(ctx, s, []func(*issuer){(*issuer).rotate, (*issuer).rotate},
		4*time.Second, "two key rotations 4 s apart; 20 callers use the new key immediately")
}

// NewMaterial is an incident: the issuer uses new key material under the old key id. 20 callers
// present tokens whose signature does not verify under the cached key.
func NewMaterial(ctx context.Context, s Subject) (r Result, err error) {
	return changes(ctx, s, []func(*issuer){(*issuer).replaceMaterial},
		time.Second, "new key material under the old key id; 20 callers use it immediately")
}

// changes runs the steps. Each step changes the issuer's key. After each step, callers
// present tokens under the new key, for the duration while.
func changes(ctx context.Context, s Subject, steps []func(*issuer), while time.Duration, story string) (r Result, err error) {
	i := newIssuer()
	defer i.Close()
	v, err := open(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	var t tally
	var perStep []int
	for _, step := range steps {
		before := i.fetches()
		step(i)
		tokens := i.tokens(callers)
		t.callers(ctx, v, callers, 50*time.Millisecond, while, func(caller int) string { return tokens[caller] })
		perStep = append(perStep, i.fetches()-before)
	}
	r = result(&t, i)
	r.PerStep, r.Story = perStep, story
	return r, ctx.Err()
}

// RotationInFlood is an incident: a key rotation during a flood of forged key ids. The flood
// continues until the incident ends. After the rotation, requests with valid tokens use the
// new key.
func RotationInFlood(ctx context.Context, s Subject) (r Result, err error) {
	const (
		goroutines = 50
		every      = 20 * time.Millisecond
		longest    = 12 * time.Second
	)
	i := newIssuer()
	defer i.Close()
	v, err := open(ctx, s, i.setup(), i)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	flood, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer end()
	forger := i.forger()
	var forged, valid tally
	for g := range goroutines {
		wg.Go(func() {
			steadily(flood, time.Now(), every, int(time.Minute/every), func(k int) {
				forged.verify(flood, v, forger.token(k*goroutines+g))
			})
		})
	}
	pause(ctx, time.Second) // the flood uses up the limit on fetches
	i.rotate()
	token := i.Token(nil)
	start := time.Now()
	for valid.verify(ctx, v, token) != Accepted && time.Since(start) < longest && ctx.Err() == nil {
		pause(ctx, 50*time.Millisecond)
	}
	after := time.Since(start)
	accepted := v.Verify(ctx, token) == Accepted
	end()
	wg.Wait()
	r = result(&valid, i)
	r.After, r.Never, r.SlowestForged = after, !accepted, forged.slowest
	r.Story = fmt.Sprintf("a new key during a flood of %d forged key ids: accepted after %v", forged.requests, Short(after))
	if r.Never {
		r.Story = fmt.Sprintf("a new key during a flood of %d forged key ids: not accepted within %v", forged.requests, longest)
	}
	return r, ctx.Err()
}

// Withdrawal is an incident: the issuer withdraws a key. The refresh interval is 1 s. A caller
// presents one token under this key repeatedly, before and after the withdrawal.
func Withdrawal(ctx context.Context, s Subject) (r Result, err error) {
	const longest = 3 * time.Second
	i := newIssuer()
	defer i.Close()
	setup := i.setup()
	setup.Interval = time.Second
	v, err := open(ctx, s, setup, i)
	if err != nil {
		return r, err
	}
	defer func() { err = closing(v, err) }()
	var t tally
	token := i.Token(nil)
	for range 100 {
		t.verify(ctx, v, token)
	}
	r = result(&t, i) // counts the requests before the withdrawal
	i.rotate()
	start := time.Now()
	for v.Verify(ctx, token) == Accepted && time.Since(start) < longest && ctx.Err() == nil {
		pause(ctx, 20*time.Millisecond)
	}
	r.After = time.Since(start)
	r.Never = v.Verify(ctx, token) == Accepted
	r.Fetches = i.fetches()
	r.Story = fmt.Sprintf("a key is withdrawn, refresh interval 1 s: a token with a cached verdict is refused after %v", Short(r.After))
	if r.Never {
		r.Story = fmt.Sprintf("a key is withdrawn, refresh interval 1 s: a token with a cached verdict is still accepted after %v", longest)
	}
	return r, ctx.Err()
}
