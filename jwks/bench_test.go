package jwks_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// newServedCache returns a cache that has fetched n keys from a local server. The kids of the
// keys are as long as the kids of real issuers.
func newServedCache(tb testing.TB, n int) (c *jwks.Cache, kids []string) {
	tb.Helper()
	keys := make([]jwk, n)
	for i := range keys {
		kids = append(kids, fmt.Sprintf("snk_%018d", i))
		keys[i] = sharedKey().with("kid", kids[i])
	}
	doc := document(keys...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(doc)
	}))
	tb.Cleanup(srv.Close)
	o := options(nil)
	o.Transport = nil
	c, err := jwks.New(srv.URL, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	if err := c.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return c, kids
}

var sharedKey = sync.OnceValue(func() jwk { return ecKey("") })

// BenchmarkLookup measures Lookup with different numbers of keys. The goal is no allocation.
// The time depends on the machine, because time.Now takes the larger part. BenchmarkLookupRatios
// has goals that do not depend on the machine.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		c, kids := newServedCache(b, n)
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := c.Lookup(kids[i], "ES256"); err != nil {
					b.Fatal(err)
				}
				if i++; i == len(kids) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkLookupRatios measures ratios of two times. The measurements of a ratio alternate, so that
// other load on the machine affects both. The ratios and their goals are:
//
//   - 1000-to-1-key: a lookup in a set of 1,000 keys, and in a set of one key; at most 1.5.
//   - shared-to-own: a lookup if all cores share one cache, and if each core has its own cache; at
//     most 1.25.
//   - lookup-to-clock: a lookup in a set of 10 keys, and a call of time.Now; at most 2. A lookup
//     reads the clock once.
func BenchmarkLookupRatios(b *testing.B) {
	const batch = 10_000
	cores := runtime.GOMAXPROCS(0)
	one, kidOfOne := newServedCache(b, 1)
	many, kidsOfMany := newServedCache(b, 1000)
	own := make([]*jwks.Cache, cores)
	var kids []string // all caches have the same key ids
	for i := range own {
		own[i], kids = newServedCache(b, 10)
	}
	look := func(c *jwks.Cache, kids []string) {
		for k, next := 0, 0; k < batch; k++ {
			if _, err := c.Lookup(kids[next], "ES256"); err != nil {
				b.Error(err)
				return
			}
			if next++; next == len(kids) {
				next = 0
			}
		}
	}
	onAllCores := func(cache func(core int) *jwks.Cache) func() {
		return func() {
			var wg sync.WaitGroup
			for core := range cores {
				wg.Go(func() { look(cache(core), kids) })
			}
			wg.Wait()
		}
	}
	for _, r := range []struct {
		name      string
		work, per func()
	}{
		{"1000-to-1-key", func() { look(many, kidsOfMany) }, func() { look(one, kidOfOne) }},
		{"shared-to-own", onAllCores(func(int) *jwks.Cache { return own[0] }), onAllCores(func(core int) *jwks.Cache { return own[core] })},
		{"lookup-to-clock", func() { look(own[0], kids) }, func() {
			for range batch {
				_ = time.Now()
			}
		}},
	} {
		b.Run(r.name, func(b *testing.B) {
			var works, pers []time.Duration
			for b.Loop() {
				start := time.Now()
				r.work()
				middle := time.Now()
				r.per()
				works, pers = append(works, middle.Sub(start)), append(pers, time.Since(middle))
			}
			slices.Sort(works)
			slices.Sort(pers)
			median := len(works) / 2
			b.ReportMetric(0, "ns/op") // removes ns/op from the report, because it is the time of both batches
			b.ReportMetric(float64(works[median])/float64(pers[median]), "ratio")
		})
	}
}

// BenchmarkLookupParallel measures concurrent lookups. Run this benchmark with -cpu 1,2,4. The
// time per lookup must fall when the number of cores grows.
func BenchmarkLookupParallel(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		c, kids := newServedCache(b, n)
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := 0
				for pb.Next() {
					if _, err := c.Lookup(kids[i], "ES256"); err != nil {
						b.Error(err)
						return
					}
					if i++; i == len(kids) {
						i = 0
					}
				}
			})
		})
	}
}

// BenchmarkMiss measures a lookup of an unknown kid during the cool-down.
func BenchmarkMiss(b *testing.B) {
	c, _ := newServedCache(b, 10)
	b.Run("Lookup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Lookup("forged", "ES256"); !errors.Is(err, jwks.ErrUnknownKey) {
				b.Fatal(err)
			}
		}
	})
	b.Run("Key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Key(b.Context(), "forged", "ES256"); err == nil {
				b.Fatal("Key of an invented kid: got no error, want an error")
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, key := range map[string]jwk{"EC": ecKey("a"), "RSA": public("a", rsaPrivate().Public()), "Ed25519": edKey("a")} {
		doc := document(key, key.with("kid", "b"), key.with("kid", "c"))
		b.Run("3 "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jwks.Parse(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates")
	}
	c, kids := newServedCache(t, 100)
	set := parse(t, sharedKey().with("kid", "a"))
	for name, look := range map[string]func(){
		"Lookup of a known kid":                      func() { _, _ = c.Lookup(kids[42], "ES256") },
		"Lookup of an unknown kid":                   func() { _, _ = c.Lookup("forged", "ES256") },
		"Lookup of a known kid with a different alg": func() { _, _ = c.Lookup(kids[42], "RS256") },
		"Lookup without a kid":                       func() { _, _ = c.Lookup("", "ES256") },
		"Key of a known kid":                         func() { _, _ = c.Key(t.Context(), kids[42], "ES256") },
		"Set.Lookup of a known kid":                  func() { _, _ = set.Lookup("a", "ES256") },
	} {
		if n := testing.AllocsPerRun(100, look); n != 0 {
			t.Errorf("%s: got %v allocations, want none", name, n)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Lookup("a", "ES256") }); n != 0 {
		t.Errorf("Lookup of a closed cache: got %v allocations, want none", n)
	}
}
