package jwks_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// An issuer answers each request slowly, and its metadata comes first. The cache has keys within
// twice the timeout and 1 s, with and without requests. The delays are equal or random.
func TestSlowIssuerWithDiscovery(t *testing.T) {
	const timeout = 5 * time.Second // the default
	for _, traffic := range []string{"none", "lookups", "readiness"} {
		for n := range 24 {
			least, most := 2600*time.Millisecond+time.Duration(n)*100*time.Millisecond, 2600*time.Millisecond+time.Duration(n)*100*time.Millisecond
			if n == 23 {
				least, most = 2600*time.Millisecond, 4800*time.Millisecond
			}
			for _, second := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v to %v, requests: %s, second place %v", least, most, traffic, second), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						place, limit := "https://as.test"+oidc, 2*timeout+time.Second
						if second { // three answers are needed
							place, limit = "https://as.test/.well-known/oauth-authorization-server", 3*timeout+2*time.Second
						}
						s := site{place: metadata("https://as.test", keysURL), keysURL: string(document(ecKey("a")))}
						i := &issuer{answer: s.answer}
						start := time.Now()
						c := discover(t, "https://as.test", i, func(o *jwks.Options) {
							o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
								d := least
								if most > least {
									d += rand.N(most - least) //nolint:gosec // for a test
								}
								return after(d, func(r *http.Request) (*http.Response, error) { return i.RoundTrip(r) })(r)
							})
						})
						var wg sync.WaitGroup
						done := make(chan struct{})
						if traffic == "lookups" {
							for range 5 {
								wg.Go(func() {
									for {
										select {
										case <-done:
											return
										case <-time.After(10 * time.Millisecond):
											keyOutcome(t, c, "a")
										}
									}
								})
							}
						}
						if traffic == "readiness" {
							wg.Go(func() { want(t, "Ready", outcome(c.Ready(t.Context())), "ok") })
						}
						for !c.Status().Ready && time.Since(start) < time.Minute {
							time.Sleep(10 * time.Millisecond)
						}
						if d := time.Since(start); d > limit+10*time.Millisecond {
							t.Errorf("keys after %v, want at most %v", d, limit)
						}
						close(done)
						wg.Wait()
					})
				})
			}
		}
	}
}

// moving is an issuer that changes the URL of its key set. Its old URL still answers.
type moving struct {
	*issuer
	site site
}

const asURL, oldURL, newURL = "https://as.test", "https://as.test/old", "https://as.test/new"

func newMoving() *moving {
	m := &moving{site: site{asURL + oidc: metadata(asURL, oldURL), oldURL: string(document(ecKey("a")))}}
	m.issuer = &issuer{answer: m.site.answer, delay: 50 * time.Millisecond}
	return m
}

func (m *moving) move() {
	m.update(func(*issuer) {
		m.site[asURL+oidc], m.site[newURL] = metadata(asURL, newURL), string(document(ecKey("a"), ecKey("b")))
		m.urls = nil
	})
}

// lastMetadata returns the time of the last request for the metadata.
func (m *moving) lastMetadata() (last time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n, u := range m.urls {
		if u == asURL+oidc {
			last = m.requests[n]
		}
	}
	return last
}

// count returns the number of requests for the URL.
func (m *moving) count(url string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.urls {
		if u == url {
			n++
		}
	}
	return n
}

// The metadata names a new URL of the key set, and the old URL still answers, with the old keys. A
// token with a new key finds it, if the metadata in use is older than a minute.
func TestJWKSURIMoves(t *testing.T) {
	for age := time.Duration(0); age < 58*time.Minute; age += 17 * time.Second {
		synctest.Test(t, func(t *testing.T) {
			m := newMoving()
			c := discover(t, asURL, m.issuer)
			time.Sleep(age)
			old := time.Since(m.lastMetadata())
			m.move()
			start, refused := time.Now(), 0
			for time.Since(start) < 70*time.Second {
				if got := keyOutcome(t, c, "b"); got != "ok" {
					refused++
					// A miss asks once per cool-down, 8 s. The metadata must be a minute old by then.
					if old+time.Since(start) > 69*time.Second || old > time.Minute {
						t.Errorf("metadata of %v: lookup after %v: got %s, want ok", old, time.Since(start), got)
					}
				}
				time.Sleep(time.Second)
			}
			want(t, "URL", c.Status().URL, newURL)
			if n := m.count(oldURL); n > 2 && old > time.Minute {
				t.Errorf("metadata of %v: fetches of the old URL: got %d, want at most 2", old, n)
			}
			if n := m.count(oldURL); n > 2+69/8 {
				t.Errorf("metadata of %v: fetches of the old URL: got %d, want at most 10", old, n)
			}
		})
	}
}

// A rotation at the URL in use needs no metadata, and a flood of invented kids causes one request
// for the metadata per minute.
func TestMissesAndMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMoving()
		c := discover(t, asURL, m.issuer)
		time.Sleep(2 * time.Minute)
		m.update(func(*issuer) {
			m.site[oldURL] = string(document(ecKey("a"), ecKey("c")))
			m.urls = nil
		})
		want(t, "lookup of a new key", keyOutcome(t, c, "c"), "ok")
		want(t, "requests for the metadata after a rotation", m.count(asURL+oidc), 0)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
			if got := keyOutcome(t, c, "forged"); got == "ok" || got == "unavailable" {
				t.Errorf("lookup of an invented kid: got %s", got)
			}
		}
		if n := m.count(asURL + oidc); n < 9 || n > 10 {
			t.Errorf("requests for the metadata in 10 min of a flood: got %d, want 9 or 10", n)
		}
		if n := m.count(oldURL); n > 10*60/8+3+3 {
			t.Errorf("requests for the keys in 10 min of a flood: got %d, want at most 81", n)
		}
	})
}

// A fault of the metadata, or at the new URL, does not fail the refresh. The keys of the
// old URL stay in use.
func TestMissWithBadMetadata(t *testing.T) {
	for name, change := range map[string]func(site){
		"no metadata":           func(s site) { delete(s, asURL+oidc) },
		"another issuer":        func(s site) { s[asURL+oidc] = metadata("https://other.test", newURL) },
		"http URL":              func(s site) { s[asURL+oidc] = metadata(asURL, "http://as.test/new") },
		"nothing at new URL":    func(s site) { s[asURL+oidc] = metadata(asURL, newURL) },
		"no key set at new URL": func(s site) { s[asURL+oidc], s[newURL] = metadata(asURL, newURL), "<html>" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMoving()
				var events recorder
				c := discover(t, asURL, m.issuer, func(o *jwks.Options) { o.Observe = events.add })
				time.Sleep(2 * time.Minute)
				m.update(func(*issuer) { change(m.site) })
				want(t, "lookup of an unknown kid", keyOutcome(t, c, "b"), "unknown")
				want(t, "lookup of a known kid", keyOutcome(t, c, "a"), "ok")
				want(t, "Failed", c.Status().Failed, 0)
				synctest.Wait()
				failed := 1
				if name == "nothing at new URL" || name == "no key set at new URL" {
					failed = 0
				}
				want(t, "events MetadataFailed", events.count(jwks.MetadataFailed), failed)
			})
		})
	}
}

// The metadata endpoint hangs while the keys answer. A flood of invented kids gets its verdict, and
// no lookup reports an outage.
func TestMissWithHangingMetadata(t *testing.T) {
	for name, row := range map[string]struct{ delay, pause time.Duration }{
		"flood":                {50 * time.Millisecond, 300 * time.Millisecond},
		"flood, slow keys":     {600 * time.Millisecond, 300 * time.Millisecond},
		"one token, fast keys": {50 * time.Millisecond, 9700 * time.Millisecond},
		"one token, slow keys": {600 * time.Millisecond, 9700 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMoving()
				m.delay = row.delay
				var hangs atomic.Bool
				c := discover(t, asURL, m.issuer, func(o *jwks.Options) {
					o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
						if r.URL.String() == asURL+oidc && hangs.Load() {
							<-r.Context().Done()
							return nil, r.Context().Err()
						}
						return m.RoundTrip(r)
					})
				})
				time.Sleep(2 * time.Minute)
				hangs.Store(true)
				outcomes := map[string]int{}
				for start, n := time.Now(), 0; time.Since(start) < 2*time.Hour; n++ {
					asked := time.Now()
					outcomes[kidOutcome(t, c, fmt.Sprint("forged ", n))]++
					if d := time.Since(asked); d > 2*time.Second {
						t.Errorf("lookup %d took %v, want at most 2 s", n, d)
					}
					want(t, "lookup of a known kid", keyOutcome(t, c, "a"), "ok")
					time.Sleep(row.pause)
				}
				want(t, "lookups of invented kids that report an outage", outcomes["unavailable"], 0)
				if row.pause > 8*time.Second { // the cool-down
					want(t, "lookups without an answer of the issuer", outcomes["not asked"], 0)
				}
			})
		})
	}
}
