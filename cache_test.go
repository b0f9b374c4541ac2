package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// liveKeys is a KeySet that can change, and counts how often it is asked.
type liveKeys struct {
	set     atomic.Pointer[jwks.Set]
	err     atomic.Pointer[error]
	lookups atomic.Int64
}

func newLiveKeys(t *testing.T, issuer *bearertest.Issuer) *liveKeys {
	t.Helper()
	k := &liveKeys{}
	k.publish(t, issuer.JWKS())
	return k
}

func (k *liveKeys) publish(t *testing.T, document []byte) {
	t.Helper()
	set, err := jwks.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	k.set.Store(set)
}

func (k *liveKeys) Lookup(kid, alg string) ([]*jwks.Key, error) {
	k.lookups.Add(1)
	if err := k.err.Load(); err != nil {
		return nil, *err
	}
	return k.set.Load().Lookup(kid, alg)
}

func (k *liveKeys) Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error) {
	if err := k.err.Load(); err != nil {
		return nil, *err
	}
	return k.set.Load().Key(ctx, kid, alg, tried...)
}

// seen verifies a token and reports its reason and whether it was known.
func seen(t *testing.T, v bearer.Verifier, events *recorder, token string) string {
	t.Helper()
	_, err := v.Verify(t.Context(), token)
	got := string(reasonOf(t, err))
	if got == "" {
		got = "ok"
	}
	if e := events.take(); len(e) != 1 || e[0].Reason != reasonOf(t, err) {
		t.Fatalf("got events %v, want one of %v", e, err)
	} else if e[0].CacheHit {
		got += ", known"
	}
	return got
}

func TestCacheHit(t *testing.T) {
	issuer, events := newIssuer(t), &recorder{}
	decoded := 0
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Observer = events
		c.Custom = func([]byte) (any, error) { decoded++; return decoded, nil }
	})
	token := issuer.Token(nil)
	var claims [2]*bearer.Claims
	for i, want := range []string{"ok", "ok, known"} {
		if got := seen(t, v, events, token); got != want {
			t.Errorf("time %d: got %s, want %s", i, got, want)
		}
		claims[i], _ = v.Verify(t.Context(), token)
		events.take()
	}
	if claims[0] != claims[1] || decoded != 1 {
		t.Errorf("got claims decoded %d times, want once", decoded)
	}
	if got, want := v.CacheStatus(), (bearer.CacheStatus{Entries: 1, Capacity: 4096, Hits: 3, Misses: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// A token that differs is another token, wherever it differs.
	for i := range len(token) {
		changed := token[:i] + string(token[i]^1) + token[i+1:]
		if got := seen(t, v, events, changed); strings.HasPrefix(got, "ok") {
			t.Errorf("character %d changed: got %s, want a refusal", i, got)
		}
	}
}

func TestCacheOff(t *testing.T) {
	issuer, events := newIssuer(t), &recorder{}
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.CacheSize = events, -1 })
	token := issuer.Token(nil)
	for range 2 {
		if got := seen(t, v, events, token); got != "ok" {
			t.Errorf("got %s, want ok and not known", got)
		}
	}
	if got, want := v.CacheStatus(), (bearer.CacheStatus{Misses: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestCacheOutlives nothing: a verdict that was remembered ends with everything
// that it depends on, at once.
func TestCacheOutlives(t *testing.T) {
	for _, row := range []struct {
		name   string
		claims map[string]any
		config func(*bearer.Config)
		then   func(*testing.T, *bearertest.Issuer, *liveKeys)
		want   string
		back   func(*testing.T, *bearertest.Issuer, *liveKeys) // nil: what ended does not come back
		again  string
	}{
		{name: "exp", then: func(*testing.T, *bearertest.Issuer, *liveKeys) { time.Sleep(time.Hour) }, want: "expired"},
		{name: "a moment before exp", then: func(*testing.T, *bearertest.Issuer, *liveKeys) { time.Sleep(time.Hour - 1) }, want: "ok, known"},
		{
			name: "maximum age", config: func(c *bearer.Config) { c.MaxAge = 10 * time.Minute },
			then: func(*testing.T, *bearertest.Issuer, *liveKeys) { time.Sleep(10*time.Minute + 1) }, want: "expired",
		},
		{
			name: "the key is withdrawn",
			then: func(t *testing.T, i *bearertest.Issuer, k *liveKeys) {
				t.Helper()
				i.Rotate()
				for _, key := range i.Keys()[:1] {
					i.Withdraw(key.ID())
				}
				k.publish(t, i.JWKS())
			},
			want: "unknown_key",
		},
		{
			name: "another key has its name",
			then: func(t *testing.T, i *bearertest.Issuer, k *liveKeys) {
				t.Helper()
				k.publish(t, []byte(`{"keys":[`+string(bearertest.NewKey("RS256", i.SigningKey("").ID()).JWK())+`]}`))
			},
			want: "signature",
		},
		{
			name: "keys cannot be had",
			then: func(_ *testing.T, _ *bearertest.Issuer, k *liveKeys) {
				var err error = &jwks.UnavailableError{}
				k.err.Store(&err)
			},
			want:  "keys_unavailable",
			back:  func(_ *testing.T, _ *bearertest.Issuer, k *liveKeys) { k.err.Store(nil) },
			again: "ok, known",
		},
		{
			name:  "the set is read anew, and the key is the same",
			then:  func(t *testing.T, i *bearertest.Issuer, k *liveKeys) { t.Helper(); k.publish(t, i.JWKS()) },
			want:  "ok", // it is verified once more
			back:  func(*testing.T, *bearertest.Issuer, *liveKeys) {},
			again: "ok, known",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, events := newIssuer(t), &recorder{}
				keys := newLiveKeys(t, issuer)
				v := newVerifier(t, issuer, func(c *bearer.Config) {
					c.Observer, c.Keys = events, keys
					if row.config != nil {
						row.config(c)
					}
				})
				token := issuer.Token(row.claims)
				for _, want := range []string{"ok", "ok, known"} {
					if got := seen(t, v, events, token); got != want {
						t.Fatalf("before: got %s, want %s", got, want)
					}
				}
				row.then(t, issuer, keys)
				if got := seen(t, v, events, token); got != row.want {
					t.Errorf("got %s, want %s", got, row.want)
				}
				if row.back == nil {
					return
				}
				row.back(t, issuer, keys)
				if got := seen(t, v, events, token); got != row.again {
					t.Errorf("afterwards: got %s, want %s", got, row.again)
				}
			})
		})
	}
}

// TestCacheOutage wants a token that is remembered to end with its issuer's keys,
// after jwks.Options.MaxStale, and to live through refreshes until then.
func TestCacheOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, events := newIssuer(t), &recorder{}
		keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), MaxStale: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.Keys = events, keys })
		token := issuer.Token(map[string]any{"exp": time.Now().Add(24 * time.Hour)})
		want := func(when, want string) {
			t.Helper()
			if got := seen(t, v, events, token); got != want {
				t.Errorf("%s: got %s, want %s", when, got, want)
			}
		}
		want("first", "ok")
		time.Sleep(3 * time.Hour)
		want("after refreshes", "ok, known")
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: 500})
		time.Sleep(40 * time.Minute)
		want("in an outage", "ok, known")
		time.Sleep(time.Hour)
		want("after MaxStale", "keys_unavailable")
		issuer.Repair(bearertest.KeysEndpoint)
		if err := keys.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("after the outage", "ok, known")
		if err := keys.Close(); err != nil {
			t.Fatal(err)
		}
		want("after Close", "keys_unavailable")
	})
}

// TestCacheValidates wants Config.Validate and the rule to be asked each time.
func TestCacheValidates(t *testing.T) {
	issuer, events := newIssuer(t), &recorder{}
	var asked int
	var answer error
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Observer = events
		c.Validate = func(context.Context, *bearer.Claims) error { asked++; return answer }
	})
	token := issuer.Token(map[string]any{"scope": "a"})
	for i, row := range []struct {
		answer error
		want   string
	}{{nil, "ok"}, {nil, "ok, known"}, {bearer.Revoked, "revoked, known"}, {errors.New("no"), "custom, known"}, {nil, "ok, known"}} {
		if answer = row.answer; true {
			if got := seen(t, v, events, token); got != row.want || asked != i+1 {
				t.Errorf("time %d: got %s, asked %d times, want %s", i, got, asked, row.want)
			}
		}
	}
	for scope, want := range map[string]bearer.Reason{"a": "", "b": bearer.MissingScope} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All(scope)})
		if got := reasonOf(t, err); got != want {
			t.Errorf("scope %s: got %q, want %q", scope, got, want)
		}
		if e := events.take(); len(e) != 1 || !e[0].CacheHit {
			t.Errorf("got %+v, want one event of a known token", e)
		}
	}
}

// TestCacheKeepsNoFailure wants a token to be judged anew after a refusal, and
// refusals to leave nothing behind.
func TestCacheKeepsNoFailure(t *testing.T) {
	issuer, events := newIssuer(t), &recorder{}
	keys := newLiveKeys(t, issuer)
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.Keys, c.CacheSize = events, keys, 1 })
	good := issuer.Token(nil)
	seen(t, v, events, good)

	key := issuer.Rotate()
	token := issuer.Token(nil)
	for range 2 {
		if got := seen(t, v, events, token); got != "unknown_key" {
			t.Errorf("got %s, want unknown_key", got)
		}
	}
	for range 100 {
		for _, bad := range []string{"x", "a.b.c", issuer.Forge(nil, nil), issuer.Token(map[string]any{"aud": "x"}), issuer.Token(map[string]any{"exp": 1})} {
			if got := seen(t, v, events, bad); strings.HasPrefix(got, "ok") {
				t.Fatalf("got %s, want a refusal", got)
			}
		}
	}
	if got := seen(t, v, events, good); got != "ok, known" {
		t.Errorf("a good token after bad ones: got %s, want that it is known", got)
	}
	keys.publish(t, []byte(`{"keys":[`+string(key.JWK())+`]}`))
	if got := seen(t, v, events, token); got != "ok" {
		t.Errorf("with its key: got %s, want ok", got)
	}
	if got := v.CacheStatus(); got.Entries != 1 || got.Evictions != 1 {
		t.Errorf("got %+v, want one entry, which took the place of another", got)
	}
}

// TestCacheBounds wants the cache to stay within its number of tokens, and large
// tokens to count for several.
func TestCacheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, events := newIssuer(t, "EdDSA"), &recorder{}
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.CacheSize = events, 8 })
		verify := func(claims map[string]any) {
			t.Helper()
			if got := seen(t, v, events, issuer.Token(claims)); got != "ok" {
				t.Fatalf("got %s, want ok", got)
			}
		}
		hot := issuer.Token(nil)
		seen(t, v, events, hot)
		for i := range 20 {
			verify(nil)
			if got := seen(t, v, events, hot); got != "ok, known" {
				t.Errorf("a token that is used all the time, after %d others: got %s, want that it is known", i+1, got)
			}
		}
		var tokens []string
		for range 20 {
			tokens = append(tokens, issuer.Token(nil))
			seen(t, v, events, tokens[len(tokens)-1])
		}
		for i, token := range tokens[14:] {
			if got := seen(t, v, events, token); got != "ok, known" {
				t.Errorf("the last but %d of 20 tokens, in a cache of 8: got %s, want that it is known", 5-i, got)
			}
		}
		if got := v.CacheStatus(); got.Entries != 8 || got.Evictions != 33 {
			t.Errorf("got %+v, want 8 entries and 33 evictions", got)
		}
		for range 20 {
			verify(map[string]any{"x": strings.Repeat("x", 3<<10)})
		}
		if got := v.CacheStatus(); got.Entries != 2 {
			t.Errorf("tokens of 3 KiB: got %+v, want 2 entries", got)
		}
		before := v.CacheStatus()
		verify(map[string]any{"x": strings.Repeat("x", 9<<10)})
		if got := v.CacheStatus(); got.Entries != before.Entries || got.Evictions != before.Evictions {
			t.Errorf("a token that has no room: got %+v, want it left out", got)
		}
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		if got := v.CacheStatus(); got.Entries != 0 || got.Evictions != before.Evictions {
			t.Errorf("after their expiry: got %+v, want no entries, and no evictions for it", got)
		}
		verify(nil)
		time.Sleep(30 * time.Second) // between two sweeps
		for range 7 {
			verify(nil)
		}
		time.Sleep(time.Hour)
		verify(nil)
		verify(nil)
		if got := v.CacheStatus(); got.Evictions != before.Evictions {
			t.Errorf("in the place of one that expired: got %+v, want no evictions for it", got)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		verify(nil)
		if got := v.CacheStatus(); got.Entries != 0 {
			t.Errorf("after Close: got %+v, want no entries", got)
		}
	})
}

// TestCacheTogether wants requests that come at the same time with one new token
// to verify it once, each of them to be judged by itself, and none to wait longer
// than its context lets it.
func TestCacheTogether(t *testing.T) {
	for _, row := range []struct {
		name   string
		end    func() (any, error) // of the one verification
		want   string              // for all others
		custom int                 // times that it ran in all: the one who gave up did not
	}{
		{"a success", func() (any, error) { return 1, nil }, "ok, known", 1},
		{"a failure", func() (any, error) { return nil, errors.New("no") }, "custom", 9},
		{"a panic", func() (any, error) { panic("no") }, "internal", 9},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer(t)
				var custom atomic.Int64
				release := make(chan struct{})
				v := newVerifier(t, issuer, func(c *bearer.Config) {
					c.Custom = func([]byte) (any, error) { custom.Add(1); <-release; return row.end() }
				})
				token := issuer.Token(nil)
				outcomes := make(chan string, 10)
				ask := func(ctx context.Context) {
					events := &recorder{}
					_, err := bearer.Decide(ctx, observed{v, events}, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
					got := string(reasonOf(t, err))
					if got == "" {
						got = "ok"
					}
					if e := events.take(); len(e) == 1 && e[0].CacheHit {
						got += ", known"
					}
					outcomes <- got
				}
				go ask(t.Context())
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				go ask(ctx)
				for range 8 {
					go ask(t.Context())
				}
				synctest.Wait()
				if got := custom.Load(); got != 1 {
					t.Errorf("got %d verifications at a time, want 1", got)
				}
				cancel()
				if got := <-outcomes; got != "keys_unavailable" {
					t.Errorf("who gave up: got %s, want keys_unavailable", got)
				}
				close(release)
				got := make(map[string]int)
				for range 9 {
					got[<-outcomes]++
				}
				want := map[string]int{row.want: 8}
				want[strings.TrimSuffix(row.want, ", known")]++
				if !maps.Equal(got, want) || int(custom.Load()) != row.custom {
					t.Errorf("got %v and %d verifications, want %v and %d", got, custom.Load(), want, row.custom)
				}
			})
		})
	}
}

// TestCacheTogetherLate has the verification take so long that the token expires:
// those who waited are not let through by it.
func TestCacheTogetherLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t)
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Custom = func([]byte) (any, error) { time.Sleep(2 * time.Hour); return 1, nil }
		})
		token := issuer.Token(nil)
		first := make(chan error)
		go func() {
			_, err := v.Verify(t.Context(), token)
			first <- err
		}()
		synctest.Wait()
		_, err := v.Verify(t.Context(), token)
		if got := reasonOf(t, err); got != bearer.Expired {
			t.Errorf("got %q, want expired", got)
		}
		if err := <-first; err != nil {
			t.Errorf("the first: got %v, want none: it had not expired when it was looked at", err)
		}
	})
}

// observed is a Verifier that is no verifier of the package, as a tracer is.
type observed struct {
	bearer.Verifier
	bearer.Observer
}

func TestCacheOfIssuers(t *testing.T) {
	const template = "https://login.microsoftonline.com/{tenantid}/v2.0"
	const tenant = "11111111-2222-3333-4444-555555555555"
	events := &recorder{}
	issuers := &bearer.Issuers{Observer: events}
	defer issuers.Close()
	config := func(i *bearertest.Issuer, name string) bearer.Config {
		t.Helper()
		return bearer.Config{Issuer: name, Audience: []string{audience}, Keys: newLiveKeys(t, i)}
	}
	add := func(cfg bearer.Config) {
		t.Helper()
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when, token, want string) {
		t.Helper()
		if got := seen(t, issuers, events, token); got != want {
			t.Errorf("%s: got %s, want %s", when, got, want)
		}
	}
	named := func(name string) *bearertest.Issuer {
		i := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: name, Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
		t.Cleanup(i.Close)
		return i
	}
	a, b, tenants := named("https://a.example"), named("https://b.example"), named("https://login.microsoftonline.com/"+tenant+"/v2.0")
	ofA, ofB, ofTenant := a.Token(nil), b.Token(nil), tenants.Token(map[string]any{"tid": tenant})
	add(config(a, a.URL()))
	want("a", ofA, "ok")
	add(config(b, b.URL()))
	add(config(tenants, template))
	want("a", ofA, "ok, known")
	want("b", ofB, "ok")
	want("a tenant", ofTenant, "ok")
	want("a tenant", ofTenant, "ok, known")
	for _, s := range issuers.Status() {
		if s.Cache.Entries != 1 {
			t.Errorf("%s: got %+v, want one entry", s.Issuer, s.Cache)
		}
	}

	// An issuer of its own goes before a template, and has other keys here.
	add(config(named(tenants.URL()), tenants.URL()))
	want("a tenant with an issuer of its own", ofTenant, "unknown_key")
	issuers.Remove(tenants.URL())
	want("a tenant again", ofTenant, "ok, known")

	issuers.Remove(a.URL())
	want("a removed", ofA, "issuer")
	want("b", ofB, "ok, known")
	add(config(a, a.URL()))
	want("a again", ofA, "ok")
	if err := issuers.Close(); err != nil {
		t.Fatal(err)
	}
	want("b after Close", ofB, "issuer")
}

// TestCacheRace has everything happen at once; it is for the race detector.
func TestCacheRace(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.CacheSize = 8 })
	tokens := make([]string, 32)
	for i := range tokens {
		tokens[i] = issuer.Token(map[string]any{"sub": fmt.Sprint(i)})
	}
	done := make(chan error)
	for range 8 {
		go func() {
			for i := range 200 {
				n := i % len(tokens)
				claims, err := v.Verify(t.Context(), tokens[n])
				if err == nil && claims.Subject() != fmt.Sprint(n) {
					err = fmt.Errorf("got the claims of %s, want those of %d", claims.Subject(), n)
				}
				if err != nil {
					done <- err
					return
				}
				if s := v.CacheStatus(); s.Entries > s.Capacity {
					done <- fmt.Errorf("got %+v", s)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
