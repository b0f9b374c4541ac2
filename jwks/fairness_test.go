package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// flood is an issuer that works, the last of a crowd whose other issuers misbehave.
type flood struct {
	others     int  // number of other issuers
	discover   bool // whether the caches discover the URL of the key set
	start, bad answerer
	old, new   answerer // how the issuer that works answers before and after the rotation
	attack     func(ctx context.Context, others []*jwks.Cache)
	warm       time.Duration // how long the attack lasts before the token of the issuer comes
	most       time.Duration // until the new key must be found
	rate       int           // Limits.MaxBytesPerSecond
}

// run starts the attack. Then it checks how long the cache of the issuer that works needs to
// find the key "new".
func (f flood) run(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		others := scaled(f.others)
		answers := func(bad, last answerer) answerer { return lastDiffers(others, bad, last) }
		start := startCrowd
		if f.discover {
			start = discoverCrowd
			f.start, f.old, f.new = discovered(f.start), discovered(f.old), discovered(f.new)
		}
		limits := scaledLimits()
		limits.MaxBytesPerSecond = f.rate
		c, caches := start(t, others+1, limits, answers(f.start, f.old))
		last := caches[others]
		wantSoon(t, "keys after the start", 20*time.Second, func() bool { return last.Status().Ready })
		time.Sleep(2 * time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		defer func() {
			cancel()
			time.Sleep(3 * time.Second) // the lookups of the attack end
		}()
		c.set(answers(f.bad, f.old))
		go f.attack(ctx, caches[:others])
		time.Sleep(f.warm)
		c.set(answers(f.bad, f.new))
		wantSoon(t, "the new key", f.most, func() bool {
			_, err := last.Key(t.Context(), "new", "EdDSA")
			return err == nil
		})
	})
}

// discovered answers requests for metadata with metadata, and others with the function answer.
func discovered(answer answerer) answerer {
	return func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/keys") {
			return answer(r)
		}
		issuer := "https://" + r.URL.Host + "/t"
		return response(r, 200, nil, []byte(metadata(issuer, issuer+"/keys"))), nil
	}
}

// wantSoon checks that done returns true within the time most.
func wantSoon(t *testing.T, what string, most time.Duration, done func() bool) {
	t.Helper()
	start := time.Now()
	for !done() {
		if time.Since(start) > 10*most {
			t.Fatalf("%s: got none after %v, want it within %v", what, time.Since(start), most)
		}
		time.Sleep(100 * time.Millisecond)
	}
	took := time.Since(start)
	t.Logf("%s: after %v", what, took)
	if took > most {
		t.Errorf("%s: got it after %v, want it within %v", what, took, most)
	}
}

// forgeAround does what forge does, but half of the tokens come 20 ms later, so tokens that come
// between are in the middle of the flood.
func forgeAround(ctx context.Context, caches []*jwks.Cache) {
	go forge(ctx, caches[:len(caches)/2])
	time.Sleep(20 * time.Millisecond)
	forge(ctx, caches[len(caches)/2:])
}

// forgeSpread looks up unknown keys in all caches, five each second, spread over the second.
func forgeSpread(ctx context.Context, caches []*jwks.Cache) {
	for i, cache := range caches {
		go func() {
			time.Sleep(time.Duration(i) * time.Second / time.Duration(len(caches)))
			for round := 0; ctx.Err() == nil; round++ {
				go func() { _, _ = cache.Key(ctx, fmt.Sprint("forged", round), "EdDSA") }()
				time.Sleep(200 * time.Millisecond)
			}
		}()
	}
}

// rotating answers with a different key set each time.
func rotating() answerer {
	var mu sync.Mutex
	seed := 0
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		seed++
		return response(r, 200, nil, document(jwk{"kty": "OKP", "crv": "Ed25519", "kid": fmt.Sprint(seed), "x": number(32, seed)})), nil
	}
}

// While 1,999 issuers hang, a rotation is noticed within 5 s, for issuers that answer quickly and
// slowly, and for tokens between and after the forged tokens. If all issuers answered equally
// slowly before, the time is longer, because they do not differ.
func TestRotationWhileOthersHang(t *testing.T) {
	for place, attack := range map[string]func(context.Context, []*jwks.Cache){"after": forge, "between": forgeAround} {
		for name, row := range map[string]struct{ others, latency, most time.Duration }{
			"50 ms":                                {0, 50 * time.Millisecond, 5 * time.Second},
			"250 ms":                               {0, 250 * time.Millisecond, 5 * time.Second},
			"400 ms":                               {0, 400 * time.Millisecond, 5 * time.Second},
			"50 ms, others answered after 450 ms":  {450 * time.Millisecond, 50 * time.Millisecond, 5 * time.Second},
			"400 ms, others answered after 190 ms": {190 * time.Millisecond, 400 * time.Millisecond, 5 * time.Second},
			"all answered after 160 ms":            {160 * time.Millisecond, 160 * time.Millisecond, 4 * time.Second},
			"all answered after 250 ms":            {250 * time.Millisecond, 250 * time.Millisecond, 6 * time.Second},
			"all answered after 500 ms":            {500 * time.Millisecond, 500 * time.Millisecond, 11 * time.Second},
		} {
			t.Run(place+" "+name, func(t *testing.T) {
				flood{
					others: 1999, start: after(row.others, serve(document(edKey("a")))), bad: hang,
					old: after(row.latency, serve(document(edKey("old")))), new: after(row.latency, serve(document(edKey("new")))),
					attack: attack, warm: 10 * time.Millisecond, most: row.most,
				}.run(t)
			})
		}
	}
}

// Issuers that answer, each time with a new key, do not delay a rotation.
func TestRotationWhileOthersAnswer(t *testing.T) {
	for name, latency := range map[string]time.Duration{"100 ms": 100 * time.Millisecond, "300 ms": 300 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			flood{
				others: 1999, start: serve(document(edKey("a"))), bad: after(190*time.Millisecond, rotating()),
				old: after(latency, serve(document(edKey("old")))), new: after(latency, serve(document(edKey("new")))),
				attack: forge, warm: 10 * time.Second, most: 5 * time.Second,
			}.run(t)
		})
	}
}

// Issuers that answer each of the many requests of a discovery slowly do not delay a rotation for
// long: a refresh has the same patience with all its requests together.
func TestRotationWhileOthersDiscover(t *testing.T) {
	missing := after(190*time.Millisecond, func(r *http.Request) (*http.Response, error) { return response(r, 404, nil, nil), nil })
	flood{
		others: 1999, discover: true, start: serve(document(edKey("a"))), bad: missing,
		old: serve(document(edKey("old"))), new: serve(document(edKey("new"))),
		attack: forgeAround, warm: 10 * time.Millisecond, most: 5 * time.Second,
	}.run(t)
}

// failFirst answers the first request with one answer and the others with another answer.
func failFirst(first, then answerer) answerer {
	var mu sync.Mutex
	n := 0
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		n++
		isFirst := n == 1
		mu.Unlock()
		if isFirst {
			return first(r)
		}
		return then(r)
	}
}

// One failure of an issuer that works does not put its cache behind the others.
func TestRotationAfterOneFailure(t *testing.T) {
	status := func(code int) answerer {
		return func(r *http.Request) (*http.Response, error) { return response(r, code, nil, nil), nil }
	}
	refused := func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("connection refused") }
	fresh := serve(document(edKey("new")))
	for name, row := range map[string]struct {
		failure answerer
		bad     answerer
		most    time.Duration
	}{
		"503, others hang":                  {status(503), hang, 5 * time.Second},
		"404, others hang":                  {status(404), hang, 5 * time.Second},
		"no connection, others hang":        {refused, hang, 5 * time.Second},
		"not a key set, others hang":        {serve([]byte("<html>")), hang, 5 * time.Second},
		"503, others answer":                {status(503), after(190*time.Millisecond, rotating()), 8 * time.Second},
		"it hung once, while others hang":   {hang, hang, 12 * time.Second},
		"it hung once, while others answer": {hang, after(190*time.Millisecond, rotating()), 12 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			flood{
				others: 1999, start: serve(document(edKey("a"))), bad: row.bad,
				old: serve(document(edKey("old"))), new: failFirst(row.failure, fresh),
				attack: forge, warm: time.Second, most: row.most,
			}.run(t)
		})
	}
}

// A new issuer with discovery gets its keys soon, while the others hang or answer.
func TestStartWhileOthersAreBusy(t *testing.T) {
	for name, row := range map[string]struct {
		others, maxFetches int
		bad                answerer
	}{
		"1999 hang":                    {1999, 0, hang},
		"300 hang":                     {300, 0, hang},
		"500 answer":                   {500, 0, after(190*time.Millisecond, rotating())},
		"160 answer, MaxFetches 16":    {160, 16, after(190*time.Millisecond, rotating())},
		"30 answer, MaxFetches 3":      {30, 3, after(190*time.Millisecond, rotating())},
		"10 answer, MaxFetches 1":      {10, 1, after(190*time.Millisecond, rotating())},
		"30 hang, MaxFetches 1":        {30, 1, hang},
		"160 hang late, 16 MaxFetches": {160, 16, failFirst(serve(document(edKey("a"))), hang)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits, others := &jwks.Limits{MaxFetches: row.maxFetches}, row.others
				if row.maxFetches == 0 {
					limits, others = scaledLimits(), scaled(row.others)
				}
				c, caches := startCrowd(t, others, limits, serve(document(edKey("old"))))
				time.Sleep(30 * time.Second)
				c.set(row.bad)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				forgeSpread(ctx, caches)
				time.Sleep(20 * time.Second)
				s := site{issuerURL + oidc: metadata(issuerURL, keysURL), keysURL: string(document(ecKey("a")))}
				o := options(&issuer{answer: func(r *http.Request) *http.Response {
					time.Sleep(150 * time.Millisecond)
					return s.answer(r)
				}})
				o.Issuer, o.Limits = "", limits
				cache, err := jwks.Discover(issuerURL, o)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = cache.Close() }()
				wantSoon(t, "keys of the new issuer", 5*time.Second, func() bool { return cache.Status().Ready })
				cancel()
				time.Sleep(3 * time.Second) // the lookups of the attack end
			})
		})
	}
}

// A refresh whose request waits for the Limits without success sends no request.
func TestNoRequestWithoutSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := &jwks.Limits{MaxFetches: 1}
		limits.SetRate(1 << 10)
		stubborn := &crowd{requests: map[string]int{}}
		end, asked := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var mu sync.Mutex
		moved := false
		stubborn.answer = func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "as.test" && r.URL.Host != "cdn.test" { // ignores the context
				<-end
				return nil, r.Context().Err()
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.URL.String() == keysURL:
				return response(r, 200, http.Header{"Cache-Control": {"max-age=3600"}}, document(ecKey("a"))), nil
			case !moved:
				return response(r, 200, nil, []byte(metadata(issuerURL, keysURL))), nil
			case strings.HasSuffix(r.URL.Path, oidc): // costs all bytes
				once.Do(func() { close(asked) })
				time.Sleep(100 * time.Millisecond)
				return response(r, 200, nil, []byte(metadata("https://other.test/"+strings.Repeat("a", 2500), keysURL))), nil
			}
			return response(r, 200, nil, []byte(metadata("https://other.test", keysURL))), nil
		}
		o := options(nil)
		o.Issuer, o.Limits, o.Transport = "", limits, stubborn
		cache, err := jwks.Discover(issuerURL, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cache.Close() }()
		if err := cache.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		mu.Lock()
		moved = true
		mu.Unlock()
		<-asked
		var others []*jwks.Cache
		for i := range 3 { // they take the slot while the bytes of the metadata wait
			o := options(nil)
			o.Limits, o.Transport = limits, stubborn
			other, err := jwks.New(fmt.Sprintf("https://%d.test/keys", i), o)
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, other)
		}
		before := cache.Status()
		time.Sleep(30 * time.Second)
		stubborn.mu.Lock()
		want(t, "most requests in flight", stubborn.maxInFlight, 1)
		want(t, "requests of the others", stubborn.inFlight, 1)
		stubborn.mu.Unlock()
		s := cache.Status()
		want(t, "failed refreshes while all requests are in use", s.Failed, before.Failed)
		if wait := s.LimitWait - before.LimitWait; wait < 25*time.Second {
			t.Errorf("LimitWait while all requests are in use for 30 s: got %v, want at least 25 s", wait)
		}
		close(end)
		for _, other := range others {
			_ = other.Close()
		}
	})
}
