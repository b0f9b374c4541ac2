package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Cache holds the key set of one issuer. A goroutine, the refresher, refreshes the key set
// in the background. Lookups read the key set from memory. [New] and [Discover] return a
// Cache; the zero Cache is not usable. A Cache is safe for concurrent use, and several
// verifiers may share a Cache. Close the Cache when no verifier uses it any more.
type Cache struct {
	opts   Options // without StoreKey
	name   string  // the issuer's name in logs and events
	source string  // the result of sourceOf; it identifies the issuer or URL in the stored data
	client *http.Client

	epoch time.Time                // the time at which the cache was created
	state atomic.Pointer[snapshot] // the state that lookups read

	ctx    context.Context //nolint:containedctx // start creates this context, and Close ends it
	cancel context.CancelFunc
	ended  chan struct{} // closed when the refresher has returned
	wake   chan struct{} // has capacity 1; a value wakes the refresher after a change of the field queued
	closed sync.Once

	waiting atomic.Int64 // number of goroutines that wait for a fetch
	share   share        // the state of Options.Limits for this cache

	mu      sync.Mutex // guards the fields of this block
	running *flight    // the fetch in flight, or nil
	queued  *flight    // the fetch that has not begun yet, or nil
	misses  coolDown   // limits the fetches that lookups cause while keys are available
	changes streak     // counts the fetches in misses that brought new keys
	denied  deniedLog
	history history
	// While keys are available, lookups cause no fetch before heldUntil, because of
	// Retry-After or maxChanges.
	heldUntil time.Time
	scheduled deadline // the start time of the scheduled refresh; zero before the first refresh

	saver     saver         // calls the Store, if there is one
	storeKey  func() []byte // returns Options.StoreKey; a printed function does not show the key
	refresher refresher     // only the refresher's goroutine uses this field
}

// snapshot is the state that lookups read. It is immutable.
type snapshot struct {
	set   *Set     // nil if there is no set
	until deadline // the time at which the set becomes too old
	noSet error    // the error of lookups if there is no set, or if the set is too old
	noKey error    // the error of lookups if the set does not have the key
}

// New returns a cache of the key set at url. It starts the refresher, but does not wait for the
// first fetch. Until the issuer has answered, the cache has only the keys from Options.Store.
// If Options.Store is nil or has no keys, keys are unavailable until then. The error reports
// all problems with url and opts.
func New(url string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	if err := checkURL(url, o.InsecureHTTP); err != nil {
		errs = append(errs, fmt.Errorf("jwks: key-set URL %q: %w", redact(url), err))
	}
	if o.MetadataURL != "" || o.MetadataIssuer != "" {
		errs = append(errs, errors.New("jwks: Options.MetadataURL, Options.MetadataIssuer: New does not use metadata; remove both fields, or call Discover"))
	}
	if err := errors.Join(append(errs, o.problems(opts)...)...); err != nil {
		return nil, err
	}
	name := o.Issuer
	if name == "" {
		name = redact(url)
	}
	return start(o, name, sourceOf("keys at ", url), locator{url: url}), nil
}

// Discover returns a cache of an issuer's key set. The URL of the key set comes from the
// issuer's metadata (OpenID Connect Discovery, RFC 8414). The value of "issuer" in the
// metadata must be exactly Options.MetadataIssuer. If Options.MetadataIssuer is empty, the
// value must be exactly the argument issuer. The key set may be on a different host than the
// metadata.
//
// Like New, Discover does not wait, because discovery is part of the first refresh. The cache
// fetches the metadata again after 5 min to 1 h. The header of the last response determines
// this time. If the cache cannot fetch the key set, it fetches the metadata sooner. The error
// reports all problems with issuer and opts.
func Discover(issuer string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	where := locator{issuer: issuer, insecureHTTP: o.InsecureHTTP}
	if o.MetadataIssuer != "" {
		where.issuer = o.MetadataIssuer
	}
	if issuer == "" {
		errs = append(errs, errors.New("jwks: issuer is empty; pass the issuer identifier, such as https://issuer.example"))
	}
	if o.MetadataURL != "" {
		if err := checkURL(o.MetadataURL, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("jwks: Options.MetadataURL: %q: %w", redact(o.MetadataURL), err))
		}
		where.places = []string{o.MetadataURL}
	} else if issuer != "" {
		if err := checkIssuer(issuer, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("jwks: issuer %q: %w (if its metadata is not at a well-known URL, set Options.MetadataURL)", redact(issuer), err))
		}
		where.places = metadataPlaces(issuer)
	}
	if o.Issuer != "" && o.Issuer != issuer {
		errs = append(errs, fmt.Errorf("jwks: Options.Issuer: %q differs from the argument of Discover, %q; leave Options.Issuer empty", o.Issuer, redact(issuer)))
	}
	if err := errors.Join(append(errs, o.problems(opts)...)...); err != nil {
		return nil, err
	}
	o.Issuer = issuer
	return start(o, issuer, sourceOf("issuer ", issuer), where), nil
}

// start creates a cache and starts the refresher.
func start(o Options, name, source string, where locator) *Cache {
	c := &Cache{
		opts:   o,
		name:   name,
		source: source,
		epoch:  time.Now(),
		ended:  make(chan struct{}),
		wake:   make(chan struct{}, 1),
		misses: coolDown{interval: o.CoolDown, maxAtOnce: missBurst},

		refresher: refresher{pollState: pollState{where: where}},
	}
	c.opts.StoreKey, c.storeKey = nil, func() []byte { return o.StoreKey }
	if c.opts.Transport == nil {
		c.opts.Transport = newTransport(o.RefusePrivateAddresses)
	}
	c.client = newClient(c.opts.Transport)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.saver = saver{store: o.Store, failed: c.saveFailed}
	waiting := &UnavailableError{RetryAfter: time.Second, Err: errors.New("the issuer has not answered yet")}
	c.state.Store(&snapshot{noSet: waiting, noKey: waiting})
	// Lookups wait for these two flights: the call of Store.Load, and the first fetch.
	c.queued = &flight{due: c.epoch, done: make(chan struct{})}
	if o.Store != nil {
		c.running = &flight{began: c.epoch, local: true, done: make(chan struct{})}
	}
	c.history.url = redact(where.url)
	o.Limits.join()
	go c.run()
	return c
}

// Lookup returns the keys that may verify a token with this kid and alg, as [Set.Lookup]
// does. Lookup reads from memory. It never waits and never causes a fetch. Callers share the
// returned slice: do not modify it.
//
// The error matches ErrUnavailable if there is no key set yet, or if the key set is older than
// Options.MaxStale. If the key set has no such key, the error is usually ErrUnknownKey. But if
// the last refresh failed, or if the issuer has not answered since the start, the issuer may
// have published the key since the last successful refresh. In these two cases, the error
// matches ErrUnavailable.
//
// Lookup takes about 60 ns and does not allocate memory. So code that caches verdicts on tokens
// can call Lookup on every request, with the kid and alg of the token. If the result contains
// the *Key that verified the signature, the issuer still publishes this key.
func (c *Cache) Lookup(kid, alg string) ([]*Key, error) {
	return c.LookupAt(kid, alg, time.Now())
}

// LookupAt does what [Cache.Lookup] does, but uses the argument now as the current time and
// does not read the clock. The argument must be an unchanged result of time.Now, because
// LookupAt uses both the wall clock reading and the monotonic clock reading.
func (c *Cache) LookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	state := c.state.Load()
	if state.set == nil || c.reached(state.until, now) {
		return nil, state.noSet
	}
	if keys := state.set.keysFor(kid, alg); keys != nil {
		return keys, nil
	}
	if algorithmOf(alg) == noAlgorithm {
		return nil, ErrUnknownKey // the cache uses no keys for unsupported algorithms
	}
	return nil, state.noKey
}

// usable reports whether keys are available, which means that there is a set and that the set
// is not too old at the time now.
func (c *Cache) usable(now time.Time) bool {
	state := c.state.Load()
	return state.set != nil && !c.reached(state.until, now)
}

// Ready waits until keys are available, or until ctx ends. If ctx ends first, the error
// matches ErrUnavailable, the error of the last refresh, and ctx.Err(). While Ready waits,
// the cache queries the issuer once per second. In a health check, call Ready with a context
// that has a short deadline.
func (c *Cache) Ready(ctx context.Context) error {
	// Ready counts as a waiting goroutine until it returns, even while it checks the state.
	// Otherwise, poll sometimes finds no waiting goroutine and sends no new request, because
	// poll checks at the same times as Ready.
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	for {
		state, now := c.state.Load(), time.Now()
		if c.usable(now) {
			return nil
		}
		if c.ctx.Err() != nil {
			return errClosed
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", state.noSet, err)
		}
		f, _ := c.demand(ctx, now, now, state, false)
		if f == nil {
			continue // demand returns nil only while keys are available, so check again
		}
		retry := time.NewTimer(minPause)
		select {
		case <-f.done:
		case <-retry.C:
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
		retry.Stop()
	}
}

// Refresh fetches the key set now, even if the key set in use is fresh, and waits for the
// result. A nil error means that the issuer sent a usable key set, or confirmed the key set
// in use. If the fetch fails, Refresh returns the error of the fetch, and the key set in use
// stays in use. If ctx ends first, Refresh returns ctx.Err(), and the fetch continues.
// Concurrent calls of Refresh share one fetch. A call does not share a fetch that began
// before the call. Waiting for Options.Limits does not count in Options.Timeout, so pass a context
// with a deadline if many caches share the Limits.
func (c *Cache) Refresh(ctx context.Context) error {
	c.mu.Lock()
	f := c.enqueue(time.Now())
	f.unconditional = true
	c.mu.Unlock()
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return errClosed
	}
}

// errClosed is the error of a closed cache.
var errClosed error = &UnavailableError{Err: errors.New("cache is closed")}

// Close stops the refresher and the fetch in flight, and waits until both have ended. If
// a call to the Store is in flight, Close also waits for this call, but at most 2 s.
// Afterwards, lookups return an [*UnavailableError] whose RetryAfter is zero. Close may
// be called more than once. The error is always nil.
func (c *Cache) Close() error {
	c.cancel()
	<-c.ended
	c.saver.waitIdle()
	c.closed.Do(func() { c.state.Store(&snapshot{noSet: errClosed, noKey: errClosed}) })
	return nil
}
