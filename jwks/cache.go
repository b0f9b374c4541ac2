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

// Cache is the key set of one issuer. A goroutine, the refresher, refreshes the set in the
// background; lookups read from memory. [New] and [Discover] return a Cache; the zero Cache
// is not usable. A Cache is safe for concurrent use, and several verifiers may share it.
// Close the Cache when no verifier uses it any more.
type Cache struct {
	opts   Options
	name   string // the issuer's name in logs and events
	source string // identifies the issuer or URL in the Store; see sourceOf
	client *http.Client

	epoch time.Time                // when the cache was created
	state atomic.Pointer[snapshot] // what lookups read

	ctx    context.Context //nolint:containedctx // the cache's lifetime, ended by Close; not a caller's context
	cancel context.CancelFunc
	ended  chan struct{} // closed when the refresher has returned
	wake   chan struct{} // cap 1: wakes the refresher, because queued has changed
	closed sync.Once

	waiting atomic.Int64 // number of goroutines that wait for a fetch

	mu      sync.Mutex // guards the fields of this block
	running *flight    // the fetch in flight, or nil
	queued  *flight    // the fetch that was requested and has not begun, or nil
	misses  coolDown   // limits fetches for keys that are not in the set
	changes streak     // counts fetches for missing keys that brought new keys
	denied  deniedLog
	history history
	// While there is a usable set, lookups cause no fetch before heldUntil, because of
	// Retry-After or maxChanges.
	heldUntil time.Time

	saver     saver     // calls the Store, if there is one
	refresher refresher // used by the refresher's goroutine only
}

// snapshot is the state that lookups read. It is immutable.
type snapshot struct {
	set   *Set     // nil if there is none
	until deadline // when the set becomes too old
	noSet error    // the error of lookups if there is no usable set
	noKey error    // the error of lookups if the set does not have the key
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

// Discover returns a cache of an issuer's key set. The URL of the set comes from the
// issuer's metadata (OpenID Connect Discovery, RFC 8414). The metadata's "issuer" must
// equal Options.MetadataIssuer, or issuer if that field is empty, byte for byte. The key
// set may be on another host.
//
// Like New, Discover does not wait: discovery is part of the first refresh. The metadata is
// fetched again after 5 min to 1 h, as the header of its response determines. It is fetched
// sooner if the key set cannot be fetched. The error reports everything that is wrong with
// issuer and opts.
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
	// From now on, lookups wait for the read of the Store and for the first fetch.
	c.queued = &flight{due: c.epoch, done: make(chan struct{})}
	if o.Store != nil {
		c.running = &flight{began: c.epoch, local: true, done: make(chan struct{})}
	}
	c.history.url = redact(where.url)
	go c.run()
	return c
}

// Lookup returns the keys that may verify a token with this kid and alg, as [Set.Lookup]
// does. It reads from memory: it never waits and never causes a fetch. The slice is shared:
// do not modify it.
//
// The error is ErrUnavailable if there is no set yet, or if the set is older than MaxStale.
// If the set has no such key, the error is usually ErrUnknownKey. It is ErrUnavailable if
// the last refresh failed, or if the issuer has not answered since the start, because the
// key may be a new one.
//
// Lookup takes about 60 ns and does not allocate, so a cached verdict can be checked on
// every request. The verdict is still valid if Lookup, for the token's kid and alg, returns
// the same *Key that verified the signature.
func (c *Cache) Lookup(kid, alg string) ([]*Key, error) {
	return c.LookupAt(kid, alg, time.Now())
}

// LookupAt is like [Cache.Lookup], but does not read the clock: now is the current time. It
// must be the result of time.Now, unchanged, because LookupAt uses both its wall clock and
// its monotonic clock.
func (c *Cache) LookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	state := c.state.Load()
	if state.set == nil || c.past(state.until, now) {
		return nil, state.noSet
	}
	if keys := state.set.find(kid, alg); keys != nil {
		return keys, nil
	}
	if algorithmOf(alg) == noAlgorithm {
		return nil, ErrUnknownKey // no refresh can bring a key for an unsupported algorithm
	}
	return nil, state.noKey
}

// usable reports whether there is a set that is not too old at the time now.
func (c *Cache) usable(now time.Time) bool {
	state := c.state.Load()
	return state.set != nil && !c.past(state.until, now)
}

// Ready waits until keys are available, or until ctx ends. If ctx ends first, the error
// matches ErrUnavailable, the error of the last refresh, and ctx.Err(). While Ready waits,
// the issuer is queried once per second. For a health check, pass a context with a short
// deadline.
func (c *Cache) Ready(ctx context.Context) error {
	// Ready counts as a waiting goroutine until it returns, also while it checks the state.
	// Ready and poll check at the same times, and poll skips a retry if no goroutine waits.
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
			continue // demand denies fetches only if there is a usable set: check again
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

// Refresh fetches the key set now, even if the set in use is fresh, and waits for the
// result. A nil error means that the issuer sent a usable set, or confirmed the set in use.
// Otherwise Refresh returns the error of the fetch, and the set in use stays in use. If ctx
// ends first, Refresh returns ctx.Err(), and the fetch continues. Concurrent calls share
// one fetch, but never a fetch that began before the call.
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
// a call to the Store is in flight, Close waits for this call too, for 2 s at most.
// Afterwards, lookups fail with an [*UnavailableError] whose RetryAfter is zero. Close may
// be called more than once. The error is always nil.
func (c *Cache) Close() error {
	c.cancel()
	<-c.ended
	c.saver.wait()
	c.closed.Do(func() { c.state.Store(&snapshot{noSet: errClosed, noKey: errClosed}) })
	return nil
}
