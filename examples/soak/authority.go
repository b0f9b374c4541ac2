package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// authority is an issuer with the cache and the history of its keys.
type authority struct {
	number int
	alg    string
	pace   time.Duration
	long   bool // if true, the issuer has outages that last longer than the time for which cached keys may be used
	server *bearertest.Issuer
	cache  *jwks.Cache
	forger *bearertest.Key // a key that is never published

	mu        sync.Mutex // guards the fields below
	signing   *keyLife
	rotations []rotation
	outages   []outage
}

// keyLife is a key with the times of its publication and withdrawal. A zero time means that
// the event has not happened.
type keyLife struct {
	key         *bearertest.Key
	published   time.Time // the issuer serves the key from this time on
	withdrawing time.Time // the issuer serves the key at least until this time
	withdrawn   time.Time // the issuer does not serve the key after this time
}

// outage is a period in which an issuer does not serve its keys.
type outage struct {
	issuer     int
	start, end time.Time // end is zero during the outage
}

// rotation is the publication of a new key.
type rotation struct {
	issuer int
	at     time.Time
}

// grant holds the custom claims of the tokens. It has a slice and a map. Handlers share the
// slice and the map if the verifier does not copy them.
type grant struct {
	Team   string         `json:"team"`
	Tags   []string       `json:"tags"`
	Limits map[string]int `json:"limits"`
}

// maxStale returns the time for which cached keys may be used, for a unit of time.
func maxStale(pace time.Duration) time.Duration { return 10 * pace }

// newAuthority starts an issuer and adds it to the verifier.
func newAuthority(s *soak, i int, alg string, logger *slog.Logger) (*authority, error) {
	pace := s.cfg.pace
	a := &authority{number: i, alg: alg, pace: pace, long: i == 2}
	a.server = bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{alg}})
	a.signing = &keyLife{key: a.server.SigningKey(""), published: time.Now()}
	a.forger = bearertest.NewKey(alg, "")
	var err error
	a.cache, err = jwks.Discover(a.server.URL(), &jwks.Options{
		MinInterval: pace / 2, MaxInterval: 3 * pace, CoolDown: 2 * pace, MaxStale: maxStale(pace), Timeout: 4 * pace, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return a, s.verifier.Add(bearer.Config{
		Issuer: a.server.URL(), Audience: []string{audience}, Keys: a.cache, CacheSize: 512,
		Custom: bearer.JSONAt[grant]("grant"), Logger: logger,
	})
}

// runEvents runs the events of the issuer until ctx ends. It repeats this sequence: a quiet
// period, a rotation with notice, a rotation without notice, and an outage. If a.long is true,
// the sequence ends with an additional long outage.
func (a *authority) runEvents(ctx context.Context) {
	faults := []bearertest.Fault{
		{Status: http.StatusInternalServerError},
		{Hang: true},
		{Abort: true},
		{Status: http.StatusOK, Body: []byte(`{"keys":[]}`)},
		{Status: http.StatusOK, Body: []byte("<html>maintenance</html>")},
		{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"1"}}},
	}
	if !a.wait(ctx, 2*a.number) { // the events of the issuers must not coincide
		return
	}
	for n := 0; ; n++ {
		for _, step := range []func() bool{
			func() bool { return a.wait(ctx, 3) },
			func() bool { return a.rotateWithNotice(ctx) },
			func() bool { return a.wait(ctx, 4) },
			func() bool { a.rotateAtOnce(); return a.wait(ctx, 4) },
			func() bool { return a.fail(ctx, faults[n%len(faults)], 5) },
			func() bool { return !a.long || a.wait(ctx, 4) && a.fail(ctx, faults[0], 14) },
		} {
			if !step() {
				return
			}
		}
	}
}

// wait waits for the given number of units of time. If ctx ends first, the result is
// false.
func (a *authority) wait(ctx context.Context, units int) bool {
	timer := time.NewTimer(time.Duration(units) * a.pace)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// rotateWithNotice rotates the key with notice. The issuer publishes the new key before it
// signs with this key, and withdraws the old key later.
func (a *authority) rotateWithNotice(ctx context.Context) bool {
	next := a.publish()
	if !a.wait(ctx, 4) {
		return false
	}
	old := a.sign(next)
	if !a.wait(ctx, 3) {
		return false
	}
	a.withdraw(old)
	return true
}

// rotateAtOnce rotates the key without notice, as an issuer does after an attacker stole the
// key. The issuer signs with the new key at once, and withdraws the old key at once.
func (a *authority) rotateAtOnce() { a.withdraw(a.sign(a.publish())) }

func (a *authority) publish() *keyLife {
	life := &keyLife{key: bearertest.NewKey(a.alg, "")}
	a.server.Publish(life.key)
	a.mu.Lock()
	defer a.mu.Unlock()
	life.published = time.Now()
	a.rotations = append(a.rotations, rotation{issuer: a.number, at: life.published})
	return life
}

func (a *authority) sign(with *keyLife) (old *keyLife) {
	a.server.SignWith(with.key)
	a.mu.Lock()
	defer a.mu.Unlock()
	old, a.signing = a.signing, with
	return old
}

func (a *authority) withdraw(old *keyLife) {
	a.mu.Lock()
	old.withdrawing = time.Now()
	a.mu.Unlock()
	a.server.Withdraw(old.key.ID())
	a.mu.Lock()
	old.withdrawn = time.Now()
	a.mu.Unlock()
}

// fail injects a fault for the given number of units of time.
func (a *authority) fail(ctx context.Context, f bearertest.Fault, units int) bool {
	a.mu.Lock()
	a.outages = append(a.outages, outage{issuer: a.number, start: time.Now()})
	a.mu.Unlock()
	a.server.Inject(bearertest.KeysEndpoint, f)
	more := a.wait(ctx, units)
	a.server.Repair(bearertest.KeysEndpoint)
	a.mu.Lock()
	a.outages[len(a.outages)-1].end = time.Now()
	a.mu.Unlock()
	return more
}

// signingKey returns the key that signs tokens now.
func (a *authority) signingKey() *keyLife {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.signing
}

// healthy reports whether all outages ended more than 6 units of time before t. After this
// time, a fetch that hung in an outage has timed out.
func (a *authority) healthy(t time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.outages {
		if o.end.IsZero() || o.end.After(t.Add(-6*a.pace)) {
			return false
		}
	}
	return true
}

// mint returns a token signed with the key life.key. The token is valid, except for the changes
// in the arguments header and claims. The value nil removes a member.
func (a *authority) mint(life *keyLife, header, claims map[string]any) string {
	now := time.Now()
	h := map[string]any{"alg": life.key.Algorithm(), "kid": life.key.ID(), "typ": "at+jwt"}
	c := map[string]any{
		"iss": a.server.URL(), "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"sub": "nobody", "client_id": "nobody", "jti": rand.Text(), "scope": "read:deployments deploy:applications",
		"grant": grant{Team: "blue", Tags: []string{"a", "b"}, Limits: map[string]int{"replicas": 3}},
	}
	for to, from := range map[*map[string]any]map[string]any{&h: header, &c: claims} {
		for name, value := range from {
			if (*to)[name] = value; value == nil {
				delete(*to, name)
			}
		}
	}
	return life.key.Sign(encode(h), encode(c))
}

func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err) //nolint:forbidigo // encoding the values of this program returns no error
	}
	return out
}
