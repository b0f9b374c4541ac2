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

// Cache is one issuer's key set, kept fresh in the background. Lookups answer
// from memory. It may be used by any number of goroutines at once and shared by
// any number of verifiers; Close it when the last of them is done.
type Cache struct {
	opts   Options
	name   string // the issuer's, in logs and events
	source string // whose keys these are, for the Store
	client *http.Client

	epoch time.Time                // when the cache was made
	state atomic.Pointer[snapshot] // all that a lookup touches

	ctx    context.Context //nolint:containedctx // the cache's own life, ended by Close; no caller's
	cancel context.CancelFunc
	ended  chan struct{} // closed when the refresher has returned
	wake   chan struct{} // cap 1: wakes the refresher, because queued has changed
	closed sync.Once

	waiting atomic.Int64 // how many goroutines wait for a fetch

	mu        sync.Mutex // guards all below
	running   *flight    // the fetch in flight, or nil
	queued    *flight    // the fetch that was requested and has not begun, or nil
	misses    coolDown   // limits fetches for keys that are not in the set
	changes   streak     // of fetches for such keys that brought new keys
	heldUntil time.Time  // before it, lookups cause no fetch (Retry-After, maxChanges)
	denied    deniedLog
	history   history

	saver     saver     // calls the Store, if there is one
	refresher refresher // only the refresher's goroutine uses it
}

// snapshot is what lookups see. It is immutable.
type snapshot struct {
	set   *Set     // nil: there is none
	until deadline // when set is too old to be used
	noSet error    // the answer if there is no usable set
	noKey error    // the answer if the set does not have the key
}

// New returns the cache of the key set at url, starts its refresher, and does
// not wait for it. Until the first answer of the issuer, keys are unavailable,
// unless a Store has them. The error names everything that is wrong with url and
// the options.
func New(url string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	if err := checkURL(url, o.InsecureHTTP); err != nil {
		errs = append(errs, fmt.Errorf("jwks: key-set URL %q: %w", redact(url), err))
	}
	if o.MetadataURL != "" || o.MetadataIssuer != "" {
		errs = append(errs, errors.New("jwks: Options.MetadataURL, Options.MetadataIssuer: have no meaning for New, which is given the key set's URL"))
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

// Discover returns the cache of an issuer's key set, which it finds by the
// issuer's metadata (OpenID Connect Discovery, RFC 8414). Like New it waits for
// nothing: discovery is part of the first refresh, and is repeated every hour and
// whenever the key set cannot be had. The metadata must name the issuer byte for
// byte; the key set may be on another host.
func Discover(issuer string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	where := locator{issuer: issuer, insecureHTTP: o.InsecureHTTP}
	if o.MetadataIssuer != "" {
		where.issuer = o.MetadataIssuer
	}
	if issuer == "" {
		errs = append(errs, errors.New("jwks: issuer: empty"))
	}
	if o.MetadataURL != "" {
		if err := checkURL(o.MetadataURL, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("jwks: Options.MetadataURL: %q: %w", redact(o.MetadataURL), err))
		}
		where.places = []string{o.MetadataURL}
	} else if issuer != "" {
		if err := checkIssuer(issuer, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("jwks: issuer %q: %w (if it is not where its metadata is, give Options.MetadataURL)", redact(issuer), err))
		}
		where.places = metadataPlaces(issuer)
	}
	if o.Issuer != "" && o.Issuer != issuer {
		errs = append(errs, fmt.Errorf("jwks: Options.Issuer: %q: not the issuer to discover, %q", o.Issuer, redact(issuer)))
	}
	if err := errors.Join(append(errs, o.problems()...)...); err != nil {
		return nil, err
	}
	o.Issuer = issuer
	return start(o, issuer, sourceOf("issuer ", issuer), where), nil
}

// start makes the cache and its one goroutine.
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

// Lookup answers from memory which keys may verify a token with this kid and
// alg, as [Set.Lookup] does: it never waits and never causes traffic. The error
// is ErrUnknownKey if the set is fresh and has no such key, and ErrUnavailable
// if there is no set yet, if it is older than MaxStale, or if it has no such key
// and could not be refreshed, so that the key may be a new one. The slice is
// shared: callers do not modify it.
//
// It takes some 60 ns and allocates nothing, and so is also how a remembered
// verdict is checked again: the signature still counts if the answer for the
// token's kid and alg still has the very *Key that verified it.
func (c *Cache) Lookup(kid, alg string) ([]*Key, error) {
	return c.LookupAt(kid, alg, time.Now())
}

// LookupAt is Lookup for callers that have just read the clock for themselves:
// now is what time.Now returned, as it is.
func (c *Cache) LookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	state := c.state.Load()
	if state.set == nil || c.past(state.until, now) {
		return nil, state.noSet
	}
	if keys := state.set.find(kid, alg); keys != nil {
		return keys, nil
	}
	if algorithmOf(alg) == noAlgorithm {
		return nil, ErrUnknownKey // which no refresh would change
	}
	return nil, state.noKey
}

// usable reports whether there is a set that is not too old.
func (c *Cache) usable(now time.Time) bool {
	state := c.state.Load()
	return state.set != nil && !c.past(state.until, now)
}

// Ready waits until there are keys, or until ctx ends; it then returns an
// ErrUnavailable with the cause, and the context's error with it. While it waits
// the issuer is asked once per second. For a health check give it a context with
// a short deadline.
func (c *Cache) Ready(ctx context.Context) error {
	// Ready counts as waiting from its start to its end. It looks again every
	// second, at the same instants as poll does; if it stopped counting while it
	// looks, poll could find that nobody waits and skip a second.
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
			continue // there are keys by now, or it would not be denied
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

// Refresh fetches the key set now, whatever its age, and waits for the answer or
// until ctx ends, which does not end the fetch. Calls at the same time share one
// fetch, which begins after the first of them. The error says why the set in use
// was not replaced or confirmed.
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

// errClosed is the answer of a closed cache.
var errClosed error = &UnavailableError{Err: errors.New("cache is closed")}

// Close ends the refresher and the fetch in flight, and waits for both, and for a
// Save of the Store in flight for 2 seconds at most. Afterwards lookups fail with an
// [*UnavailableError] whose RetryAfter is zero. Close may be called more than once;
// the error is always nil.
func (c *Cache) Close() error {
	c.cancel()
	<-c.ended
	c.saver.wait()
	c.closed.Do(func() { c.state.Store(&snapshot{noSet: errClosed, noKey: errClosed}) })
	return nil
}
