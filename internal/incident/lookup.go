package incident

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

const (
	lookups      = 100_000 // the number of lookups of one goroutine in one round
	lookupRounds = 15
)

// Lookup measures the cost of a lookup by key id and algorithm in a jwks.Cache. It ignores the
// Subject. If the system reports processor time, the durations are processor time, so that
// other processes do not change the result. Each duration is the shortest of several rounds.
// Lookup measures the whole process, so nothing else may run in the process.
func Lookup(ctx context.Context, _ Subject) (r Result, err error) {
	var cost []time.Duration
	for _, n := range []int{1, 10, 1000} {
		caches, kids, err := newCaches(ctx, n, 1)
		if err != nil {
			return r, err
		}
		var shortest time.Duration
		for range lookupRounds {
			if d := lookupCost(caches, kids, 1); shortest == 0 || d < shortest {
				shortest = d
			}
		}
		cost = append(cost, shortest)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		look(caches[0], kids, lookups)
		runtime.ReadMemStats(&after)
		// The integer division rounds down, so the few allocations of the runtime do not count.
		r.Allocations = max(r.Allocations, float64((after.Mallocs-before.Mallocs)/(lookups/10))/10)
		closeAll(caches)
	}
	r.Lookup, r.Growth = max(cost[0], cost[1], cost[2]), float64(cost[2])/float64(cost[0])
	cores := runtime.GOMAXPROCS(0)
	caches, kids, err := newCaches(ctx, 10, cores)
	if err != nil {
		return r, err
	}
	defer closeAll(caches)
	var shared, private time.Duration
	for range lookupRounds {
		if d := lookupCost(caches[:1], kids, cores); shared == 0 || d < shared {
			shared = d
		}
		if d := lookupCost(caches, kids, cores); private == 0 || d < private {
			private = d
		}
	}
	r.Sharing = float64(shared) / float64(private)
	r.Story = fmt.Sprintf("a lookup takes %d ns with 1 key, %d ns with 10 keys, %d ns with 1,000 keys, and %v allocations; with one cache shared by %d cores it takes %.2f × the time of one cache per core",
		cost[0].Nanoseconds(), cost[1].Nanoseconds(), cost[2].Nanoseconds(), r.Allocations, cores, r.Sharing)
	return r, ctx.Err()
}

// newCaches returns a number of caches that contain the same n keys. It also returns the key
// ids.
func newCaches(ctx context.Context, n, number int) (caches []*jwks.Cache, kids []string, err error) {
	i := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer i.Close()
	key := i.SigningKey("ES256")
	kids = []string{key.ID()}
	for len(kids) < n {
		kids = append(kids, fmt.Sprintf("snk_%018d", len(kids)))
		i.Publish(key.Renamed(kids[len(kids)-1]))
	}
	for range number {
		c, err := jwks.New(i.KeysURL(), &jwks.Options{Logger: slog.New(slog.DiscardHandler)}) //nolint:contextcheck // Close stops the cache
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
			return nil, nil, fmt.Errorf("the cache has %d keys, want %d", got, n)
		}
	}
	return caches, kids, nil
}

func closeAll(caches []*jwks.Cache) {
	for _, c := range caches {
		_ = c.Close() // Close always returns nil
	}
}

// lookupCost returns the processor time of one lookup while several goroutines make lookups at
// the same time. Goroutine g uses the cache with the index g modulo the number of caches.
func lookupCost(caches []*jwks.Cache, kids []string, goroutines int) time.Duration {
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
