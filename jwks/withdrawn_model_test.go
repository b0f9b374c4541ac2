package jwks_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// withdrawalModel states the promise about withdrawn keys. It sees each answer of the issuer.
type withdrawalModel struct {
	maxInterval time.Duration
	usable      time.Time // the arrival of the last usable answer that is newer than all empty answers
	emptyMade   time.Time // the time at which the newest empty answer was made
	empties     int       // the unconditional empty answers after usable
	first       time.Time // the arrival of the first of the new empty answers that no other answer has followed, or zero
	log         []string
}

// add records an answer with the given age.
func (m *withdrawalModel) add(kind string, age time.Duration, unconditional bool) {
	now := time.Now()
	made := now.Add(-age)
	m.log = append(m.log, fmt.Sprintf("%v %s age %v unconditional %v", now.Format("15:04:05.000"), kind, age, unconditional))
	switch {
	case kind == "empty":
		if age > 0 {
			m.first = time.Time{}
		} else if m.first.IsZero() {
			m.first = now
		}
		if unconditional {
			m.empties++
		}
		if made.After(m.emptyMade) {
			m.emptyMade = made
		}
		return
	case kind == "usable" && made.After(m.emptyMade):
		m.usable, m.empties = now, 0
	}
	m.first = time.Time{}
}

// check returns an error if the promise does not allow the outcome of a lookup.
func (m *withdrawalModel) check(got string) error {
	now := time.Now()
	switch {
	case got != "ok" && got != "unavailable":
		return fmt.Errorf("got %q, want ok or unavailable", got)
	case got == "unavailable" && now.Sub(m.usable) < m.maxInterval:
		return fmt.Errorf("keys were dropped %v after the last usable answer, want at least %v", now.Sub(m.usable), m.maxInterval)
	case got == "unavailable" && m.empties < 3:
		return fmt.Errorf("keys were dropped after %d unconditional answers without a usable key, want at least 3", m.empties)
	// After a failure, the next request may be late, so the time of the first empty answer counts too.
	case got == "ok" && !m.first.IsZero() && now.Sub(m.first) > m.maxInterval && now.Sub(m.usable) > 2*m.maxInterval:
		return fmt.Errorf("all answers for %v had no usable key, and the keys are still in use", now.Sub(m.first))
	}
	return nil
}

// randomAnswers returns a function that answers requests with one kind of answer or with a mix of
// two kinds.
func randomAnswers(r *rand.Rand, m *withdrawalModel, keys []byte) func(*http.Request) reply {
	kinds := []string{"good", "good", "empty", "empty", "empty", "unusable", "HTML", "error", "304", "old good", "old empty", "empty"}
	first, second := kinds[r.IntN(len(kinds))], kinds[r.IntN(len(kinds))]
	if r.IntN(2) == 0 {
		second = first
	}
	own := rand.New(rand.NewPCG(r.Uint64(), 0)) //nolint:gosec // for a test; the caller goes on using r
	return func(req *http.Request) reply {
		kind := first
		if own.IntN(2) == 0 {
			kind = second
		}
		unconditional := req.Header.Get("If-None-Match") == ""
		old := time.Duration(1+own.IntN(int(2*m.maxInterval/time.Second))) * time.Second
		oldHeader := http.Header{"Age": {strconv.Itoa(int(old.Seconds()))}, "Cache-Control": {"max-age=86400"}}
		etag := http.Header{"Etag": {`"1"`}}
		switch kind {
		case "304":
			if !unconditional {
				m.add("usable", 0, false)
				return reply{304, etag, nil}
			}
			m.add("usable", 0, true)
			return reply{200, etag, keys}
		case "good":
			m.add("usable", 0, unconditional)
			return reply{200, etag, keys}
		case "empty":
			m.add("empty", 0, unconditional)
			return reply{200, nil, document()}
		case "unusable":
			m.add("empty", 0, unconditional)
			return reply{200, nil, document(encryptionOnly())}
		case "old good":
			m.add("usable", old, unconditional)
			return reply{200, oldHeader, keys}
		case "old empty":
			m.add("empty", old, unconditional)
			return reply{200, oldHeader, document()}
		case "HTML":
			m.add("HTML", 0, unconditional)
			return reply{200, nil, []byte("<html>")}
		}
		m.add("error", 0, unconditional)
		return reply{503, nil, nil}
	}
}

// For all answers of the issuer, its replicas and HTTP caches: keys are never dropped too early, and
// they are dropped in time if the issuer has withdrawn them.
func TestWithdrawalModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	outcomes := map[string]int{}
	for n := range uint64(repeats(20)) { //nolint:gosec // a small number
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, n)) //nolint:gosec // test data
			interval := []time.Duration{15 * time.Minute, 10 * time.Minute, time.Minute, 20 * time.Second}[r.IntN(4)]
			keys := document(ecKey("a"))
			i := newIssuer()
			i.doc, i.header = keys, http.Header{"Etag": {`"1"`}}
			m := &withdrawalModel{maxInterval: interval, usable: time.Now()}
			c := newCache(t, i, func(o *jwks.Options) { o.MaxInterval, o.MaxStale = interval, 1000*time.Hour })
			for range 12 {
				answers := randomAnswers(rand.New(rand.NewPCG(seed, r.Uint64())), m, keys) //nolint:gosec // test data; another goroutine uses it
				i.update(func(i *issuer) {
					i.answer = func(req *http.Request) *http.Response { return answers(req).response(req) }
				})
				for end := time.Now().Add(interval * time.Duration(1+r.IntN(6))); time.Now().Before(end); {
					time.Sleep(time.Duration(1 + r.Int64N(int64(interval/30))))
					synctest.Wait()
					_, err := c.Lookup("a", "ES256")
					outcomes[outcome(err)]++
					i.update(func(*issuer) {
						if err := m.check(outcome(err)); err != nil {
							t.Fatalf("seed %d %d, MaxInterval %v, at %v: %v\nlast answers:\n%v", seed, n, interval, time.Now().Format("15:04:05.000"), err, m.log[max(0, len(m.log)-20):])
						}
					})
					if r.IntN(20) == 0 {
						_, _ = c.Key(t.Context(), []string{"a", "b"}[r.IntN(2)], "ES256")
					}
				}
			}
			// The first usable answer restores the keys at once.
			i.update(func(i *issuer) { i.answer = nil })
			_ = c.Refresh(t.Context())
			want(t, "lookup after a refresh with usable keys", keyOutcome(t, c, "a"), "ok")
		})
	}
	if outcomes["ok"] < 300 || outcomes["unavailable"] < 300 {
		t.Errorf("outcomes of lookups: got %v, want many of both", outcomes)
	}
}
