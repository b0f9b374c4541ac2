package jwks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// dated returns the field Date of a clock that is behind.
func dated(behind time.Duration, fields ...string) http.Header {
	h := header(fields...)
	h.Set("Date", time.Now().Add(-behind).UTC().Format(http.TimeFormat))
	return h
}

// The clock of the issuer is behind, or the clock of this machine is ahead. The issuer is healthy,
// so its keys are used, and new keys are found, whatever the difference is.
func TestIssuerClockBehind(t *testing.T) {
	for _, fields := range [][]string{nil, {"Cache-Control: max-age=300"}, {"Cache-Control: no-cache"}, {"Age: 60", "Cache-Control: max-age=300"}} {
		for _, behind := range []time.Duration{2 * time.Minute, time.Hour, 11 * time.Hour, 13 * time.Hour, 400 * 24 * time.Hour, -13 * time.Hour} {
			t.Run(fmt.Sprint(fields, behind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := newIssuer(ecKey("a"))
					i.answer = func(r *http.Request) *http.Response { return response(r, 200, dated(behind, fields...), i.doc) }
					var events recorder
					c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
					want(t, "OldAnswer at the start", func() bool { keyOutcome(t, c, "a"); return c.Status().OldAnswer }(), behind > 12*time.Hour+5*time.Minute)
					for range 14 * 60 {
						want(t, "lookup", keyOutcome(t, c, "a"), "ok")
						time.Sleep(time.Minute)
					}
					want(t, "OldAnswer", c.Status().OldAnswer, false)
					if age := time.Since(c.Status().ConfirmedAt); age > 20*time.Minute {
						t.Errorf("ConfirmedAt is %v ago, want at most 20 min", age)
					}
					i.publish(ecKey("b"))
					want(t, "lookup of a new key", keyOutcome(t, c, "b"), "ok")
					synctest.Wait()
					want(t, "failed refreshes", events.count(jwks.RefreshFailed), 0)
				})
			})
		}
	}
}

// The clock of the issuer is set while the cache runs.
func TestIssuerClockIsSet(t *testing.T) {
	for _, first := range []time.Duration{0, 13 * time.Hour, -13 * time.Hour} {
		for _, second := range []time.Duration{0, 13 * time.Hour, -13 * time.Hour, 30 * time.Hour} {
			t.Run(fmt.Sprint(first, second), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := newIssuer(ecKey("a"))
					behind := first
					i.answer = func(r *http.Request) *http.Response {
						return response(r, 200, dated(behind, "Cache-Control: max-age=300"), i.doc)
					}
					c := newCache(t, i)
					for n := range 18 * 60 {
						if n == 4*60 {
							i.update(func(*issuer) { behind = second })
						}
						want(t, "lookup", keyOutcome(t, c, "a"), "ok")
						time.Sleep(time.Minute)
					}
					want(t, "failures", c.Status().Failures, 0)
				})
			})
		}
	}
}

// An HTTP cache sends no Age. It answers with the set that it has stored, or in turn with sets that
// it has stored at different times. Each of them ends, whatever the clocks show.
func TestStoredSetWithoutAge(t *testing.T) {
	for name, stored := range map[string][]time.Duration{ // the ages at the time at which the cache freezes
		"one":                  {0},
		"one that is old":      {13 * time.Hour},
		"two":                  {0, time.Hour},
		"two with near ages":   {0, 15 * time.Minute},
		"three that are old":   {10 * time.Hour, 11 * time.Hour, 14 * time.Hour},
		"three with near ages": {time.Minute, 12 * time.Minute, 23 * time.Minute},
	} {
		for _, behind := range []time.Duration{0, 13 * time.Hour, -13 * time.Hour} {
			for _, healthy := range []time.Duration{0, 5 * time.Hour} {
				if testkit.RaceEnabled && (behind != 13*time.Hour || healthy == 0) {
					continue // all cases execute the same code, and the race detector makes them slow
				}
				t.Run(fmt.Sprint(name, ", clock ", behind, ", after ", healthy), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						i := newIssuer(ecKey("a"))
						freeze, n := time.Now().Add(healthy), 0
						i.answer = func(r *http.Request) *http.Response {
							age := time.Since(freeze)
							if n++; age < 0 {
								age = 0
							} else {
								age += stored[n%len(stored)]
							}
							return response(r, 200, dated(behind+age, "Cache-Control: max-age=300"), i.doc)
						}
						c := newCache(t, i)
						time.Sleep(healthy)
						end := 0 * time.Hour
						for time.Since(freeze) < min(end+4*time.Hour, 30*time.Hour) {
							if _, err := c.Lookup("a", "ES256"); err == nil {
								end = time.Since(freeze)
							}
							time.Sleep(time.Minute)
						}
						if end < 11*time.Hour && stored[0] == 0 || end > 12*time.Hour+30*time.Minute {
							t.Errorf("the stored key was used until %v after the cache stopped asking the issuer, want about 12 h", end)
						}
						i.update(func(i *issuer) { i.answer = nil })
						time.Sleep(2 * time.Minute)
						want(t, "lookup after an answer of the issuer", keyOutcome(t, c, "a"), "ok")
					})
				})
			}
		}
	}
}

// The replicas of an issuer have different clocks, and one of them publishes no key.
func TestSkewedReplicas(t *testing.T) {
	for _, behind := range []time.Duration{time.Hour, 11 * time.Hour, -time.Hour} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, n := newIssuer(ecKey("a")), 0
				i.answer = func(r *http.Request) *http.Response {
					if n++; n > 3 && n%2 == 0 {
						return response(r, 200, dated(0), document())
					}
					return response(r, 200, dated(behind), i.doc)
				}
				c := newCache(t, i)
				for range 24 * 60 {
					want(t, "lookup", keyOutcome(t, c, "a"), "ok")
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

// An HTTP cache that sends no Age repeats one answer without keys. It withdraws nothing.
func TestRepeatedEmptyAnswerWithoutAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		time.Sleep(time.Minute)
		i.update(func(i *issuer) { i.doc, i.header = document(), dated(0) })
		want(t, "time until the keys are dropped, within an hour", withdrawnAfter(t, c), 0)
	})
}

// The error of RefuseOldAnswers names the clock.
func TestRefusedOldDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.answer = func(r *http.Request) *http.Response { return response(r, 200, dated(13*time.Hour), i.doc) }
		c := newCache(t, i, func(o *jwks.Options) { o.RefuseOldAnswers = true })
		want(t, "lookup", keyOutcome(t, c, "a"), "unavailable")
		text := c.Status().LastError.Error()
		want(t, "error names the clock and the option", strings.Contains(text, "clock of this machine") && strings.Contains(text, "RefuseOldAnswers"), true)
		time.Sleep(20 * time.Second)
		want(t, "lookup after the clock has advanced", keyOutcome(t, c, "a"), "ok")
	})
}
