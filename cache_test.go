package bearer_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// liveKeys is a KeySet whose keys can change. It counts calls of Lookup.
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

// verifyOnce verifies a token and returns the outcome. It fails the test unless there is
// exactly one event, which must have the reason of the error.
func verifyOnce(t *testing.T, v bearer.Verifier, events *testkit.Recorder, token string) string {
	t.Helper()
	_, err := v.Verify(t.Context(), token)
	e := events.Take()
	if len(e) != 1 || e[0].Reason != reasonOf(t, err) {
		t.Fatalf("got events %v, want one event with the reason of the error %v", e, err)
	}
	return outcome(t, err, e)
}

// outcome returns the reason of err, or "ok". It appends ", cached" if the only event
// reports a cache hit.
func outcome(t *testing.T, err error, events []bearer.Event) string {
	t.Helper()
	got := string(reasonOf(t, err))
	if got == "" {
		got = "ok"
	}
	if len(events) == 1 && events[0].CacheHit {
		got += ", cached"
	}
	return got
}

func TestCacheHit(t *testing.T) {
	issuer, events := newIssuer(t), &testkit.Recorder{}
	decoded := 0
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Observer = events
		c.Custom = func([]byte) (any, error) { decoded++; return decoded, nil }
	})
	token := issuer.Token(nil)
	var claims [2]*bearer.Claims
	for i, want := range []string{"ok", "ok, cached"} {
		if got := verifyOnce(t, v, events, token); got != want {
			t.Errorf("call %d: got %q, want %q", i+1, got, want)
		}
		claims[i], _ = v.Verify(t.Context(), token)
		events.Take()
	}
	if claims[0] != claims[1] || decoded != 1 {
		t.Errorf("got %d decodings of the custom claims, want 1 and the same claims in both calls", decoded)
	}
	want := bearer.IssuerStatus{}.Cache
	want.Entries, want.Capacity, want.Hits, want.Misses = 1, 4096, 3, 1
	if got := v.Status()[0].Cache; got != want {
		t.Errorf("got status %+v, want %+v", got, want)
	}
	// A token that differs in one character must not hit the cache.
	for i := range len(token) {
		changed := token[:i] + string(token[i]^1) + token[i+1:]
		if got := verifyOnce(t, v, events, changed); strings.HasPrefix(got, "ok") {
			t.Errorf("character %d changed: got %q, want a refusal", i, got)
		}
	}
}

func TestCacheOff(t *testing.T) {
	issuer, events := newIssuer(t), &testkit.Recorder{}
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.CacheSize = events, -1 })
	token := issuer.Token(nil)
	for range 2 {
		if got := verifyOnce(t, v, events, token); got != "ok" {
			t.Errorf("got outcome %q, want \"ok\"", got)
		}
	}
	want := bearer.IssuerStatus{}.Cache
	want.Misses = 2
	if got := v.Status()[0].Cache; got != want {
		t.Errorf("got status %+v, want %+v", got, want)
	}
}

// TestCachedVerdictEnds tests that the verifier stops using a cached verdict when the token
// expires, when the token's key changes, and when the keys become unavailable.
func TestCachedVerdictEnds(t *testing.T) {
	for _, row := range []struct {
		name      string
		claims    map[string]any
		config    func(*bearer.Config)
		change    func(*testing.T, *bearertest.Issuer, *liveKeys)
		want      string
		undo      func(*testing.T, *bearertest.Issuer, *liveKeys) // If undo is nil, the test ends after the call of the function "change".
		wantAfter string                                          // the outcome after the call of the function "undo"
	}{
		{name: "at exp", change: func(*testing.T, *bearertest.Issuer, *liveKeys) { time.Sleep(time.Hour) }, want: "expired"},
		{name: "1 ns before exp", change: func(*testing.T, *bearertest.Issuer, *liveKeys) { time.Sleep(time.Hour - 1) }, want: "ok, cached"},
		{
			name: "after MaxAge", config: func(c *bearer.Config) { c.MaxAge = 10 * time.Minute },
			change: func(*testing.T, *bearertest.Issuer, *liveKeys) { time.Sleep(10*time.Minute + 1) }, want: "expired",
		},
		{
			name: "key withdrawn",
			change: func(t *testing.T, i *bearertest.Issuer, k *liveKeys) {
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
			name: "different key with the same kid",
			change: func(t *testing.T, i *bearertest.Issuer, k *liveKeys) {
				t.Helper()
				k.publish(t, []byte(`{"keys":[`+string(bearertest.NewKey("RS256", i.SigningKey("").ID()).JWK())+`]}`))
			},
			want: "signature",
		},
		{
			name: "keys become unavailable and then available again",
			change: func(_ *testing.T, _ *bearertest.Issuer, k *liveKeys) {
				var err error = &jwks.UnavailableError{}
				k.err.Store(&err)
			},
			want:      "keys_unavailable",
			undo:      func(_ *testing.T, _ *bearertest.Issuer, k *liveKeys) { k.err.Store(nil) },
			wantAfter: "ok, cached",
		},
		{
			name:      "key set reloaded with the same key",
			change:    func(t *testing.T, i *bearertest.Issuer, k *liveKeys) { t.Helper(); k.publish(t, i.JWKS()) },
			want:      "ok", // the verifier verifies the token a second time
			undo:      func(*testing.T, *bearertest.Issuer, *liveKeys) {},
			wantAfter: "ok, cached",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, events := newIssuer(t), &testkit.Recorder{}
				keys := newLiveKeys(t, issuer)
				v := newVerifier(t, issuer, func(c *bearer.Config) {
					c.Observer, c.Keys = events, keys
					if row.config != nil {
						row.config(c)
					}
				})
				token := issuer.Token(row.claims)
				for _, want := range []string{"ok", "ok, cached"} {
					if got := verifyOnce(t, v, events, token); got != want {
						t.Fatalf("before the change: got %q, want %q", got, want)
					}
				}
				row.change(t, issuer, keys)
				if got := verifyOnce(t, v, events, token); got != row.want {
					t.Errorf("got outcome %q, want %q", got, row.want)
				}
				if row.undo == nil {
					return
				}
				row.undo(t, issuer, keys)
				if got := verifyOnce(t, v, events, token); got != row.wantAfter {
					t.Errorf("after undo: got %q, want %q", got, row.wantAfter)
				}
			})
		})
	}
}

// TestCacheOutage tests the verdict on a cached token. The verifier must accept the token
// while the keys are refreshed. During an outage, the verifier must accept the token until
// jwks.Options.MaxStale has passed, and must refuse the token after this time.
func TestCacheOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, events := newIssuer(t), &testkit.Recorder{}
		keys, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: issuer.Transport(), MaxStale: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.Keys = events, keys })
		token := issuer.Token(map[string]any{"exp": time.Now().Add(24 * time.Hour)})
		want := func(when, want string) {
			t.Helper()
			if got := verifyOnce(t, v, events, token); got != want {
				t.Errorf("%s: got outcome %q, want %q", when, got, want)
			}
		}
		want("first call", "ok")
		time.Sleep(3 * time.Hour)
		want("after refreshes", "ok, cached")
		issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Status: 500})
		time.Sleep(40 * time.Minute)
		want("during an outage", "ok, cached")
		time.Sleep(time.Hour)
		want("after MaxStale", "keys_unavailable")
		issuer.Repair(bearertest.KeysEndpoint)
		if err := keys.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		want("after the outage", "ok, cached")
		if err := keys.Close(); err != nil {
			t.Fatal(err)
		}
		want("after Close", "keys_unavailable")
	})
}

// TestCacheRunsValidateAndRule tests that the verifier calls Config.Validate and evaluates
// the rule for each request, even if the token is cached.
func TestCacheRunsValidateAndRule(t *testing.T) {
	issuer, events := newIssuer(t), &testkit.Recorder{}
	var calls int
	var result error // result of Validate
	v := newVerifier(t, issuer, func(c *bearer.Config) {
		c.Observer = events
		c.Validate = func(context.Context, *bearer.Claims) error { calls++; return result }
	})
	token := issuer.Token(map[string]any{"scope": "a"})
	for i, row := range []struct {
		result error
		want   string
	}{{nil, "ok"}, {nil, "ok, cached"}, {bearer.Revoked, "revoked, cached"}, {errors.New("no"), "custom, cached"}, {nil, "ok, cached"}} {
		result = row.result
		if got := verifyOnce(t, v, events, token); got != row.want || calls != i+1 {
			t.Errorf("call %d: got %q and %d calls of Validate, want %q and %d calls", i+1, got, calls, row.want, i+1)
		}
	}
	for scope, want := range map[string]bearer.Reason{"a": "", "b": bearer.MissingScope} {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All(scope)})
		if got := reasonOf(t, err); got != want {
			t.Errorf("scope %s: got reason %q, want %q", scope, got, want)
		}
		if e := events.Take(); len(e) != 1 || !e[0].CacheHit {
			t.Errorf("got events %+v, want one event with a cache hit", e)
		}
	}
}

// TestCacheStoresNoRefusal tests that the verifier verifies a refused token each time a client
// sends the token. Refused tokens must take no space in the cache.
func TestCacheStoresNoRefusal(t *testing.T) {
	issuer, events := newIssuer(t), &testkit.Recorder{}
	keys := newLiveKeys(t, issuer)
	v := newVerifier(t, issuer, func(c *bearer.Config) { c.Observer, c.Keys, c.CacheSize = events, keys, 1 })
	good := issuer.Token(nil)
	verifyOnce(t, v, events, good)

	key := issuer.Rotate()
	token := issuer.Token(nil)
	for range 2 {
		if got := verifyOnce(t, v, events, token); got != "unknown_key" {
			t.Errorf("got outcome %q, want \"unknown_key\"", got)
		}
	}
	for range 100 {
		for _, bad := range []string{"x", "a.b.c", issuer.Forge(nil, nil), issuer.Token(map[string]any{"aud": "x"}), issuer.Token(map[string]any{"exp": 1})} {
			if got := verifyOnce(t, v, events, bad); strings.HasPrefix(got, "ok") {
				t.Fatalf("got outcome %q, want a refusal", got)
			}
		}
	}
	if got := verifyOnce(t, v, events, good); got != "ok, cached" {
		t.Errorf("valid token after refused tokens: got %q, want \"ok, cached\"", got)
	}
	keys.publish(t, []byte(`{"keys":[`+string(key.JWK())+`]}`))
	if got := verifyOnce(t, v, events, token); got != "ok" {
		t.Errorf("after the key was published: got %q, want \"ok\"", got)
	}
	if got := v.Status()[0].Cache; got.Entries != 1 || got.Evictions != 1 {
		t.Errorf("got status %+v, want one entry and one eviction", got)
	}
}

func TestCacheOfIssuers(t *testing.T) {
	const template = "https://login.microsoftonline.com/{tenantid}/v2.0"
	const tenant = "11111111-2222-3333-4444-555555555555"
	events := &testkit.Recorder{}
	issuers := &bearer.Issuers{Observer: events}
	defer issuers.Close()
	config := func(i *bearertest.Issuer, name string) bearer.Config {
		t.Helper()
		return bearer.Config{Issuer: name, Audience: []string{audience}, Keys: newLiveKeys(t, i), InsecureAnyTenant: true}
	}
	add := func(cfg bearer.Config) {
		t.Helper()
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when, token, want string) {
		t.Helper()
		if got := verifyOnce(t, issuers, events, token); got != want {
			t.Errorf("%s: got outcome %q, want %q", when, got, want)
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
	want("token of A", ofA, "ok")
	add(config(b, b.URL()))
	add(config(tenants, template))
	want("token of A", ofA, "ok, cached")
	want("token of B", ofB, "ok")
	want("token of a tenant", ofTenant, "ok")
	want("token of a tenant", ofTenant, "ok, cached")
	for _, s := range issuers.Status() {
		if s.Cache.Entries != 1 {
			t.Errorf("%s: got status %+v, want one entry", s.Issuer, s.Cache)
		}
	}

	// An issuer with the tenant's exact name has precedence over the template. The keys of the
	// added issuer differ from the keys of the template.
	add(config(named(tenants.URL()), tenants.URL()))
	want("token of a tenant that was added as an issuer", ofTenant, "unknown_key")
	issuers.Remove(tenants.URL())
	want("token of a tenant that was removed as an issuer", ofTenant, "ok, cached")

	issuers.Remove(a.URL())
	want("token of A after A was removed", ofA, "issuer")
	want("token of B after A was removed", ofB, "ok, cached")
	add(config(a, a.URL()))
	want("token of A after A was added again", ofA, "ok")
	if err := issuers.Close(); err != nil {
		t.Fatal(err)
	}
	want("token of B after Close", ofB, "issuer")
}
