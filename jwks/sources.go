package jwks

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Sources are the keys of one issuer from several caches. By default, the keys of all caches
// together are the keys of the issuer. Use this for several clusters that issue tokens with the
// same "iss", or for keys in a file beside the keys that the issuer publishes. With Failover, the
// caches are several sources of the same keys.
//
// The zero Sources has no keys. Sources is safe for concurrent use. Do not modify the fields
// while Sources is in use. The limits of [Options] apply to each cache, so a token may cause
// a fetch and up to Options.MaxKeysPerID signature checks for each cache. Sources does not close
// the caches.
type Sources struct {
	// Caches are the sources. Give each cache the same Options.Issuer.
	Caches []*Cache
	// Failover means that a cache is used only while the caches before it are unavailable, or
	// while their last refresh failed and they do not have the key. So the first cache whose keys
	// are available decides which keys the issuer has withdrawn. False: all caches are used.
	Failover bool
}

// errNoSources is the error of Sources without caches.
var errNoSources error = &UnavailableError{Err: errors.New("jwks.Sources has no Caches")}

// Lookup does what [Cache.Lookup] does, for all caches. If no cache has the key, but one of them is
// unavailable, the error matches ErrUnavailable, because the issuer may publish the key there.
func (s *Sources) Lookup(kid, alg string) ([]*Key, error) {
	return s.LookupAt(kid, alg, time.Now())
}

// LookupAt does what [Sources.Lookup] does, but uses the argument now as the current time; see
// [Cache.LookupAt].
func (s *Sources) LookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	return s.lookup(func(c *core) ([]*Key, error) { return c.lookupAt(kid, alg, now) })
}

// lookup combines the results of a lookup in each cache.
func (s *Sources) lookup(in func(*core) ([]*Key, error)) (found []*Key, failed error) {
	failed = errNoSources
	for i, c := range s.Caches {
		keys, err := in(c.core)
		switch {
		case err == nil && (s.Failover || found == nil):
			found = keys
		case err == nil:
			found = union(found, keys)
		case i == 0:
			failed = err
		default:
			failed = s.combine(failed, err)
		}
		if s.Failover && (err == nil || errors.Is(err, ErrUnknownKey) || c.core.state.Load().idle) {
			return keys, err // this cache decides; an idle cache decides after the fetch of Key
		}
	}
	if found != nil {
		return found, nil
	}
	return nil, failed
}

// union returns the keys of a and the keys of b that differ from them. It modifies neither.
func union(a, b []*Key) []*Key {
	a = slices.Clip(a)
	for _, key := range b {
		if !slices.ContainsFunc(a, func(other *Key) bool { return other.identity == key.identity }) {
			a = append(a, key)
		}
	}
	return a
}

// combine returns the error of Sources if one cache returns a and another cache returns b. An
// unavailable cache may have the key, so its error counts more than ErrUnknownKey. With Failover,
// each cache has all keys, so ErrUnknownKey counts more.
func (s *Sources) combine(a, b error) error {
	if isNotAsked(a) && errors.Is(b, ErrUnavailable) {
		return b // a cache without keys is the greater problem
	}
	if errors.Is(a, ErrUnknownKey) != s.Failover {
		return b
	}
	return a
}

// Key does what [Cache.Key] does, for all caches. If no cache has the key in memory, the caches
// fetch at the same time, and Key returns the keys of the cache that first finds the key. With
// Failover, only the first cache fetches while its keys are available, or if it is idle; see
// [Options.OnDemand]. The limit of 2 s applies to all caches together.
func (s *Sources) Key(ctx context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	now := time.Now()
	keys, err := s.lookup(func(c *core) ([]*Key, error) { return c.lookupUntried(kid, alg, tried, now) })
	if err == nil || len(s.Caches) == 0 {
		return keys, err
	}
	asked := s.Caches
	ask := func(ctx context.Context, c *Cache) ([]*Key, error) {
		return c.core.key(ctx, kid, alg, tried, now)
	}
	if first := asked[0].core; s.Failover && (first.usable(now) || first.state.Load().idle) {
		keys, err = ask(ctx, asked[0])
		if len(asked) == 1 || !errors.Is(err, ErrUnavailable) || isNotAsked(err) || first.confirmed(kid, alg, tried) {
			return keys, err // the first cache decides
		}
		asked = asked[1:]
	}
	return s.askAll(ctx, asked, ask)
}

// confirmed reports whether keys are available and the last refresh succeeded, so that they lack
// the key of the token only if the issuer had withdrawn it or had not published it yet.
func (c *core) confirmed(kid, alg string, tried []*Key) bool {
	_, err := c.lookupUntried(kid, alg, tried, time.Now())
	return errors.Is(err, ErrUnknownKey)
}

// isNotAsked reports whether err has the field NotAsked.
func isNotAsked(err error) bool {
	e, ok := errors.AsType[*UnavailableError](err)
	return ok && e.NotAsked
}

// askAll calls the function ask for all caches at the same time. The first success ends the other
// calls.
func (s *Sources) askAll(ctx context.Context, caches []*Cache, ask func(context.Context, *Cache) ([]*Key, error)) (found []*Key, failed error) {
	type result struct {
		keys []*Key
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result, len(caches))
	for _, c := range caches {
		go func() {
			keys, err := ask(ctx, c)
			results <- result{keys, err}
		}()
	}
	for i := range caches {
		r := <-results
		if r.err == nil {
			return r.keys, nil
		}
		if i == 0 {
			failed = r.err
		} else {
			failed = s.combine(failed, r.err)
		}
	}
	return nil, failed
}

// Ready waits until the keys of one cache are available; see [Cache.Ready].
func (s *Sources) Ready(ctx context.Context) error {
	return s.each(ctx, (*Cache).Ready, true)
}

// Refresh refreshes all caches at the same time; see [Cache.Refresh]. The error joins the errors of
// all caches.
func (s *Sources) Refresh(ctx context.Context) error {
	return s.each(ctx, (*Cache).Refresh, false)
}

// each calls do for all caches at the same time. If one is enough, the first success ends the
// other calls.
func (s *Sources) each(ctx context.Context, do func(*Cache, context.Context) error, oneIsEnough bool) error {
	if len(s.Caches) == 0 {
		return errNoSources
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(s.Caches))
	for _, c := range s.Caches {
		go func() { results <- do(c, ctx) }()
	}
	var errs []error
	for range s.Caches {
		err := <-results
		if err == nil && oneIsEnough {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Status returns the state of each cache, in the order of Caches.
func (s *Sources) Status() []Status {
	all := make([]Status, len(s.Caches))
	for i, c := range s.Caches {
		all[i] = c.Status()
	}
	return all
}
