package jwks_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// An HTTP cache answers each conditional request with 304, although the issuer has withdrawn the
// key.
func TestCacheAnswers304ForEver(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer()
			issuers := document(ecKey("a"))
			i.answer = func(req *http.Request) *http.Response {
				if req.Header.Get("If-None-Match") != "" {
					return response(req, 304, http.Header{"Etag": {`"1"`}, "Cache-Control": {"max-age=300"}}, nil)
				}
				return response(req, 200, http.Header{"Etag": {`"1"`}, "Cache-Control": {"max-age=300"}}, issuers)
			}
			c := newCache(t, i)
			start := time.Now()
			want(t, "lookup", keyOutcome(t, c, "a"), "ok")
			i.update(func(*issuer) { issuers = document(ecKey("b")) })
			for ; time.Since(start) < time.Hour+time.Second; time.Sleep(10 * time.Second) {
				if _, err := c.Lookup("a", "ES256"); err != nil {
					break
				}
			}
			if gone := time.Since(start); gone > time.Hour || gone < 30*time.Minute {
				t.Errorf("the withdrawn key was dropped after %v, want 30 min to 1 h", gone)
			}
			_, err := c.Lookup("b", "ES256")
			want(t, "lookup of the new key", outcome(err), "ok")
		})
	}
}

// An HTTP cache answers all requests with the set that it has stored, whose Age grows.
func TestCacheServesOldSet(t *testing.T) {
	for name, row := range map[string]struct {
		control string
		fresh   time.Duration
	}{
		"no max-age":    {"", 5 * time.Minute},
		"max-age":       {"max-age=3600", time.Hour},
		"max-age=0":     {"max-age=0", 0},
		"no-cache":      {"no-cache", 0},
		"one day":       {"public, max-age=86400", 24 * time.Hour},
		"shared caches": {"max-age=60, s-maxage=7200", 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer()
				stored, start := document(ecKey("a")), time.Now()
				i.answer = func(req *http.Request) *http.Response {
					h := http.Header{"Age": {strconv.Itoa(int(time.Since(start).Seconds()))}}
					if row.control != "" {
						h.Set("Cache-Control", row.control)
					}
					return response(req, 200, h, stored)
				}
				c := newCache(t, i)
				end := row.fresh + 12*time.Hour
				for time.Since(start) < end-time.Second {
					if _, err := c.Lookup("a", "ES256"); err != nil {
						t.Fatalf("lookup after %v: got %v, want the key until %v", time.Since(start), err, end)
					}
					time.Sleep(time.Second)
				}
				time.Sleep(2 * time.Second)
				want(t, "lookup MaxStale after the end of the freshness", keyOutcome(t, c, "a"), "unavailable")
				time.Sleep(time.Hour)
				want(t, "lookup an hour later", keyOutcome(t, c, "a"), "unavailable")
				i.update(func(*issuer) { start = time.Now() })
				time.Sleep(time.Second)
				want(t, "lookup after the cache has renewed the set", keyOutcome(t, c, "a"), "ok")
			})
		})
	}
}

// A CDN that may hold the set for a day does no harm.
func TestCDNHoldsForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		stored, start := document(ecKey("a")), time.Now().Add(-12*time.Hour)
		i.answer = func(req *http.Request) *http.Response {
			age := time.Since(start) % (24 * time.Hour)
			h := http.Header{"Age": {strconv.Itoa(int(age.Seconds()))}, "Cache-Control": {"public, max-age=86400"}}
			return response(req, 200, h, stored)
		}
		var events recorder
		c := newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		for range 4 * 24 * 60 {
			want(t, "lookup", keyOutcome(t, c, "a"), "ok")
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		want(t, "failed refreshes", events.count(jwks.RefreshFailed), 0)
	})
}

// The first answer is older than MaxStale.
func TestFirstAnswerIsOld(t *testing.T) {
	for name, row := range map[string]struct {
		age, control string
		refuse       bool
		want         string // the outcome of a lookup
		old          bool   // Status.OldAnswer
	}{
		"younger than MaxStale":    {age: "43000", want: "ok"},
		"no max-age":               {age: "50000", want: "ok", old: true},
		"no max-age, public":       {age: "50000", control: "public", want: "ok", old: true},
		"age out of range":         {age: "99999999999999999999", want: "ok", old: true},
		"refused":                  {age: "50000", refuse: true, want: "unavailable"},
		"younger and refused":      {age: "43000", refuse: true, want: "ok"},
		"max-age":                  {age: "50000", control: "max-age=60", want: "unavailable"},
		"max-age, end is younger":  {age: "50000", control: "max-age=40000", want: "ok"},
		"no-cache":                 {age: "50000", control: "no-cache", want: "unavailable"},
		"fresh in a shared cache":  {age: "50000", control: "s-maxage=86400", refuse: true, want: "ok"},
		"fresh for the whole time": {age: "50000", control: "max-age=86400", refuse: true, want: "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				store := &memoryStore{}
				i := newIssuer(ecKey("a"))
				i.header = http.Header{"Age": {row.age}}
				if row.control != "" {
					i.header.Set("Cache-Control", row.control)
				}
				c := newCache(t, i, func(o *jwks.Options) {
					o.RefuseOldAnswers, o.Store, o.Logger = row.refuse, store, slog.New(slog.NewTextHandler(&logged, nil))
				})
				want(t, "lookup", keyOutcome(t, c, "a"), row.want)
				want(t, "OldAnswer", c.Status().OldAnswer, row.old)
				want(t, "warning in the log", strings.Contains(logged.String(), "level=WARN") && strings.Contains(logged.String(), "the first key set comes from an HTTP cache"), row.old)
				want(t, "set is in the store", store.data != nil, row.want == "ok" && !row.old)
				if row.want == "unavailable" {
					wantText(t, c.Refresh(t.Context()), "older than Options.MaxStale")
					want(t, "error names the option", strings.Contains(c.Status().LastError.Error(), "RefuseOldAnswers"), row.refuse)
				}
				if row.old {
					wantText(t, c.Refresh(t.Context()), "older than Options.MaxStale: its age is") // a later old answer is a failure
					time.Sleep(12*time.Hour - time.Minute)
					want(t, "lookup before MaxStale after the start", keyOutcome(t, c, "a"), "ok")
					time.Sleep(time.Minute)
					want(t, "lookup at MaxStale after the start", keyOutcome(t, c, "a"), "unavailable")
				}
				i.update(func(i *issuer) { i.header = nil })
				want(t, "Refresh", outcome(c.Refresh(t.Context())), "ok")
				want(t, "lookup after a new answer", keyOutcome(t, c, "a"), "ok")
				want(t, "OldAnswer after a new answer", c.Status().OldAnswer, false)
			})
		})
	}
}

// The clock of the machine is a day ahead. Then the first answer looks old without an HTTP cache, so
// only Age counts, and the warning names the clock. Date does not advance here, so the next
// answer is refused, and its error names the clock.
func TestClockIsAhead(t *testing.T) {
	for name, row := range map[string]struct {
		header http.Header
		clock  bool
	}{
		"Date":               {header("Date: Fri, 31 Dec 1999 00:00:00 GMT", "Cache-Control: max-age=300"), true},
		"Age":                {header("Age: 86400", "Cache-Control: max-age=300"), false},
		"a larger Age":       {header("Age: 86420", "Date: Fri, 31 Dec 1999 00:00:00 GMT", "Cache-Control: max-age=300"), false},
		"Date, and less Age": {header("Age: 60", "Date: Fri, 31 Dec 1999 00:00:00 GMT", "Cache-Control: max-age=300"), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				i := newIssuer(ecKey("a"))
				i.header = row.header
				c := newCache(t, i, func(o *jwks.Options) { o.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
				first := "unavailable"
				if row.clock {
					first = "ok"
				}
				want(t, "lookup", keyOutcome(t, c, "a"), first)
				want(t, "OldAnswer", c.Status().OldAnswer, row.clock)
				want(t, "warning names the clock", strings.Contains(logged.String(), "Check the clocks"), row.clock)
				time.Sleep(20 * time.Second)
				err := c.Refresh(t.Context())
				wantText(t, err, "older than Options.MaxStale: its age is 24h0m")
				want(t, "error names the clock", strings.Contains(err.Error(), "the clock of this machine"), row.clock)
			})
		})
	}
}

// An answer that is older than MaxStale does not replace keys from the Store.
func TestOldAnswerDoesNotReplaceRestoredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, i, _ := newRestartedCache(t, &memoryStore{}, time.Hour)
		i.publish(ecKey("b"))
		i.update(func(i *issuer) { i.down, i.header = false, http.Header{"Age": {"50000"}} })
		time.Sleep(time.Minute)
		want(t, "lookup of the key in the store", keyOutcome(t, c, "a"), "ok")
		want(t, "lookup of the key in the old answer", keyOutcome(t, c, "b"), "unavailable")
		time.Sleep(11 * time.Hour)
		want(t, "lookup of the key in the store after MaxStale", keyOutcome(t, c, "b"), "ok")
		want(t, "OldAnswer", c.Status().OldAnswer, true)
	})
}

// The Store and the Status have the time from which MaxStale counts. A 304 and an answer of an HTTP
// cache do not make this time later.
func TestConfirmedAt(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		header http.Header
		keys   []jwk         // nil if the key set stays the same
		want   time.Duration // ConfirmedAt, relative to the last request; 1 means the time of the first request
	}{
		"from the issuer":         {200, nil, []jwk{ecKey("b")}, 0},
		"304 from the issuer":     {304, nil, nil, 0},
		"old":                     {200, header("Age: 7200", "Cache-Control: max-age=3600"), []jwk{ecKey("b")}, -time.Hour},
		"old, no max-age":         {200, header("Age: 7200"), []jwk{ecKey("b")}, 5*time.Minute - 2*time.Hour},
		"old with the same keys":  {200, header("Age: 7200"), nil, 1},
		"304 from a cache":        {304, header("Age: 7200", "Cache-Control: max-age=3600"), nil, 1},
		"304, the max-age stays":  {304, header("Age: 1800"), nil, 0},
		"304, fresh for a day":    {304, header("Age: 7200", "Cache-Control: max-age=86400"), nil, 0},
		"304, the new max-age":    {304, header("Age: 1800", "Cache-Control: max-age=1799"), nil, -time.Second},
		"another day, fresh":      {200, header("Age: 80000", "Cache-Control: max-age=86400"), []jwk{ecKey("b")}, 0},
		"fresh in a shared cache": {200, header("Age: 7200", "Cache-Control: max-age=1, s-maxage=7200"), []jwk{ecKey("b")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				i := newIssuer(ecKey("a"))
				i.header = http.Header{"Etag": {`"1"`}, "Cache-Control": {"max-age=1800"}}
				c := newCache(t, i, func(o *jwks.Options) { o.Store = store })
				start := time.Now()
				want(t, "ConfirmedAt after the start", c.Status().ConfirmedAt.Sub(start), 0)
				i.update(func(i *issuer) { i.status, i.header = row.status, row.header })
				if row.keys != nil {
					i.publish(row.keys...)
				}
				time.Sleep(time.Until(c.Status().NextRefresh))
				synctest.Wait()
				want(t, "requests", i.fetches(), 2)
				expected := time.Now().Add(row.want)
				if row.want == 1 {
					expected = start
				}
				want(t, "ConfirmedAt", c.Status().ConfirmedAt.Sub(expected), 0)
				want(t, "LastSuccess", time.Since(c.Status().LastSuccess), 0)
				want(t, "time in the store", storedTime(t, store).Sub(expected), 0)
			})
		})
	}
}

// storedTime returns the time in the data of the store.
func storedTime(t *testing.T, store *memoryStore) time.Time {
	t.Helper()
	var outer struct{ Saved []byte }
	var inner struct{ Answered time.Time }
	if err := json.Unmarshal(store.data, &outer); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(outer.Saved, &inner); err != nil {
		t.Fatal(err)
	}
	return inner.Answered
}

// An unconditional request that fails is repeated without conditions until one succeeds.
func TestUnconditionalUntilSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer()
		keys := document(ecKey("a"))
		var conditional []bool
		fail := false
		i.answer = func(req *http.Request) *http.Response {
			etag := http.Header{"Etag": {`"1"`}}
			conditional = append(conditional, req.Header.Get("If-None-Match") != "")
			switch {
			case conditional[len(conditional)-1]:
				return response(req, 304, etag, nil)
			case fail:
				return response(req, 503, nil, nil)
			}
			return response(req, 200, etag, keys)
		}
		c := newCache(t, i)
		i.update(func(*issuer) { fail = true })
		time.Sleep(time.Hour)
		n := 0
		i.update(func(*issuer) { n = len(conditional) })
		time.Sleep(10 * time.Hour)
		i.update(func(*issuer) {
			want(t, "requests in 10 h", len(conditional) > n+500, true)
			want(t, "conditional requests in 10 h", slices.Contains(conditional[n:], true), false)
		})
		time.Sleep(3 * time.Hour)
		want(t, "lookup MaxStale after the last answer", keyOutcome(t, c, "a"), "unavailable")
		i.update(func(*issuer) { fail = false })
		time.Sleep(2 * time.Minute)
		want(t, "lookup after an unconditional answer", keyOutcome(t, c, "a"), "ok")
		time.Sleep(30 * time.Minute)
		i.update(func(*issuer) { want(t, "conditional requests again", conditional[len(conditional)-1], true) })
	})
}

// Some proxies answer with status 203, and some servers send the character encoding in the field
// Content-Encoding.
func TestOddResponses(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		header http.Header
		want   string
	}{
		"status 203":                {203, nil, "ok"},
		"status 201":                {201, nil, "unavailable"},
		"status 204":                {204, nil, "unavailable"},
		"status 206":                {206, nil, "unavailable"},
		"Content-Encoding utf-8":    {200, header("Content-Encoding: utf-8"), "ok"},
		"Content-Encoding UTF-8":    {200, header("Content-Encoding: UTF-8"), "ok"},
		"Content-Encoding identity": {200, header("Content-Encoding: identity"), "ok"},
		"Content-Encoding utf-16":   {200, header("Content-Encoding: utf-16"), "unavailable"},
		"Content-Encoding br":       {200, header("Content-Encoding: br"), "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(ecKey("a"))
				i.status, i.header = row.status, row.header
				want(t, "lookup", keyOutcome(t, newCache(t, i), "a"), row.want)
			})
		})
	}
}
