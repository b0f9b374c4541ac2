package jwks_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// reply is an answer of the fake issuer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) response(req *http.Request) *http.Response {
	return response(req, r.status, r.header, r.body)
}

// encryptionOnly returns a key that cannot verify signatures.
func encryptionOnly() jwk { return ecKey("enc").with("use", "enc") }

// withdrawnAfter looks up the key "a" each second, and returns the time from the call to the first
// lookup without the key. It returns 0 if the key is still in use after an hour. The test
// fails if a lookup without the key has another outcome than "unavailable".
func withdrawnAfter(t *testing.T, c *jwks.Cache) time.Duration {
	t.Helper()
	for start := time.Now(); time.Since(start) < time.Hour; time.Sleep(time.Second) {
		switch got := keyOutcome(t, c, "a"); got {
		case "ok":
		case "unavailable":
			return time.Since(start)
		default:
			t.Fatalf("lookup after %v: got %q, want ok or unavailable", time.Since(start), got)
		}
	}
	return 0
}

// If a healthy issuer withdraws its last key, the key is dropped after 15 to 30 min.
func TestWithdrawnKeys(t *testing.T) {
	for name, document := range map[string][]byte{
		"no keys":                document(),
		"a key for encryption":   document(encryptionOnly()),
		"unknown types":          []byte(`{"keys":[{"kty":"AKP","kid":"a"},{"kty":"oct","k":"AAAA"}]}`),
		"null, a text, a number": []byte(`{"keys":[null,"a",1]}`),
	} {
		t.Run(name, func(t *testing.T) {
			for range repeats(20) {
				synctest.Test(t, func(t *testing.T) {
					var events recorder
					i := newIssuer(ecKey("a"))
					i.header = http.Header{"Etag": {`"1"`}}
					c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
					i.update(func(i *issuer) { i.doc, i.header = document, nil })
					after := withdrawnAfter(t, c)
					if after < 15*time.Minute || after > 30*time.Minute {
						t.Errorf("time until the keys are dropped: got %v, want 15 to 30 min", after)
					}
					status := c.Status()
					want(t, "Ready", status.Ready, false)
					want(t, "Stale", status.Stale, false)
					want(t, "Withdrawn", status.Withdrawn, true)
					want(t, "ConfirmedAt is zero", status.ConfirmedAt.IsZero(), true)
					_, err := c.Key(t.Context(), "a", "ES256")
					wantText(t, err, "the issuer has withdrawn its keys", "not a usable key set")
					time.Sleep(time.Hour)
					want(t, "Withdrawn events", events.count(jwks.Withdrawn), 1)
					want(t, "WentStale events", events.count(jwks.WentStale), 0)
					i.publish(ecKey("b"))
					time.Sleep(2 * time.Second)
					want(t, "lookup of a new key", keyOutcome(t, c, "b"), "ok")
					want(t, "lookup of the withdrawn key", keyOutcome(t, c, "a"), "unknown")
					want(t, "Withdrawn", c.Status().Withdrawn, false)
				})
			}
		})
	}
}

// These answers never withdraw keys. The keys verify tokens until MaxStale.
func TestNothingWithdrawn(t *testing.T) {
	const page = "<html><body>Service Unavailable</body></html>"
	empty, keys := document(), document(ecKey("a"))
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // the start time of a synctest bubble
	always := func(status int, body string) func(int) reply {
		return func(int) reply { return reply{status, nil, []byte(body)} }
	}
	const beforeStale = 11*time.Hour + 59*time.Minute
	stored := func(age time.Duration) reply {
		return reply{200, http.Header{"Age": {strconv.Itoa(int(age.Seconds()))}, "Cache-Control": {"max-age=86400"}}, empty}
	}
	for name, row := range map[string]struct {
		answer func(n int) reply // the answer to the request with the number n
		until  time.Duration     // the time for which the key must stay in use
	}{
		"HTML":             {always(200, page), beforeStale},
		"{}":               {always(200, `{}`), beforeStale},
		"null":             {always(200, `null`), beforeStale},
		"[]":               {always(200, `[]`), beforeStale},
		"keys is null":     {always(200, `{"keys":null}`), beforeStale},
		"cut document":     {always(200, `{"keys":[`), beforeStale},
		"nothing":          {always(200, ``), beforeStale},
		"two members keys": {always(200, `{"keys":[],"keys":[]}`), beforeStale},
		"status 500":       {always(500, `{"keys":[]}`), beforeStale},
		"status 404":       {always(404, `{"keys":[]}`), beforeStale},
		"one flaky replica": {func(n int) reply {
			if n%2 == 0 {
				return reply{200, nil, keys}
			}
			return reply{200, nil, empty}
		}, 48 * time.Hour},
		"two answers without keys, then an outage": {func(n int) reply {
			if n <= 3 {
				return reply{200, nil, empty}
			}
			return reply{502, nil, nil}
		}, beforeStale},
		// The HTTP cache stored the answer an hour before the start.
		"an old answer of an HTTP cache": {func(int) reply { return stored(time.Since(start.Add(-time.Hour))) }, beforeStale},
		"one answer that an HTTP cache repeats": {func(int) reply {
			if age := time.Since(start.Add(time.Minute)); age >= 0 {
				return stored(age)
			}
			return reply{200, nil, keys}
		}, beforeStale},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				i.doc = keys
				c := newCache(t, i)
				n := 0
				i.update(func(i *issuer) {
					i.answer = func(req *http.Request) *http.Response { n++; return row.answer(n).response(req) }
				})
				for end := time.Now().Add(row.until); time.Now().Before(end); time.Sleep(15 * time.Second) {
					if got := keyOutcome(t, c, "a"); got != "ok" {
						t.Fatalf("lookup after %v: got %q, want ok", time.Since(start), got)
					}
				}
			})
		})
	}
}

// A restart does not bring withdrawn keys back, and the first usable key ends this state.
func TestWithdrawnKeysAfterRestart(t *testing.T) {
	for name, pause := range map[string]time.Duration{"at once": 0, "a day later": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				i := newIssuer(ecKey("a"))
				with := func(o *jwks.Options) { o.Store, o.StoreKey = store, storeKey }
				first := newCache(t, i, with)
				i.publish()
				want(t, "keys are withdrawn", withdrawnAfter(t, first) > 0, true)
				_ = first.Close()
				i.update(func(i *issuer) { i.down = true })
				time.Sleep(pause)
				var events recorder
				c := newCache(t, i, with, func(o *jwks.Options) { o.Observe = events.add })
				want(t, "lookup after the restart", keyOutcome(t, c, "a"), "unavailable")
				want(t, "Withdrawn", c.Status().Withdrawn, true)
				want(t, "StoreFailed events", events.count(jwks.StoreFailed), 0)
				// An HTTP cache still has the answer from the time before the withdrawal.
				old := int((pause + time.Hour).Seconds())
				i.update(func(i *issuer) {
					i.down, i.doc, i.header = false, document(ecKey("a")), http.Header{"Age": {strconv.Itoa(old)}, "Cache-Control": {"max-age=864000"}}
				})
				wantText(t, c.Refresh(t.Context()), "before the issuer withdrew its keys")
				want(t, "lookup after an old answer", keyOutcome(t, c, "a"), "unavailable")
				i.update(func(i *issuer) { i.header = nil })
				time.Sleep(time.Second)
				want(t, "lookup after a new answer", keyOutcome(t, c, "a"), "ok")
				_ = c.Close()
				i.update(func(i *issuer) { i.down = true })
				want(t, "lookup after the next restart", keyOutcome(t, newCache(t, i, with), "a"), "ok")
			})
		})
	}
}

// A restart while the issuer publishes no key does not shorten the time until the keys are dropped
// to the time of three requests, and does not lengthen it beyond MaxInterval.
func TestRestartWithoutKeys(t *testing.T) {
	for name, row := range map[string]struct{ pause, least, most time.Duration }{
		"at once":        {0, 10 * time.Minute, 30 * time.Minute},
		"11 hours later": {11 * time.Hour, 3 * time.Minute, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, i, _ := newRestartedCache(t, &memoryStore{}, row.pause)
				i.publish()
				i.update(func(i *issuer) { i.down = false })
				if after := withdrawnAfter(t, c); after < row.least || after > row.most {
					t.Errorf("time until the keys are dropped: got %v, want %v to %v", after, row.least, row.most)
				}
			})
		})
	}
}

// An issuer that has never published a usable key has not withdrawn any key.
func TestNeverAnyKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		i := newIssuer()
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		time.Sleep(time.Hour)
		want(t, "lookup", keyOutcome(t, c, "a"), "unavailable")
		want(t, "Withdrawn", c.Status().Withdrawn, false)
		want(t, "Withdrawn events", events.count(jwks.Withdrawn), 0)
		i.publish(ecKey("a"))
		time.Sleep(7 * time.Second) // without keys, the longest pause is about 5 s
		want(t, "lookup of the first key", keyOutcome(t, c, "a"), "ok")
	})
}

// Requests with unknown kids make the cache ask more often, but do not withdraw keys earlier.
func TestFloodDoesNotWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		time.Sleep(13 * time.Minute)
		i.publish()
		start := time.Now()
		for time.Since(start) < 20*time.Minute {
			if keyOutcome(t, c, "a") != "ok" {
				break
			}
			keyOutcome(t, c, strconv.Itoa(i.fetches()))
			time.Sleep(500 * time.Millisecond)
		}
		if after := time.Since(start); after < 10*time.Minute || after > 18*time.Minute {
			t.Errorf("time until the keys are dropped: got %v, want about 15 min after the last usable answer", after)
		}
	})
}
