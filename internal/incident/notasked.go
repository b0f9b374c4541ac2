package incident

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// invalidTokens is the number of different invalid tokens in RetiredKeys and ForgedSignatures.
const invalidTokens = 3

// RetiredKeys is an incident with a key rotation that is not announced: the issuer signs with a new
// key at the moment at which it publishes the key. The old key stays published. Before and after the
// rotation, a client keeps sending tokens with three key ids that the issuer does not publish any
// more. Another client keeps sending valid tokens of the old key. A third client sends tokens of the
// new key until one is accepted; the Result counts these requests.
func RetiredKeys(ctx context.Context, s Subject) (Result, error) {
	return rotateBeside(ctx, s, "tokens with three retired key ids", func(i *issuer, n int) string {
		return i.Mint(map[string]any{"kid": fmt.Sprint("retired-", n)}, nil)
	})
}

// ForgedSignatures is an incident like RetiredKeys. The difference is that the first client sends
// tokens with a known key id and a forged signature.
func ForgedSignatures(ctx context.Context, s Subject) (Result, error) {
	return rotateBeside(ctx, s, "tokens with a known key id and a forged signature", func(i *issuer, _ int) string { return i.Forge(nil, nil) })
}

// rotateBeside runs RetiredKeys or ForgedSignatures. The function invalid returns the n-th token of
// the first client.
func rotateBeside(ctx context.Context, s Subject, sent string, invalid func(i *issuer, n int) string) (Result, error) {
	const longest = 12 * time.Second
	return play(ctx, s, nil, func(i *issuer, v Verifier) (Result, error) {
		knownTokens := i.tokens(1000)
		var bad []string
		for n := range invalidTokens {
			bad = append(bad, invalid(i, n))
		}
		var known, forged, fresh tally
		stop := make(chan struct{})
		var clients sync.WaitGroup
		clients.Go(func() { repeat(ctx, stop, &known, v, knownTokens, 5*time.Millisecond) })
		clients.Go(func() { repeat(ctx, stop, &forged, v, bad, 20*time.Millisecond) })
		wait(ctx, time.Second) // in this second, the first client uses up the limit on fetches
		i.Rotate()
		tokens := i.tokens(int(longest / (50 * time.Millisecond)))
		start := time.Now()
		for n := 0; fresh.verify(ctx, v, tokens[n%len(tokens)]) != Accepted && time.Since(start) < longest && ctx.Err() == nil; n++ {
			wait(ctx, 50*time.Millisecond)
		}
		after := time.Since(start)
		never := v.Verify(ctx, tokens[0]) != Accepted
		close(stop)
		clients.Wait()
		r := newResult(&fresh, i)
		r.After, r.Never = after, never
		r.KnownRequests, r.KnownRefused = known.requests, known.refused+known.unavailable
		r.Forged, r.ForgedUnavailable, r.SlowestForged = forged.requests, forged.unavailable, forged.slowest
		accepted := fmt.Sprintf("accepted after %v", Short(after))
		if never {
			accepted = fmt.Sprintf("not accepted within %v", longest)
		}
		r.Story = fmt.Sprintf("a client keeps sending %s; after a key rotation without notice, the new key is %s; %s of %s requests with the old key are refused",
			sent, accepted, Thousands(r.KnownRefused), Thousands(r.KnownRequests))
		return r, nil
	})
}

// repeat makes one request after the other, with the tokens in turn, until stop is closed.
func repeat(ctx context.Context, stop <-chan struct{}, t *tally, v Verifier, tokens []string, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
			t.verify(ctx, v, tokens[n%len(tokens)])
		}
	}
}
