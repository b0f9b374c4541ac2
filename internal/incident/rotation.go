package incident

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const callers = 20

// Rotations is two rotations 4 s apart, in each of which 20 callers present
// tokens of the new key from the first moment, for 4 s.
func Rotations(ctx context.Context, s Subject) (r Result, err error) {
	return changes(ctx, s, []func(*issuer){(*issuer).rotate, (*issuer).rotate},
		4*time.Second, "20 callers come with the new key at once, twice, 4 s apart")
}

// Exchange is new key material under the old key id: 20 callers present tokens
// whose signature does not fit the key in the cache.
func Exchange(ctx context.Context, s Subject) (r Result, err error) {
	return changes(ctx, s, []func(*issuer){(*issuer).exchange},
		time.Second, "20 callers come with a new key under the old key id")
}

// changes lets callers present tokens for a while after each change of the key.
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

// RotationInFlood is a rotation in the middle of a flood of forged key ids that
// does not end. Honest requests come with the new key from then on.
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
	var forged, honest tally
	for g := range goroutines {
		wg.Go(func() {
			steadily(flood, time.Now(), every, int(time.Minute/every), func(k int) {
				forged.verify(flood, v, forger.token(k*goroutines+g))
			})
		})
	}
	pause(ctx, time.Second) // the flood has taken what there was to be had
	i.rotate()
	token := i.Token(nil)
	start := time.Now()
	for honest.verify(ctx, v, token) != Accepted && time.Since(start) < longest && ctx.Err() == nil {
		pause(ctx, 50*time.Millisecond)
	}
	after := time.Since(start)
	accepted := v.Verify(ctx, token) == Accepted
	end()
	wg.Wait()
	r = result(&honest, i)
	r.After, r.Never, r.SlowestForged = after, !accepted, forged.slowest
	r.Story = fmt.Sprintf("a new key in the middle of %d forged key ids: accepted after %v", forged.requests, Short(after))
	if r.Never {
		r.Story = fmt.Sprintf("a new key in the middle of %d forged key ids: not accepted within %v", forged.requests, longest)
	}
	return r, ctx.Err()
}

// Removal is a key that the issuer withdraws, with a refresh interval of 1 s. The
// same token, accepted many times before, is presented on and on.
func Removal(ctx context.Context, s Subject) (r Result, err error) {
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
	r = result(&t, i) // of those before
	i.rotate()
	start := time.Now()
	for v.Verify(ctx, token) == Accepted && time.Since(start) < longest && ctx.Err() == nil {
		pause(ctx, 20*time.Millisecond)
	}
	r.After = time.Since(start)
	r.Never = v.Verify(ctx, token) == Accepted
	r.Fetches = i.fetches()
	r.Story = fmt.Sprintf("a key is withdrawn, refresh interval 1 s: its token, seen before, is refused after %v", Short(r.After))
	if r.Never {
		r.Story = fmt.Sprintf("a key is withdrawn, refresh interval 1 s: its token is still accepted after %v", longest)
	}
	return r, ctx.Err()
}
