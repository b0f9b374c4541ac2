package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// core has the state of a [Cache]. The refresher and the other goroutines of the cache refer to
// the core and not to the Cache. So the Cache can be collected as garbage while they run.
type core struct {
	opts   Options // without StoreKey
	name   string  // the issuer's name in logs and events
	place  string  // where the keys come from; see Key.Source
	source string  // the result of sourceOf; it identifies the issuer or URL in the stored data
	client *http.Client

	epoch time.Time                // the time at which the cache was created
	state atomic.Pointer[snapshot] // the state that lookups read

	ctx    context.Context //nolint:containedctx // start creates this context, and Close ends it
	cancel context.CancelFunc
	poke   chan struct{} // has capacity 1; a value asks poll for the second request of a fetch
	ended  chan struct{} // closed when the refresher has returned
	wake   chan struct{} // has capacity 1; a value wakes the refresher after a change of the field queued

	abandoned atomic.Bool // whether the program has forgotten the Cache

	held    atomic.Pointer[holds] // see retryAt; nil if lookups may cause a fetch
	used    atomic.Int64          // the time of the last use, since epoch; only if Options.OnDemand is set
	waiting atomic.Int64          // number of goroutines that wait for a fetch
	share   share                 // the state of Options.Limits for this cache

	mu        sync.Mutex // guards the fields of this block
	running   *flight    // the fetch in flight, or nil
	queued    *flight    // the fetch that has not begun yet, or nil
	hedges    coolDown   // limits the second requests of fetches while keys are available
	misses    coolDown   // limits the fetches that lookups cause while keys are available
	changes   streak     // counts the fetches in misses that brought new keys
	answers   answers    // what the last successful fetch has answered
	denied    deniedLog
	history   history
	scheduled deadline // the start time of the scheduled refresh; zero before the first refresh

	events    notifier      // calls Options.Observe, if it is set
	saver     saver         // calls the Store, if there is one
	storeKey  func() []byte // returns Options.StoreKey; a printed function does not show the key
	refresher refresher     // only the refresher's goroutine uses this field
}

// snapshot is the state that lookups read. It is immutable.
type snapshot struct {
	set   *Set     // nil if there is no set; the fields confirmedAt and oldAnswer belong to the set
	until deadline // the time at which the set becomes too old
	noSet error    // the error of lookups if there is no set, or if the set is too old
	noKey error    // the error of lookups if the set does not have the key
	idle  bool     // the cache is idle; see Options.OnDemand

	confirmedAt time.Time // the time from which Options.MaxStale counts
	oldAnswer   bool      // whether the set is older than MaxStale, and was put in use nevertheless
	withdrawn   bool      // whether there is no set because the issuer has withdrawn its keys
}

// start creates a cache and starts the refresher.
func start(o Options, name, source string, where locator) *core {
	o.Limits = o.Limits.share()
	c := &core{
		opts:   o,
		name:   name,
		place:  redact(cmp.Or(where.url, o.MetadataURL, name)),
		source: source,
		epoch:  time.Now(),
		ended:  make(chan struct{}),
		wake:   make(chan struct{}, 1),
		poke:   make(chan struct{}, 1),
		misses: coolDown{interval: o.CoolDown, maxAtOnce: missBurst},
		hedges: coolDown{interval: o.CoolDown, maxAtOnce: 1},

		refresher: refresher{where: where},
	}
	c.opts.StoreKey, c.storeKey = nil, func() []byte { return o.StoreKey }
	if c.opts.Transport == nil {
		c.opts.Transport = newDefaultTransport(&o, newTransport(o.RefusePrivateAddresses), where.first())
	}
	c.client = newClient(c.opts.Transport)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.saver = saver{store: withStoreKey(o.Store, o.StoreKey), failed: c.saveFailed}
	c.events = notifier{observe: o.Observe, log: o.Logger, issuer: name}
	c.history.url = redact(where.url)
	c.state.Store(&snapshot{noSet: errNoAnswer, noKey: errNoAnswer})
	if o.OnDemand > 0 {
		c.state.Store(idle)
	} else {
		// Lookups wait for these two flights: the call of Store.Load, and the first fetch.
		c.queued = &flight{due: c.epoch, done: make(chan struct{})}
		if o.Store != nil {
			c.running = &flight{began: c.epoch, local: true, done: make(chan struct{})}
		}
	}
	o.Limits.join()
	go c.run()
	return c
}

// lookupAt is the implementation of [Cache.LookupAt].
func (c *core) lookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	if c.opts.OnDemand > 0 {
		c.touch(now)
	}
	state := c.state.Load()
	if state.set == nil || c.reached(state.until, now) {
		return nil, c.unavailable(state.noSet, now, false)
	}
	if keys := state.set.keysFor(kid, alg); keys != nil {
		return keys, nil
	}
	if algorithmOf(alg) == noAlgorithm {
		return nil, ErrUnknownKey // the cache uses no keys for unsupported algorithms
	}
	if err := state.set.tooManyFit(kid, alg); err != nil && errors.Is(state.noKey, ErrUnknownKey) {
		return nil, err
	}
	return nil, c.unavailable(state.noKey, now, true)
}

// usable reports whether keys are available, which means that there is a set and that the set
// is not too old at the time now.
func (c *core) usable(now time.Time) bool {
	state := c.state.Load()
	return state.set != nil && !c.reached(state.until, now)
}

// ready is the implementation of [Cache.Ready].
func (c *core) ready(ctx context.Context) error {
	// Ready counts as a waiting goroutine until it returns, even while it checks the state.
	// Otherwise, poll sometimes finds no waiting goroutine and sends no new request, because
	// poll checks at the same times as Ready.
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	for {
		state, now := c.state.Load(), time.Now()
		if c.usable(now) || state.idle {
			return nil
		}
		if c.ctx.Err() != nil {
			return errClosed
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", state.noSet, err)
		}
		f, _, _, _ := c.demand(ctx, now, now, state, miss{})
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

// refreshNow is the implementation of [Cache.Refresh].
func (c *core) refreshNow(ctx context.Context) error {
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

var (
	// errNoAnswer is the error of lookups before the first answer of the issuer.
	errNoAnswer error = &UnavailableError{RetryAfter: minPause, Err: errors.New("the issuer has not answered yet")}
	// errIdle is the error of lookups in an idle cache. Key and the verifiers then cause a fetch.
	errIdle error = &UnavailableError{RetryAfter: minPause, Err: errors.New("no token has needed the keys for Options.OnDemand; the cache fetches them when a token needs them")}
)

// errClosed is the error of a closed cache.
var errClosed error = &UnavailableError{Err: errors.New("cache is closed")}

// close is the implementation of [Cache.Close]. The argument once is the same in all calls.
func (c *core) close(once *sync.Once) {
	c.cancel()
	<-c.ended
	c.saver.waitIdle()
	c.events.close(observeTimeout)
	once.Do(func() { c.state.Store(&snapshot{noSet: errClosed, noKey: errClosed}) })
}
