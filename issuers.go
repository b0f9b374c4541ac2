package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/internal/memory"
	"github.com/bearerkit/bearer/internal/quote"
)

// Issuers verifies the tokens of several issuers. Each token goes to the verifier of the
// issuer that it names in "iss", byte for byte, and to no other: keys, algorithms,
// audience and profile are that issuer's own. The zero Issuers is ready to use and accepts
// nothing. It is safe for concurrent use and must not be copied.
type Issuers struct {
	// Observer is told every outcome, also of tokens of no configured issuer. The Observer
	// of an issuer's Config is told the outcomes of its own tokens. Nil: none. It must not
	// be changed once there are requests.
	Observer Observer
	// Logger gets the refusals of tokens of no configured issuer, within the limit of
	// [Config.Logger], which gets those of its own issuer. Nil: [slog.Default]. It must not
	// be changed once there are requests.
	Logger *slog.Logger

	mu     sync.Mutex // serializes changes of routes
	routes atomic.Pointer[routes]
	closed bool // guarded by mu
}

// routes is an immutable table that requests read without a lock.
type routes struct {
	exact     map[string]*JWTVerifier // by "iss", with aliases
	templates []*JWTVerifier
	all       map[string]*JWTVerifier // by configured issuer
	index     *index                  // of the tokens of all issuers; nil until there is one
}

func (s *Issuers) table() *routes {
	if r := s.routes.Load(); r != nil {
		return r
	}
	return &routes{}
}

var errClosed = errors.New("Issuers is closed")

// Add starts to accept the tokens of issuers: of all of them at once, or of none if one
// configuration is wrong. A configuration is wrong if [New] refuses it, or if its issuer
// or an alias of it is there already: use [Issuers.Replace] for that. The error reports
// every fault of every configuration.
func (s *Issuers) Add(cfgs ...Config) error {
	return s.change(cfgs, func(next *routes, cfg Config) (*JWTVerifier, []error) {
		if _, ok := next.all[cfg.Issuer]; ok {
			return nil, []error{errors.New("it is there already; use Replace")}
		}
		v, err := New(cfg)
		return v, causes(err)
	})
}

// Replace gives issuers that are there new configurations: to all of them at once, or to
// none if one configuration is wrong or its issuer is not there. Each request is judged by
// the old or by the new configuration, and none is refused between them. Tokens that were
// verified before are verified anew.
//
// If neither the old nor the new configuration has Keys, the new verifier takes over the
// discovered keys with their refresh. If the new one has Keys, they should be loaded
// before Replace is called: see [jwks.Cache.Ready]. If only the new one discovers its keys,
// requests wait for the first fetch.
func (s *Issuers) Replace(cfgs ...Config) error {
	return s.change(cfgs, func(next *routes, cfg Config) (*JWTVerifier, []error) {
		old, ok := next.all[cfg.Issuer]
		if !ok {
			return nil, []error{errors.New("it is not there; use Add")}
		}
		v, err := newVerifier(cfg, old)
		if err == nil {
			next.remove(old)
		}
		return v, causes(err)
	})
}

// change publishes a table with a verifier for each configuration, or changes nothing if
// there is an error. It closes the verifiers that are no longer in the table.
func (s *Issuers) change(cfgs []Config, enter func(*routes, Config) (*JWTVerifier, []error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("bearer: %w", errClosed)
	}
	errs := checkObserver("Issuers.Observer", s.Observer)
	before := s.table()
	next := before.clone()
	var entered []*JWTVerifier
	for i, cfg := range cfgs {
		if slices.ContainsFunc(cfgs[:i], func(other Config) bool { return other.Issuer == cfg.Issuer }) {
			errs = append(errs, fmt.Errorf("issuer %q: two configurations", cfg.Issuer))
			continue
		}
		v, faults := enter(next, cfg)
		if v != nil {
			entered = append(entered, v)
			faults = append(faults, next.add(v)...)
		}
		for _, err := range faults {
			errs = append(errs, fmt.Errorf("issuer %q: %w", cfg.Issuer, err))
		}
	}
	if len(errs) > 0 {
		for _, v := range entered {
			errs = append(errs, v.abandon(before))
		}
		return fmt.Errorf("bearer: %w", errors.Join(errs...))
	}
	s.routes.Store(next)
	for _, old := range before.all {
		if next.all[old.issuer] != old {
			// It forgets its tokens first. The error could only be about the end of a key
			// cache that nobody uses any more.
			_ = old.abandon(next)
		}
	}
	return nil
}

// abandon closes a verifier, but not keys that a verifier in the table has too.
func (v *JWTVerifier) abandon(kept *routes) error {
	if other := kept.all[v.issuer]; other != nil && v.closer != nil && other.closer == v.closer {
		v.cache.Close()
		return nil
	}
	return v.Close()
}

// causes returns the faults that an error of New joins.
func causes(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := errors.Unwrap(err).(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// clone returns a table that can be changed until it is published.
func (r *routes) clone() *routes {
	next := &routes{exact: maps.Clone(r.exact), templates: slices.Clone(r.templates), all: maps.Clone(r.all), index: r.index}
	if next.all == nil {
		next.all, next.exact, next.index = map[string]*JWTVerifier{}, map[string]*JWTVerifier{}, newIndex(memory.NewIndex[verified]())
	}
	return next
}

// add enters a verifier under every "iss" of its tokens.
func (r *routes) add(v *JWTVerifier) []error {
	if v.index != nil {
		v.index = r.index
		v.cache.Share(r.index.Index)
	}
	if _, ok := r.all[v.issuer]; ok {
		return []error{errors.New("it is there twice")}
	}
	r.all[v.issuer] = v
	if v.template != nil {
		r.templates = append(r.templates, v)
		return nil
	}
	var errs []error
	for _, iss := range append([]string{v.issuer}, v.aliases()...) {
		if other, ok := r.exact[iss]; ok && other != v {
			errs = append(errs, fmt.Errorf("%q is there already, as an alias of %q", iss, other.issuer))
			continue
		}
		r.exact[iss] = v
	}
	return errs
}

// remove takes a verifier out of a table that is not published yet.
func (r *routes) remove(v *JWTVerifier) {
	is := func(_ string, other *JWTVerifier) bool { return other == v }
	maps.DeleteFunc(r.exact, is)
	maps.DeleteFunc(r.all, is)
	r.templates = slices.DeleteFunc(r.templates, func(other *JWTVerifier) bool { return other == v })
}

// Remove stops accepting the tokens of a configured issuer at once, and ends the refresh
// of its keys as [JWTVerifier.Close] does. A request that is being judged may still be let
// through, but none that arrives after Remove has returned. It reports whether the issuer
// was there.
func (s *Issuers) Remove(issuer string) bool {
	s.mu.Lock()
	old := s.table()
	v, ok := old.all[issuer]
	if ok {
		next := old.clone()
		next.remove(v)
		s.routes.Store(next)
	}
	s.mu.Unlock()
	if ok {
		_ = v.Close() // as in change
	}
	return ok
}

// Close removes all issuers and waits until the refresh of their keys has ended. Nothing
// can be added afterwards.
func (s *Issuers) Close() error {
	s.mu.Lock()
	s.closed = true
	old := s.table()
	s.routes.Store(&routes{})
	s.mu.Unlock()
	var errs []error
	for _, v := range old.all {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}

// maxRefreshes is how many issuers Refresh asks at a time.
const maxRefreshes = 8

// Refresh fetches the keys of all issuers now; see [JWTVerifier.Refresh]. The error joins
// those of the issuers whose keys could not be fetched, and names them.
func (s *Issuers) Refresh(ctx context.Context) error {
	all := s.table().all
	issuers := slices.Sorted(maps.Keys(all))
	errs := make([]error, len(issuers))
	var wg sync.WaitGroup
	places := make(chan struct{}, maxRefreshes)
	for i, issuer := range issuers {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if err := all[issuer].Refresh(ctx); err != nil {
				errs[i] = fmt.Errorf("issuer %q: %w", issuer, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// AuthorizationServers returns the issuer identifiers whose tokens s accepts at the
// moment, sorted; see [JWTVerifier.AuthorizationServers].
func (s *Issuers) AuthorizationServers() []string {
	return s.gather((*JWTVerifier).AuthorizationServers)
}

// Audience returns the identifiers of this API in the configurations of all issuers,
// sorted. A token must name one of its own issuer's.
func (s *Issuers) Audience() []string { return s.gather((*JWTVerifier).Audience) }

func (s *Issuers) gather(of func(*JWTVerifier) []string) []string {
	var all []string
	for v := range maps.Values(s.table().all) {
		all = append(all, of(v)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Observe implements [Observer]: it tells Issuers.Observer, and the Observer of the issuer
// that the outcome is about.
func (s *Issuers) Observe(ctx context.Context, e Event) {
	if s.Observer != nil {
		s.Observer.Observe(ctx, e)
	}
	if v := s.table().all[e.Issuer]; v != nil {
		v.Observe(ctx, e)
	}
}

// observing is true because the observers of issuers come and go.
func (s *Issuers) observing() bool { return true }

func (s *Issuers) loggerOf(issuer string) *slog.Logger {
	if v := s.table().all[issuer]; v != nil {
		return v.logger
	}
	return s.Logger
}

// Verify checks a token as its issuer's [JWTVerifier] does. A token of no configured
// issuer is refused with WrongIssuer and causes no traffic.
func (s *Issuers) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, s, token)
}

func (s *Issuers) find(t *token, raw string, now time.Time) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	table := s.table()
	if t.recall(table.index, now) {
		if t.verifier.template == nil {
			t.remembered = true
			return nil
		}
		// An issuer that was added later takes precedence over a template.
		if _, ok := table.exact[t.claims().issuer]; !ok {
			t.remembered = true
			return nil
		}
	}
	if err := t.split(raw); err != nil {
		return err
	}
	if err := t.read(table.index); err != nil {
		return err
	}
	return table.route(t)
}

func (s *Issuers) replaced(t *token) bool {
	now, ok := s.table().all[t.verifier.issuer]
	return ok && now != t.verifier
}

// route sets t.verifier to the verifier of the issuer that the token names.
func (s *Issuers) route(t *token) *Error { return s.table().route(t) }

func (r *routes) route(t *token) *Error {
	if t.verifier = r.exact[t.iss]; t.verifier != nil {
		return nil
	}
	for _, v := range r.templates {
		if v.names(t) {
			t.verifier = v
			return nil
		}
	}
	return t.about(refuse(WrongIssuer, "%q is not a configured issuer%v", quote.Cut(t.iss), neighbour{r, t.iss}))
}
