package jwks_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// kidOutcome does what keyOutcome does, but returns "not asked" if the error says that the issuer
// was not asked. It checks the error.
func kidOutcome(t *testing.T, c *jwks.Cache, kid string, tried ...*jwks.Key) string {
	t.Helper()
	_, err := c.Key(t.Context(), kid, "ES256", tried...)
	e, ok := errorAs(err)
	if !ok || !e.NotAsked {
		return outcome(err)
	}
	if !errors.Is(err, jwks.ErrUnavailable) || errors.Is(err, jwks.ErrUnknownKey) || e.Err == nil || e.RetryAfter < time.Second || e.RetryAfter%time.Second != 0 {
		t.Errorf("Key(%q): got %+v, want an error that matches only ErrUnavailable, with an Err and whole seconds in RetryAfter", kid, e)
	}
	return "not asked"
}

// every calls f at intervals until the bubble's time end.
func every(interval time.Duration, end time.Time, f func(n int)) {
	for n := 0; time.Now().Before(end); n++ {
		f(n)
		time.Sleep(interval)
	}
}

// honest calls Key for a kid each 100 ms until it succeeds. It fails the test if an answer says
// that the key does not exist, or if the key is found later than limit.
func honest(t *testing.T, c *jwks.Cache, kid string, limit time.Duration, tried ...*jwks.Key) {
	t.Helper()
	start := time.Now()
	for {
		switch got := kidOutcome(t, c, kid, tried...); {
		case got == "ok":
			if d := time.Since(start); d > limit {
				t.Errorf("kid %q: found after %v, want at most %v", kid, d, limit)
			}
			return
		case got != "not asked":
			t.Errorf("kid %q, %v after the rotation: got %s, want not asked", kid, time.Since(start), got)
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("kid %q: not found after 1 min", kid)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// hourly sets the intervals to one hour, so that only lookups cause fetches.
func hourly(o *jwks.Options) { o.MinInterval, o.MaxInterval = time.Hour, time.Hour }

// A client keeps sending a retired kid. Then the issuer rotates its keys without an announcement.
// The first token with the new key is accepted, whenever the rotation is.
func TestRetiredKidBeforeRotation(t *testing.T) {
	for _, pause := range []time.Duration{0, 3 * time.Second, 7900 * time.Millisecond, 8100 * time.Millisecond, 20 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(ecKey("a"))
			i.delay = 50 * time.Millisecond
			c := newCache(t, i, hourly)
			time.Sleep(time.Second)
			end := time.Now().Add(2 * time.Minute)
			var wg sync.WaitGroup
			for client := range 3 { // the clients have different retired kids
				wg.Go(func() {
					time.Sleep(time.Duration(client) * 10 * time.Millisecond)
					every(200*time.Millisecond, end, func(int) {
						if got := kidOutcome(t, c, fmt.Sprint("retired", client)); got != "unknown" && got != "not asked" {
							t.Errorf("retired kid: got %s, want unknown or not asked", got)
						}
					})
				})
			}
			time.Sleep(time.Second + pause)
			i.publish(ecKey("a"), ecKey("b"))
			honest(t, c, "b", 9*time.Second)
			wg.Wait()
			if n := i.fetches(); n > 2+2*60/8+3 {
				t.Errorf("fetches in 2 min: got %d, want at most 20", n)
			}
		})
	}
}

// After the first fetches, a client with a retired kid leaves one fetch for the rotation: an honest
// token with a new kid waits for no cool-down.
func TestRetiredKidLeavesAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, hourly)
		end := time.Now().Add(time.Hour)
		go every(300*time.Millisecond, end, func(int) { want(t, "retired kid", kidOutcome(t, c, "retired"), "unknown") })
		for n := range 20 {
			time.Sleep(time.Duration(5+n) * time.Second)
			kid := fmt.Sprint("new", n)
			i.publish(ecKey("a"), ecKey(kid))
			want(t, "first lookup of the new kid", kidOutcome(t, c, kid), "ok")
		}
		time.Sleep(time.Until(end) + time.Second)
	})
}

// Two forged tokens with a known kid come before the rotation.
func TestForgedSignaturesBeforeRotation(t *testing.T) {
	for _, sameKid := range []bool{false, true} {
		for _, forged := range []int{1, 2, 3, 100} {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.delay = 20 * time.Millisecond
				c := newCache(t, i, hourly)
				time.Sleep(time.Second)
				old, err := c.Lookup("a", "ES256")
				if err != nil {
					t.Fatal(err)
				}
				if sameKid {
					// No lookup has asked for the kid since the last fetch, so the memory does not
					// know whether its material is new. The limit is used up.
					kidOutcome(t, c, "x")
					kidOutcome(t, c, "y")
					i.publish(ecKey("a"))
					honest(t, c, "a", 9*time.Second, old...)
					return
				}
				for range forged {
					want(t, "forged signature", kidOutcome(t, c, "a", old...), "unknown")
				}
				i.publish(ecKey("b"))
				want(t, "first lookup of the new kid", kidOutcome(t, c, "b"), "ok")
			})
		}
	}
}

// An attacker who guesses the next kid cannot hide the key for longer than a cool-down, whatever
// else the attacker sends.
func TestGuessedKidIsNotPoisoned(t *testing.T) {
	for _, random := range []bool{false, true} {
		for phase := range 10 {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.delay = 30 * time.Millisecond
				c := newCache(t, i, hourly)
				end := time.Now().Add(3 * time.Minute)
				go every(50*time.Millisecond, end, func(n int) {
					kidOutcome(t, c, "next")
					if random {
						kidOutcome(t, c, fmt.Sprint("random", n))
					}
				})
				time.Sleep(time.Minute + time.Duration(phase)*900*time.Millisecond)
				i.publish(ecKey("next"))
				rotated := time.Now()
				for kidOutcome(t, c, "next") != "ok" {
					if time.Since(rotated) > 9*time.Second {
						t.Fatalf("random %v, phase %d: the new key was not found within 9 s", random, phase)
					}
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Until(end) + time.Second)
			})
		}
	}
}

// Requests do not extend the time for which the answer of the issuer is believed. If no fetch
// succeeds, this time ends.
func TestDeniedIsNotProlonged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, hourly)
		time.Sleep(time.Second)
		asked := time.Now()
		want(t, "first lookup", kidOutcome(t, c, "x"), "unknown")
		for time.Since(asked) < 8*time.Second {
			want(t, "lookup within the cool-down", kidOutcome(t, c, "x"), "unknown")
			want(t, "fetches within the cool-down", i.fetches(), 2)
			if time.Since(asked) == 7*time.Second {
				i.publish(ecKey("x"))
			}
			time.Sleep(10 * time.Millisecond)
		}
		want(t, "lookup after the cool-down", kidOutcome(t, c, "x"), "ok")
	})
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, hourly)
		time.Sleep(time.Second)
		want(t, "first lookup", kidOutcome(t, c, "x"), "unknown")
		i.update(func(i *issuer) { i.down = true })
		_ = c.Refresh(t.Context())
		want(t, "lookup after a failed refresh", kidOutcome(t, c, "x"), "unavailable")
		i.update(func(i *issuer) { i.down = false })
		time.Sleep(5 * time.Second)
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := i.fetches()
		want(t, "lookup after a later fetch, without the question for x", kidOutcome(t, c, "x"), "not asked")
		want(t, "fetches of this lookup", i.fetches(), before)
	})
}

// One fetch answers at most 256 questions.
func TestDeniedSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 100 * time.Millisecond
		c := newCache(t, i, hourly)
		time.Sleep(time.Second)
		kidOutcome(t, c, "use the limit 1")
		kidOutcome(t, c, "use the limit 2")
		long := strings.Repeat("k", 10_000)
		ask := func() map[string]int {
			got := map[string]int{}
			for n := range 300 {
				got[kidOutcome(t, c, fmt.Sprint(long, n))]++
			}
			return got
		}
		before := i.fetches()
		want(t, "lookups before the fetch", fmt.Sprint(ask()), "map[not asked:300]")
		time.Sleep(10 * time.Second)
		want(t, "fetches without further lookups", i.fetches(), before+1)
		want(t, "lookups after the fetch", fmt.Sprint(ask()), "map[not asked:44 unknown:256]")
		time.Sleep(7 * time.Second) // the next fetch is due 8 s after the last one
		// The limit allows one fetch again, for the lookup after the 256 answered lookups.
		want(t, "lookups after the next fetch", fmt.Sprint(ask()), "map[not asked:43 unknown:257]")
	})
}

// The time in RetryAfter names a time at which the issuer was asked again.
func TestNotAskedRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.delay = 200 * time.Millisecond
		c := newCache(t, i, hourly)
		time.Sleep(time.Second)
		for n := range 50 {
			kidOutcome(t, c, fmt.Sprint("forged", n))
		}
		kid := "b"
		i.publish(ecKey(kid))
		_, err := c.Key(t.Context(), kid, "ES256")
		e := asUnavailable(t, err)
		want(t, "NotAsked", e.NotAsked, true)
		if e.RetryAfter < 2*time.Second || e.RetryAfter > 9*time.Second {
			t.Errorf("RetryAfter: got %v, want 2 s to 9 s", e.RetryAfter)
		}
		before := i.fetches()
		time.Sleep(e.RetryAfter)
		want(t, "fetches during this time", i.fetches(), before+1)
		want(t, "lookup after this time", kidOutcome(t, c, kid), "ok")
		want(t, "fetches of this lookup", i.fetches(), before+1)
	})
}

// With RefuseNotAsked, a lookup that causes no fetch has the error ErrUnknownKey.
func TestRefuseNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i, hourly, func(o *jwks.Options) { o.RefuseNotAsked = true })
		old, _ := c.Lookup("a", "ES256")
		for n := range 20 {
			want(t, "lookup of an invented kid", kidOutcome(t, c, fmt.Sprint("forged", n)), "unknown")
		}
		want(t, "forged signature", kidOutcome(t, c, "a", old...), "unknown")
		before := i.fetches()
		time.Sleep(9 * time.Second)
		want(t, "fetches without further lookups", i.fetches(), before+1)
	})
}

// world is a random mix of clients of one issuer.
type world struct {
	mu        sync.Mutex
	published map[string]time.Time // the time at which each kid was published
	live      []string             // the kids that the issuer publishes
	missed    []time.Time          // the times of the lookups that were not asked
}

// Clients send random mixes of tokens while the issuer rotates its keys: retired kids, random kids,
// forged signatures and honest tokens of old and new keys. The model: an honest token of a key that
// the cache has is accepted; no honest token is refused as invalid; the cache queries the issuer within
// CoolDown + 1 s after a lookup with the error NotAsked; and the number of requests is limited.
func TestMixedClients(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { mixedClients(t, rand.New(rand.NewPCG(seed, 19))) }) //nolint:gosec // the test must be repeatable
		})
	}
}

func mixedClients(t *testing.T, random *rand.Rand) {
	t.Helper()
	const duration = 5 * time.Minute
	coolDown := []time.Duration{time.Second, 8 * time.Second, 20 * time.Second}[random.IntN(3)]
	keys := []jwk{ecKey("key0")}
	i := newIssuer(keys...)
	i.delay = time.Duration(1+random.IntN(300)) * time.Millisecond
	c := newCache(t, i, hourly, func(o *jwks.Options) { o.CoolDown = coolDown })
	time.Sleep(time.Second)
	start := time.Now()
	end := start.Add(duration)
	w := &world{published: map[string]time.Time{"key0": start}, live: []string{"key0"}}
	var wg sync.WaitGroup
	client := func(interval time.Duration, f func(n int)) {
		wg.Go(func() { every(interval+1, end, f) })
	}
	miss := func(kid string, tried ...*jwks.Key) {
		if kidOutcome(t, c, kid, tried...) == "not asked" {
			w.mu.Lock()
			w.missed = append(w.missed, time.Now())
			w.mu.Unlock()
		}
	}
	interval := func() time.Duration { return time.Duration(10+random.IntN(3000)) * time.Millisecond }
	for n := range random.IntN(4) {
		client(interval(), func(int) { miss(fmt.Sprint("retired", n)) })
	}
	for n := range random.IntN(3) {
		client(interval(), func(k int) { miss(fmt.Sprint("random", n, "-", k)) })
	}
	if random.IntN(2) == 0 {
		client(interval(), func(int) {
			w.mu.Lock()
			kid := w.live[0]
			w.mu.Unlock()
			if tried, err := c.Lookup(kid, "ES256"); err == nil {
				miss(kid, tried...)
			}
		})
	}
	client(97*time.Millisecond, func(int) { // honest tokens of all keys that were published for long enough
		w.mu.Lock()
		kid := w.live[0]
		old := time.Since(w.published[kid]) > coolDown+2*time.Second
		w.mu.Unlock()
		_, known := c.Lookup(kid, "ES256")
		began := time.Now()
		got := kidOutcome(t, c, kid)
		if (known == nil || old) && (got != "ok" || time.Since(began) > 0) {
			t.Errorf("honest token of key %q: got %s after %v, want ok at once", kid, got, time.Since(began))
		}
	})
	rotations := 0
	for n := 1; time.Now().Before(end.Add(-time.Minute)); n++ {
		time.Sleep(time.Duration(random.IntN(40_000))*time.Millisecond + 1)
		kid := fmt.Sprint("key", n)
		keys = append(keys, ecKey(kid))
		keys = keys[max(0, len(keys)-2):]
		i.publish(keys...)
		rotations++
		w.mu.Lock()
		w.published[kid] = time.Now()
		w.live = append(w.live, kid)
		w.live = w.live[max(0, len(w.live)-2):]
		w.mu.Unlock()
		time.Sleep(time.Nanosecond)
		honest(t, c, kid, coolDown+time.Second)
	}
	wg.Wait()
	time.Sleep(coolDown + time.Second)
	if n, most := i.fetches(), 4+int(3*duration/(2*coolDown))+2*rotations; n > most {
		t.Errorf("requests in %v with a cool-down of %v and %d rotations: got %d, want at most %d", duration, coolDown, rotations, n, most)
	}
	asks := i.requestTimes()
	for _, at := range w.missed {
		for len(asks) > 0 && asks[0].Before(at) {
			asks = asks[1:]
		}
		if len(asks) == 0 || asks[0].Sub(at) > coolDown+time.Second {
			t.Fatalf("a lookup at %v got NotAsked, and there was no request within the cool-down", at.Sub(start))
		}
	}
}
