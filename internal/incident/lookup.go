package incident

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// lookups is the number of lookups in each set.
const lookups = 100_000

// Lookup counts the allocations of lookups by key id and algorithm in a jwks.Cache. It ignores the
// Subject. Lookup counts the allocations of the whole process, so nothing else may run in the
// process. BenchmarkLookupRatios of package jwks measures the time of a lookup.
func Lookup(ctx context.Context, _ Subject) (r Result, err error) {
	for _, n := range []int{1, 10, 1000} {
		c, kids, err := newCache(ctx, n)
		if err != nil {
			return r, err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = look(c, kids, lookups)
		runtime.ReadMemStats(&after)
		if err = errors.Join(err, c.Close()); err != nil {
			return r, err
		}
		// The integer division rounds down, so the few allocations of the runtime do not count.
		r.Allocations = max(r.Allocations, float64((after.Mallocs-before.Mallocs)/(lookups/10))/10)
		r.Lookups += lookups
	}
	r.Story = fmt.Sprintf("%s lookups in sets of 1, 10 and 1,000 keys; %v allocations for each lookup", Thousands(r.Lookups), r.Allocations)
	return r, ctx.Err()
}

// newCache returns a cache that contains n keys. It also returns the key ids.
func newCache(ctx context.Context, n int) (c *jwks.Cache, kids []string, err error) {
	i := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer i.Close()
	key := i.SigningKey("ES256")
	kids = []string{key.ID()}
	for len(kids) < n {
		kids = append(kids, fmt.Sprintf("snk_%018d", len(kids)))
		i.Publish(key.Renamed(kids[len(kids)-1]))
	}
	c, err = jwks.New(i.KeysURL(), &jwks.Options{Logger: slog.New(slog.DiscardHandler)}) //nolint:contextcheck // Close stops the cache
	if err != nil {
		return nil, nil, err
	}
	if err := c.Ready(ctx); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	if got := len(c.Status().Keys); got != n {
		return nil, nil, errors.Join(fmt.Errorf("the cache has %d keys, want %d", got, n), c.Close())
	}
	return c, kids, nil
}

// look makes n lookups.
func look(c *jwks.Cache, kids []string, n int) error {
	for k, next := 0, 0; k < n; k++ {
		if _, err := c.Lookup(kids[next], "ES256"); err != nil {
			return err
		}
		if next++; next == len(kids) {
			next = 0
		}
	}
	return nil
}
