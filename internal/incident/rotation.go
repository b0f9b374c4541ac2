package incident

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// callers is the number of concurrent callers.
const callers = 20

// Rotations is an incident with two key rotations. After each rotation, 20 callers present
// tokens signed with the new key for 4 s.
func Rotations(ctx context.Context, s Subject) (r Result, err error) {
	return changeKeys(ctx, s, []func(*issuer){(*issuer).rotateKey, (*issuer).rotateKey},
		4*time.Second, "two key rotations with 4 s between them; 20 callers use the new key immediately")
}

// NewMaterial is an incident in which the issuer replaces its key by a new key with the same
// key id. Then 20 callers present tokens signed with the new key. The cached key does not
// verify their signatures.
func NewMaterial(ctx context.Context, s Subject) (r Result, err error) {
	return changeKeys(ctx, s, []func(*issuer){(*issuer).replaceMaterial},
		time.Second, "a new key has the key id of the old key; 20 callers use the new key immediately")
}

// OneHangs is an incident with a key rotation. The connection of the first fetch afterwards hangs,
// and all others work. 20 callers present tokens signed with the new key for 4 s.
func OneHangs(ctx context.Context, s Subject) (r Result, err error) {
	return changeKeys(ctx, s, []func(*issuer){func(i *issuer) { i.hangOnce(); i.rotateKey() }},
		4*time.Second, "a key rotation; the connection of the first fetch hangs, other connections work; 20 callers use the new key immediately")
}

// changeKeys runs the steps. Each step changes the key of the issuer. After each step, callers
// present tokens signed with the new key, for the duration d.
func changeKeys(ctx context.Context, s Subject, steps []func(*issuer), d time.Duration, story string) (Result, error) {
	return play(ctx, s, nil, func(i *issuer, v Verifier) (Result, error) {
		var t tally
		var perStep []int
		for _, step := range steps {
			earlier := i.fetches()
			step(i)
			tokens := i.tokens(callers)
			t.runCallers(ctx, v, callers, 50*time.Millisecond, d, func(caller int) string { return tokens[caller] })
			perStep = append(perStep, i.fetches()-earlier)
		}
		r := newResult(&t, i)
		r.PerStep, r.Story = perStep, story
		return r, nil
	})
}

// RotationInFlood is an incident with a key rotation during a flood of forged key ids. The
// flood continues until the end of the incident. After the rotation, the verifier repeatedly
// receives a token that is signed with the new key, until it accepts the token.
func RotationInFlood(ctx context.Context, s Subject) (Result, error) {
	const (
		goroutines = 50
		every      = 20 * time.Millisecond
		longest    = 12 * time.Second
	)
	return play(ctx, s, nil, func(i *issuer, v Verifier) (Result, error) {
		flood, end := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer end()
		forger := i.forger()
		var forged, valid tally
		for g := range goroutines {
			wg.Go(func() {
				callAtIntervals(flood, time.Now(), every, int(time.Minute/every), func(k int) {
					forged.verify(flood, v, forger.token(k*goroutines+g))
				})
			})
		}
		wait(ctx, time.Second) // in this second, the flood uses up the limit on fetches
		i.rotateKey()
		token := i.Token(nil)
		start := time.Now()
		for valid.verify(ctx, v, token) != Accepted && time.Since(start) < longest && ctx.Err() == nil {
			wait(ctx, 50*time.Millisecond)
		}
		after := time.Since(start)
		accepted := v.Verify(ctx, token) == Accepted
		end()
		wg.Wait()
		r := newResult(&valid, i)
		r.After, r.Never, r.SlowestForged = after, !accepted, forged.slowest
		r.Story = fmt.Sprintf("key rotation during a flood of %s forged key ids, which uses up the fetches; the new key is accepted after %v", Thousands(forged.requests), Short(after))
		if r.Never {
			r.Story = fmt.Sprintf("key rotation during a flood of %s forged key ids; the new key is not accepted within %v", Thousands(forged.requests), longest)
		}
		return r, nil
	})
}

// Withdrawal is an incident in which the issuer withdraws a key. The refresh interval is 1 s. A
// caller presents the same token, signed with this key, before and after the withdrawal.
func Withdrawal(ctx context.Context, s Subject) (Result, error) {
	const longest = 3 * time.Second
	return play(ctx, s, everySecond, func(i *issuer, v Verifier) (Result, error) {
		var t tally
		token := i.Token(nil)
		for range 100 {
			t.verify(ctx, v, token)
		}
		r := newResult(&t, i) // the result contains only the requests before the withdrawal
		i.rotateKey()
		start := time.Now()
		for v.Verify(ctx, token) == Accepted && time.Since(start) < longest && ctx.Err() == nil {
			wait(ctx, 20*time.Millisecond)
		}
		r.After = time.Since(start)
		r.Never = v.Verify(ctx, token) == Accepted
		r.Fetches = i.fetches()
		r.Story = fmt.Sprintf("the issuer withdraws a key; the refresh interval is 1 s; a cached token is refused after %v", Short(r.After))
		if r.Never {
			r.Story = fmt.Sprintf("the issuer withdraws a key; the refresh interval is 1 s; a cached token is still accepted after %v", longest)
		}
		return r, nil
	})
}
