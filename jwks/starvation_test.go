package jwks_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// unavailable answers with status 503.
func unavailable(r *http.Request) (*http.Response, error) { return response(r, 503, nil, nil), nil }

// mixed answers for the issuers with even numbers with one answer, and for others with another.
func mixed(even, odd answerer) answerer {
	return func(r *http.Request) (*http.Response, error) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Host, "%d.test", &n); err != nil {
			return nil, err
		}
		if n%2 == 0 {
			return even(r)
		}
		return odd(r)
	}
}

// Issuers that answer slowly, whether with keys, with errors or not at all, do not delay a
// rotation, even if the issuer with the rotation did not answer once or twice.
func TestRotationWhileOthersAreSlow(t *testing.T) {
	slowly := func(d time.Duration) answerer { return after(d, rotating()) }
	quick, fresh := serve(document(edKey("a"))), serve(document(edKey("new")))
	late := after(450*time.Millisecond, unavailable)
	hungOnce := func() answerer { return failFirst(hang, fresh) }
	hungTwice := func() answerer { return failFirst(hang, failFirst(hang, fresh)) }
	slow := after(790*time.Millisecond, quick)
	for name, row := range map[string]struct {
		others          int
		start, bad, new answerer
		warm, most      time.Duration
	}{
		"400 fail late, it hung once":                  {400, late, late, hungOnce(), 5 * time.Second, 5 * time.Second},
		"1999 fail late, it hung twice":                {1999, late, late, hungTwice(), 5 * time.Second, 10 * time.Second},
		"1999 hang, it hung twice":                     {1999, quick, hang, hungTwice(), 20 * time.Second, 5 * time.Second},
		"half answer, half fail late, it hung once":    {1999, mixed(quick, late), mixed(slowly(190*time.Millisecond), late), hungOnce(), 10 * time.Second, 5 * time.Second},
		"half answer, half fail late, it answers late": {1999, mixed(quick, late), mixed(slowly(190*time.Millisecond), late), after(300*time.Millisecond, fresh), 10 * time.Second, 5 * time.Second},
		"they answered after 790 ms and hang":          {1999, slow, hang, fresh, 10 * time.Millisecond, 5 * time.Second},
		"they answered after 790 ms and hang for 2 s":  {1999, slow, hang, fresh, 2 * time.Second, 5 * time.Second},
		"they answered after 790 ms and hang for 9 s":  {1999, slow, hang, fresh, 9 * time.Second, 5 * time.Second},
		"they always answer after 400 ms":              {1999, slowly(400 * time.Millisecond), slowly(400 * time.Millisecond), fresh, 10 * time.Second, 5 * time.Second},
		"they always answer after 790 ms":              {1999, slowly(790 * time.Millisecond), slowly(790 * time.Millisecond), fresh, 20 * time.Second, 5 * time.Second},
		"they answer after 950 ms":                     {1999, quick, slowly(950 * time.Millisecond), fresh, 10 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			flood{
				others: row.others, start: row.start, bad: row.bad,
				old: after(50*time.Millisecond, serve(document(edKey("old")))), new: after(50*time.Millisecond, row.new),
				attack: forgeSpread, warm: row.warm, most: row.most,
			}.run(t)
		})
	}
}

// renewing answers with a different key set of about size bytes each time.
func renewing(size int) answerer {
	var mu sync.Mutex
	var answers []answerer
	for n := range 20 {
		answers = append(answers, sending{}.answer(paddedDocument(fmt.Sprint("n", n), size)))
	}
	next := 0
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		next++
		answer := answers[next%len(answers)]
		mu.Unlock()
		return answer(r)
	}
}

// An issuer with a key set of 24 KiB is not delayed by issuers that publish new key sets all the
// time, whether the sizes are known or not.
func TestRotationWhileOthersUseBytes(t *testing.T) {
	for name, row := range map[string]struct {
		others int
		bad    answerer
	}{
		"15 KiB each":            {1500, renewing(15 << 10)},
		"15 KiB, or 503":         {1999, mixed(renewing(15<<10), after(450*time.Millisecond, unavailable))},
		"60 KiB, size not known": {200, renewing(60 << 10)},
	} {
		for size, own := range map[string]sending{
			"known":             {length: 24 << 10},
			"zipped, not known": {zip: true},
		} {
			t.Run(name+"; "+size, func(t *testing.T) {
				f := flood{
					others: row.others, start: serve(document(edKey("a"))), bad: row.bad,
					old: own.answer(exactDocument("old", 24<<10)), new: own.answer(exactDocument("new", 24<<10)),
					attack: forgeSpread, warm: 8 * time.Second, most: 5 * time.Second,
				}
				f.rate = scaled(4 << 20)
				f.run(t)
			})
		}
	}
}

// exactDocument returns a key set of exactly size bytes, which does not compress.
func exactDocument(kid string, size int) []byte {
	doc := paddedDocument(kid, size-1024)
	return append(doc, strings.Repeat(" ", size-len(doc))...)
}

// For any behavior of 1,999 issuers, a rotation is noticed within 5 s. Each of them behaves randomly: it
// answers, fails or hangs, soon or late, and changes its behavior at any time.
func TestRotationWhileOthersAreRandom(t *testing.T) {
	for seed := range uint64(repeats(4)) { //nolint:gosec // a small number
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			source := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // for a test
			random := &anything{source: source, fresh: rotating(), large: renewing(20 << 10)}
			latency := time.Duration(random.n(200)) * time.Millisecond
			f := flood{
				others: 1999, start: random.answer, bad: random.answer,
				old: after(latency, serve(document(edKey("old")))), new: after(latency, serve(document(edKey("new")))),
				attack: forgeSpread, warm: time.Duration(random.n(30_000)) * time.Millisecond, most: 5 * time.Second,
			}
			f.rate = scaled(4 << 20)
			f.run(t)
		})
	}
}

// anything answers in random ways.
type anything struct {
	mu           sync.Mutex
	source       *rand.Rand
	fresh, large answerer
}

func (a *anything) n(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.source.IntN(n)
}

func (a *anything) answer(r *http.Request) (*http.Response, error) {
	answers := []answerer{a.fresh, a.large, unavailable, serve(document(edKey("a"))), serve([]byte("<html>"))}
	i := a.n(len(answers) + 2)
	if i >= len(answers) {
		return hang(r)
	}
	return after(time.Duration(1+a.n(1200))*time.Millisecond, answers[i])(r)
}

// The limits can be as large as an int.
func TestLargestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, newIssuer(edKey("a")), func(o *jwks.Options) {
			o.Limits = &jwks.Limits{MaxFetches: math.MaxInt, MaxBytesPerSecond: math.MaxInt}
		})
		_, err := c.Key(t.Context(), "a", "EdDSA")
		want(t, "outcome", outcome(err), "ok")
	})
}
