package jwks_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Status.ClockAhead shows the difference of the clocks after the second answer, and a clock of this
// machine that is behind after the first one.
func TestClockAhead(t *testing.T) {
	for _, fields := range [][]string{nil, {"Cache-Control: max-age=300"}, {"Age: 40", "Cache-Control: max-age=300"}} {
		for _, row := range []struct{ ahead, first, later time.Duration }{
			{0, 0, 0},
			{4 * time.Second, 0, 0},
			{-4 * time.Second, 0, 0},
			{8 * time.Second, 0, 8 * time.Second},
			{192 * time.Second, 0, 192 * time.Second},
			{-192 * time.Second, -192 * time.Second, -192 * time.Second},
			{13 * time.Hour, 0, 13 * time.Hour},
			{-13 * time.Hour, -13 * time.Hour, -13 * time.Hour},
		} {
			t.Run(fmt.Sprint(fields, row.ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := newIssuer(ecKey("a"))
					i.answer = func(r *http.Request) *http.Response {
						behind := row.ahead
						if len(fields) > 1 {
							behind += 40 * time.Second // Date and Age together show the clock
						}
						return response(r, 200, dated(behind, fields...), i.doc)
					}
					c := newCache(t, i)
					want(t, "lookup", keyOutcome(t, c, "a"), "ok")
					wantAhead(t, "after the first answer", c, row.first)
					time.Sleep(time.Hour)
					wantAhead(t, "after an hour", c, row.later)
				})
			})
		}
	}
}

// wantAhead allows 1 s, because Date has a resolution of 1 s.
func wantAhead(t *testing.T, when string, c *jwks.Cache, ahead time.Duration) {
	t.Helper()
	got := c.Status().ClockAhead
	if (got-ahead).Abs() > time.Second || (got == 0) != (ahead == 0) {
		t.Errorf("%s: got ClockAhead %v, want %v", when, got, ahead)
	}
}

// An HTTP cache that sends no Age stores the answers for a time. The ages of the answers are no
// difference of the clocks.
func TestClockAheadOfStoredAnswers(t *testing.T) {
	for _, stored := range []time.Duration{30 * time.Second, 5 * time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(fmt.Sprint(stored), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i, claims := newIssuer(ecKey("a")), 0
				start := time.Now().Add(-7 * time.Second)
				i.answer = func(r *http.Request) *http.Response {
					return response(r, 200, dated(time.Since(start)%stored, "Cache-Control: max-age=300"), i.doc)
				}
				c := newCache(t, i)
				n := 0
				for range 12 * 60 {
					time.Sleep(time.Minute)
					if n++; c.Status().ClockAhead != 0 {
						claims++
					}
				}
				if claims > n/20 {
					t.Errorf("got a difference of the clocks in %d of %d minutes, want almost none", claims, n)
				}
			})
		})
	}
}

// The clock of the issuer is corrected, and then it sends no Date. Error answers do not count.
func TestClockAheadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, behind, status, date := newIssuer(ecKey("a")), 3*time.Minute, 200, true
		i.answer = func(r *http.Request) *http.Response {
			h := dated(behind, "Cache-Control: max-age=300")
			if !date {
				h.Del("Date")
			}
			return response(r, status, h, i.doc)
		}
		c := newCache(t, i)
		set := func(change func()) { i.update(func(*issuer) { change() }); time.Sleep(time.Hour) }
		set(func() {})
		wantAhead(t, "at the start", c, 3*time.Minute)
		set(func() { behind, status = time.Hour, 500 })
		wantAhead(t, "while the issuer is down", c, 3*time.Minute)
		set(func() { behind, status = 0, 200 })
		wantAhead(t, "after the correction", c, 0)
		set(func() { behind = 2 * time.Minute })
		wantAhead(t, "after another change", c, 2*time.Minute)
		set(func() { date = false })
		wantAhead(t, "without Date", c, 0)
	})
}
