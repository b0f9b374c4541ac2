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

// Cache is the key set of one issuer, refreshed in the background. Lookups read from
// memory. A Cache is safe for concurrent use, and several verifiers may share it. Close
// it when the last verifier is done.
type Cache struct {
	opts   Options
	name   string // of the issuer, in logs and events
	source string // of the keys, in the Store
	client *http.Client

	epoch time.Time                // when the cache was made
	state atomic.Pointer[snapshot] // all that a lookup reads

	ctx    context.Context //nolint:containedctx // the cache's lifetime, ended by Close; not a caller's context
	cancel context.CancelFunc
	ended  chan struct{} // closed when the refresher has returned
	wake   chan struct{} // cap 1: wakes the refresher, because queued has changed
	closed sync.Once

	waiting atomic.Int64 // number of goroutines that wait for a fetch

	mu        sync.Mutex // guards all below
	running   *flight    // the fetch in flight, or nil
	queued    *flight    // the fetch that was requested and has not begun, or nil
	misses    coolDown   // limits fetches for keys that are not in the set
	changes   streak     // of these fetches, those that brought new keys
	heldUntil time.Time  // until then, lookups cause no fetch (Retry-After, maxChanges)
	denied    deniedLog
	history   history

	saver     saver     // calls the Store, if there is one
	refresher refresher // used by the refresher's goroutine only
}

// snapshot is the state that lookups read. It is immutable.
type snapshot struct {
	set   *Set     // nil if there is none
	until deadline // when set becomes too old
	noSet error    // of a lookup if there is no usable set
	noKey error    // of a lookup if the set does not have the key
}

// New returns a cache of the key set at url. It starts the refresher, but does not wait
// for the first fetch. Until the first response of the issuer, keys are unavailable,
// unless Options.Store has them. The error reports everything that is wrong with url
// and opts.
func New(url string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	if err := checkURL(url, o.InsecureHTTP); err != nil {
		errs = append(errs, fmt.Errorf("jwks: key-set URL %q: %w", redact(url), err))
	}
	if o.MetadataURL != "" || o.MetadataIssuer != "" {
		errs = append(errs, errors.New("jwks: Options.MetadataURL, Options.MetadataIssuer: New does not use metadata; remove them, or call Discover"))
	}
	if err := errors.Join(append(errs, o.problems()...)...); err != nil {
		return nil, err
	}
	name := o.Issuer
	if name == "" {
		name = redact(url)
	}
	return start(o, name, sourceOf("keys at ", url), locator{url: url}), nil
}

// Discover returns a cache of an issuer's key set. The set's URL comes from the issuer's
// metadata (OpenID Connect Discovery, RFC 8414). Like New, Discover does not wait:
// discovery is part of the first refresh. It is repeated every hour, and when the key
// set cannot be fetched. The metadata's "issuer" must equal issuer byte for byte, or
// Options.MetadataIssuer if that is set. The key set may be on another host.
func Discover(issuer string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	where := locator{issuer: issuer, insecureHTTP: o.InsecureHTTP}
	if o.MetadataIssuer != "" {
		where.issuer = o.MetadataIssuer
	}
	if issuer == "" {
		errs = append(errs, errors.New("jwks: issuer is empty"))
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
		errs = append(errs, fmt.Errorf("jwks: Options.Issuer: %q differs from the issuer to discover, %q; leave it empty", o.Issuer, redact(issuer)))
	}
	if err := errors.Join(append(errs, o.problems()...)...); err != nil {
		return nil, err
	}
	o.Issuer = issuer
	return start(o, issuer, sourceOf("issuer ", issuer), where), nil
}

// start makes the cache and starts its goroutine.
func start(o Options, name, source string, where locator) *Cache {
	c := &Cache{
		opts:   o,
		name:   name,
		source: source,
		epoch:  time.Now(),
		ended:  make(chan struct{}),
		wake:   make(chan struct{}, 1),
		misses: coolDown{interval: o.CoolDown, burst: 2},

		refresher: refresher{pollState: pollState{where: where}},
	}
	if c.opts.Transport == nil {
		c.opts.Transport = newTransport(o.RefusePrivateAddresses)
	}
	c.client = newClient(c.opts.Transport)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.saver = saver{store: o.Store, failed: c.saveFailed}
	waiting := &UnavailableError{RetryAfter: time.Second, Err: errors.New("the issuer has not answered yet")}
	c.state.Store(&snapshot{noSet: waiting, noKey: waiting})
	// Lookups from now on join these fetches instead of causing more.
	c.queued = &flight{due: c.epoch, done: make(chan struct{})}
	if o.Store != nil {
		c.running = &flight{began: c.epoch, local: true, done: make(chan struct{})}
	}
	c.history.url = redact(where.url)
	go c.run()
	return c
}

// Lookup returns the keys that may verify a token with this kid and alg, as [Set.Lookup]
// does. It reads from memory: it never waits and never causes a fetch. The slice is
// shared: do not modify it.
//
// The error is ErrUnknownKey if the set is fresh and has no such key. It is
// ErrUnavailable if there is no set yet, if the set is older than MaxStale, or if the set
// has no such key and the last refresh failed, so that the key may be a new one.
//
// Lookup takes about 60 ns and does not allocate, so a cached verdict can be checked on
// every request. The verdict still holds if Lookup returns, for the token's kid and alg,
// the same *Key that verified the signature.
func (c *Cache) Lookup(kid, alg string) ([]*Key, error) {
	return c.LookupAt(kid, alg, time.Now())
}

// LookupAt is Lookup for callers that have just read the clock. now must be the result
// of time.Now, unchanged: LookupAt uses both its wall clock and its monotonic clock.
func (c *Cache) LookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	state := c.state.Load()
	if state.set == nil || c.past(state.until, now) {
		return nil, state.noSet
	}
	if keys := state.set.find(kid, alg); keys != nil {
		return keys, nil
	}
	if algorithmOf(alg) == noAlgorithm {
		return nil, ErrUnknownKey // a refresh cannot change this
	}
	return nil, state.noKey
}

// usable reports whether there is a set that is not too old at the time now.
func (c *Cache) usable(now time.Time) bool {
	state := c.state.Load()
	return state.set != nil && !c.past(state.until, now)
}

// Ready waits until keys are available, or until ctx ends. If ctx ends first, the error
// matches ErrUnavailable, its cause, and the error of ctx. While Ready waits, the issuer
// is queried once per second. For a health check, pass a context with a short deadline.
func (c *Cache) Ready(ctx context.Context) error {
	// Ready counts as waiting until it returns. It checks the state every second, at the
	// same times as poll. If it did not count during the check, poll may see no waiting
	// goroutine and skip a second.
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
			continue // fetches are denied only while there are keys
		}
		retry := time.NewTimer(time.Second)
		select {
		case <-f.done:
		case <-retry.C:
		case <-ctx.Done():
		case <-c.ctx.Done():
		}
		retry.Stop()
	}
}

// Refresh fetches the key set now, whatever the age of the set in use, and waits for the
// result. If ctx ends first, Refresh returns its error, and the fetch continues.
// Concurrent calls share one fetch, which begins after the first call. The error says why
// the set in use was neither replaced nor confirmed.
func (c *Cache) Refresh(ctx context.Context) error {
	c.mu.Lock()
	f := c.enqueue(time.Now())
	f.doubt = true
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

// Close stops the refresher and the fetch in flight, and waits until both have ended. It
// also waits for a call of the Store in flight, for 2 s at most. Afterwards, lookups fail
// with an [*UnavailableError] whose RetryAfter is zero. Close may be called more than
// once. The error is always nil.
func (c *Cache) Close() error {
	c.cancel()
	<-c.ended
	c.saver.wait()
	c.closed.Do(func() { c.state.Store(&snapshot{noSet: errClosed, noKey: errClosed}) })
	return nil
}
