package incident

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

const (
	lookups      = 100_000 // in one round
	lookupRounds = 15
)

// Lookup is no incident but what every request pays: a lookup by key id and
// algorithm in a jwks.Cache, whatever the subject is. Times are of the processor,
// where the system tells, so that others on the machine do not matter, and the
// least of several rounds. What sharing costs is told by all cores with one cache,
// beside all cores with a cache each. It measures the process, so that nothing
// else may go on there.
func Lookup(ctx context.Context, _ Subject) (r Result, err error) {
	const most = 1000
	var price []time.Duration
	for _, n := range []int{1, 10, most} {
		caches, kids, err := filled(ctx, n, 1)
		if err != nil {
			return r, err
		}
		var least time.Duration
		for range lookupRounds {
			if d := lookupPrice(caches, kids, 1); least == 0 || d < least {
				least = d
			}
		}
		price = append(price, least)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		look(caches[0], kids, lookups)
		runtime.ReadMemStats(&after)
		// The runtime's own few are not one per lookup.
		r.Allocations = max(r.Allocations, float64((after.Mallocs-before.Mallocs)/(lookups/10))/10)
		closeAll(caches)
	}
	r.Lookup, r.Growth = max(price[0], price[1], price[2]), float64(price[2])/float64(price[0])
	cores := runtime.GOMAXPROCS(0)
	caches, kids, err := filled(ctx, 10, cores)
	if err != nil {
		return r, err
	}
	defer closeAll(caches)
	var shared, private time.Duration
	for range lookupRounds {
		if d := lookupPrice(caches[:1], kids, cores); shared == 0 || d < shared {
			shared = d
		}
		if d := lookupPrice(caches, kids, cores); private == 0 || d < private {
			private = d
		}
	}
	r.Sharing = float64(shared) / float64(private)
	r.Story = fmt.Sprintf("1 key %d ns, 10 keys %d ns, %d keys %d ns, %v allocations; %d cores at once with one cache: %.2fx of a cache each",
		price[0].Nanoseconds(), price[1].Nanoseconds(), most, price[2].Nanoseconds(), r.Allocations, cores, r.Sharing)
	return r, ctx.Err()
}

// filled returns caches of n keys each, and the ids.
func filled(ctx context.Context, n, howMany int) (caches []*jwks.Cache, kids []string, err error) {
	i := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer i.Close()
	key := i.SigningKey("ES256")
	kids = []string{key.ID()}
	for len(kids) < n {
		kids = append(kids, fmt.Sprintf("snk_%018d", len(kids)))
		i.Publish(key.Renamed(kids[len(kids)-1]))
	}
	for range howMany {
		c, err := jwks.New(i.KeysURL(), &jwks.Options{Logger: slog.New(slog.DiscardHandler)}) //nolint:contextcheck // it lives until it is closed
		if err != nil {
			return nil, nil, err
		}
		caches = append(caches, c)
		if err := c.Ready(ctx); err != nil {
			closeAll(caches)
			return nil, nil, err
		}
		if got := len(c.Status().Keys); got != n {
			closeAll(caches)
			return nil, nil, errors.New("the cache does not have all keys")
		}
	}
	return caches, kids, nil
}

func closeAll(caches []*jwks.Cache) {
	for _, c := range caches {
		_ = c.Close() // always nil
	}
}

// lookupPrice returns what one lookup costs when so many goroutines make them at
// once, each in a cache of its own if there are as many.
func lookupPrice(caches []*jwks.Cache, kids []string, goroutines int) time.Duration {
	before := processorTime()
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() { look(caches[g%len(caches)], kids, lookups) })
	}
	wg.Wait()
	return (processorTime() - before) / time.Duration(lookups*goroutines)
}

func look(c *jwks.Cache, kids []string, n int) {
	for k, next := 0, 0; k < n; k++ {
		if _, err := c.Lookup(kids[next], "ES256"); err != nil {
			return
		}
		if next++; next == len(kids) {
			next = 0
		}
	}
}
