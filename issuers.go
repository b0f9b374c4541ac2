package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/internal/fetchlimits"
	"github.com/bearerkit/bearer/internal/memory"
	"github.com/bearerkit/bearer/jwks"
)

// Issuers verifies the tokens of several issuers. It passes each token only to the verifier
// of the issuer in "iss". So the keys, algorithms, audience and profile of one issuer are
// never used for the tokens of a different issuer. If "iss" is absent or not configured, and the
// profile [SPIFFE] is configured, the trust domain in "sub" takes the place of the issuer. The
// zero Issuers is ready to use and accepts no tokens. Issuers is safe for concurrent use and must
// not be copied.
type Issuers struct {
	// Observer is notified of every outcome. The Observer in the Config of the token's issuer
	// is notified too. Nil means no observer. Do not change the field after the first request.
	Observer Observer
	// Logger gets a record of each refusal for which no configured issuer is known, for
	// example because the token is malformed. Other refusals are logged to the [Config.Logger]
	// of the issuer. If that field is nil, Logger takes its place, also for records about keys. The
	// limits in the comment of Config.Logger apply to all loggers together. Nil means
	// [slog.Default]. Do not change the field after the first call of Add.
	Logger *slog.Logger
	// Limits limit the fetches of keys that the issuers cause together. They apply to the keys
	// that the verifiers discover, unless Config.KeyOptions has Limits. To apply them to the
	// *jwks.Cache in a Config.Keys too, set its jwks.Options.Limits to a pointer to this field. The zero Limits have strict defaults; see
	// [jwks.Limits]. Do not change the field after the first call of Add.
	Limits jwks.Limits

	mu     sync.Mutex // serializes changes of routes
	routes atomic.Pointer[routes]
	closed bool // guarded by mu
}

// routes is an immutable table of verifiers. Requests read it without a lock.
type routes struct {
	exact     map[string]*JWTVerifier // the key is a value of "iss": an issuer or an alias
	templates []*JWTVerifier
	domains   map[string]*JWTVerifier // the key is a SPIFFE trust domain, for example "spiffe://example.org"
	all       map[string]*JWTVerifier // the key is Config.Issuer
	sorted    []*JWTVerifier          // the verifiers in all, sorted by issuer
	accepts   []Binding               // how the verifiers accept tokens; see Issuers.Accepts
	index     *index                  // finds the cached tokens of all issuers; nil before the first call of Add
}

// issuers returns the configured issuers, sorted.
func (r *routes) issuers() []string {
	names := make([]string, len(r.sorted))
	for i, v := range r.sorted {
		names[i] = v.issuer
	}
	return names
}

func (s *Issuers) table() *routes {
	if r := s.routes.Load(); r != nil {
		return r
	}
	return &routes{}
}

var errClosed = errors.New("Issuers is closed")

// Add adds issuers. After Add returns, tokens of these issuers are accepted. If a
// configuration is wrong, Add adds no issuer, and the error lists every fault of every
// configuration. A configuration is wrong if [New] returns an error for it, or if its
// issuer or an alias of the issuer was added before. To change the configuration of an
// issuer, call [Issuers.Replace].
func (s *Issuers) Add(cfgs ...Config) error {
	return s.change(cfgs, func(next *routes, cfg Config) (*JWTVerifier, []error) {
		if _, ok := next.all[cfg.Issuer]; ok {
			return nil, []error{errors.New("the issuer was added before; use Replace")}
		}
		v, err := newVerifier(cfg, nil, &s.Limits)
		return v, causes(err)
	})
}

// Replace changes the configurations of issuers that were added before. If a configuration
// is wrong, or if its issuer was not added, Replace changes nothing, and the error lists
// every fault. Each request uses either the old configuration or the new configuration. No
// request is refused only because of the change. After the change, cached tokens of these
// issuers are verified again.
//
// If neither the old nor the new configuration has Keys, and if their KeyOptions are equal, the
// new verifier takes over the discovered keys and their refresh. Functions in KeyOptions, such as
// Observe, are equal only behind the same pointer; other pointers, such as Logger, are equal only
// if they are the same. Two closures of one function literal may count as equal: to change a
// function, pass a pointer to a new Options value. If the KeyOptions differ, the new verifier discovers the keys again, and
// requests wait up to 2 s for the first fetch. If the new configuration has Keys, load these keys
// before you call Replace; see [jwks.Cache.Ready]. If only the old configuration has Keys,
// the new verifier discovers the keys, and requests wait up to 2 s for the first fetch.
func (s *Issuers) Replace(cfgs ...Config) error {
	return s.change(cfgs, func(next *routes, cfg Config) (*JWTVerifier, []error) {
		old, ok := next.all[cfg.Issuer]
		if !ok {
			return nil, []error{errors.New("the issuer was not added; use Add")}
		}
		v, err := newVerifier(cfg, old, &s.Limits)
		if err == nil {
			next.remove(old)
		}
		return v, causes(err)
	})
}

// The method change builds a verifier for each configuration and publishes a table with the
// new verifiers. Then it closes the verifiers that are no longer in the table. If there is
// an error, it publishes nothing.
func (s *Issuers) change(cfgs []Config, build func(*routes, Config) (*JWTVerifier, []error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("bearer: %w", errClosed)
	}
	errs := checkObserver("Issuers.Observer", s.Observer)
	errs = append(errs, fetchlimits.Problems("Issuers.Limits", s.Limits.MaxFetches, s.Limits.MaxBytesPerSecond)...)
	previous := s.table()
	next := previous.clone()
	var built []*JWTVerifier
	seen := make(map[string]bool, len(cfgs))
	for _, cfg := range cfgs {
		if seen[cfg.Issuer] {
			errs = append(errs, fmt.Errorf("issuer %q: there are two configurations for this issuer", cfg.Issuer))
			continue
		}
		seen[cfg.Issuer] = true
		if cfg.Logger == nil {
			cfg.Logger = s.Logger
		}
		v, faults := build(next, cfg)
		if v != nil {
			built = append(built, v)
			faults = append(faults, next.add(v)...)
		}
		for _, err := range faults {
			errs = append(errs, fmt.Errorf("issuer %q: %w", cfg.Issuer, err))
		}
	}
	if len(errs) > 0 {
		for _, v := range built {
			errs = append(errs, v.retire(previous))
		}
		return fmt.Errorf("bearer: %w", errors.Join(errs...))
	}
	next.setAccepts()
	s.routes.Store(next)
	for _, old := range previous.all {
		if next.all[old.issuer] != old {
			// The error is ignored, because the closed key cache is no longer used.
			_ = old.retire(next)
		}
	}
	return nil
}

// retire closes a verifier. If a verifier in the table current uses the same keys, retire
// does not close the keys.
func (v *JWTVerifier) retire(current *routes) error {
	if other := current.all[v.issuer]; other != nil && v.closer != nil && other.closer == v.closer {
		v.cache.Close()
		return nil
	}
	return v.Close()
}

// causes returns the list of errors that New joined into one error.
func causes(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := errors.Unwrap(err).(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// clone returns a copy of the table. The caller may change the copy before it publishes the
// copy.
func (r *routes) clone() *routes {
	next := &routes{exact: maps.Clone(r.exact), templates: slices.Clone(r.templates), domains: maps.Clone(r.domains), all: maps.Clone(r.all), sorted: slices.Clone(r.sorted), index: r.index}
	if next.all == nil {
		next.all, next.exact, next.domains = map[string]*JWTVerifier{}, map[string]*JWTVerifier{}, map[string]*JWTVerifier{}
		next.index = newIndex(memory.NewIndex[verified]())
	}
	return next
}

// The method add adds a verifier to the table for every value of "iss" that tokens of its
// issuer may have.
func (r *routes) add(v *JWTVerifier) []error {
	if v.index != nil {
		v.index = r.index
		v.cache.Share(r.index.Index)
	}
	if _, ok := r.all[v.issuer]; ok {
		return []error{errors.New("there are two verifiers for this issuer")}
	}
	r.all[v.issuer] = v
	place, _ := slices.BinarySearchFunc(r.sorted, v, byIssuer)
	r.sorted = slices.Insert(r.sorted, place, v)
	if v.template != nil {
		r.templates = append(r.templates, v)
		return nil
	}
	if v.domain != "" {
		r.domains[v.domain] = v
		return nil
	}
	var errs []error
	for _, iss := range append([]string{v.issuer}, v.aliases()...) {
		if other, ok := r.exact[iss]; ok && other != v {
			errs = append(errs, fmt.Errorf("%q was added before, as an alias of %q", iss, other.issuer))
			continue
		}
		r.exact[iss] = v
	}
	return errs
}

func byIssuer(a, b *JWTVerifier) int { return strings.Compare(a.issuer, b.issuer) }

// The method remove removes a verifier from a table that is not yet published.
func (r *routes) remove(v *JWTVerifier) {
	is := func(_ string, other *JWTVerifier) bool { return other == v }
	if place, ok := slices.BinarySearchFunc(r.sorted, v, byIssuer); ok && r.sorted[place] == v {
		r.sorted = slices.Delete(r.sorted, place, place+1)
	}
	maps.DeleteFunc(r.exact, is)
	maps.DeleteFunc(r.all, is)
	maps.DeleteFunc(r.domains, is)
	r.templates = slices.DeleteFunc(r.templates, func(other *JWTVerifier) bool { return other == v })
}

// Remove removes an issuer. Requests that are in flight during the call may still be
// allowed. Requests that start after Remove has returned are refused. Remove stops the
// refresh of the issuer's keys, as [JWTVerifier.Close] does. It reports whether the issuer
// was configured.
func (s *Issuers) Remove(issuer string) bool {
	s.mu.Lock()
	old := s.table()
	v, ok := old.all[issuer]
	if ok {
		next := old.clone()
		next.remove(v)
		next.setAccepts()
		s.routes.Store(next)
	}
	s.mu.Unlock()
	if ok {
		_ = v.Close() // the error is ignored, because the closed key cache is no longer used
	}
	return ok
}

// Close removes all issuers and waits until the refresh of their keys has stopped. After
// Close, Add and Replace return an error, and no token is accepted. Close may be called
// more than once. The error is always nil.
func (s *Issuers) Close() error {
	s.mu.Lock()
	s.closed = true
	old := s.table()
	s.routes.Store(&routes{})
	s.mu.Unlock()
	// All verifiers are closed at the same time. So Close takes only as long as the slowest of
	// their fetches takes to end.
	var wg sync.WaitGroup
	for _, v := range old.all {
		wg.Go(func() { _ = v.Close() }) // the error is always nil
	}
	wg.Wait()
	return nil
}

// maxRefreshes is the maximum number of issuers whose keys Refresh fetches concurrently.
const maxRefreshes = 8

// Refresh fetches the keys of all issuers now; see [JWTVerifier.Refresh]. The error lists
// each issuer whose keys were not fetched, and the cause. If there are many issuers, pass a context
// with a deadline.
func (s *Issuers) Refresh(ctx context.Context) error {
	verifiers := s.table().sorted
	errs := make([]error, len(verifiers))
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxRefreshes)
	for i, v := range verifiers {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := v.Refresh(ctx); err != nil {
				errs[i] = fmt.Errorf("issuer %q: %w", v.issuer, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// setAccepts sets the union of the ways in which the verifiers accept tokens.
func (r *routes) setAccepts() {
	r.accepts = nil
	if !slices.ContainsFunc(r.sorted, func(v *JWTVerifier) bool { return v.accepts != nil }) {
		return
	}
	for _, v := range r.sorted {
		accepts := v.accepts
		if accepts == nil {
			accepts = []Binding{{Scheme: scheme}}
		}
		for _, b := range accepts {
			r.accept(b)
		}
	}
}

// The method accept adds a binding to the union. Bearer is first.
func (r *routes) accept(b Binding) {
	for i := range r.accepts {
		if known := &r.accepts[i]; known.Member == b.Member && known.Scheme == b.Scheme {
			for _, alg := range b.Algorithms {
				if !slices.Contains(known.Algorithms, alg) {
					known.Algorithms = append(slices.Clip(known.Algorithms), alg)
				}
			}
			return
		}
	}
	if b.Member == "" {
		r.accepts = slices.Insert(r.accepts, 0, b)
	} else {
		r.accepts = append(r.accepts, b)
	}
}

func (s *Issuers) accepting() []Binding { return s.table().accepts }

// Accepts returns the ways in which the issuers' tokens are accepted now; see [JWTVerifier.Accepts].
// It is the union for all issuers: a token is accepted only as the Config of its own issuer says.
func (s *Issuers) Accepts() []Binding { return slices.Clip(s.table().accepts) }

// AuthorizationServers returns a sorted list of the issuers whose tokens s accepts now; see
// [JWTVerifier.AuthorizationServers].
func (s *Issuers) AuthorizationServers() []string {
	return s.gather((*JWTVerifier).AuthorizationServers)
}

// Audience returns a sorted list of the identifiers of this API, from the configurations of
// all issuers. A token must contain an identifier from the configuration of its own issuer.
func (s *Issuers) Audience() []string { return s.gather((*JWTVerifier).Audience) }

func (s *Issuers) gather(of func(*JWTVerifier) []string) []string {
	var all []string
	for _, v := range s.table().sorted {
		all = append(all, of(v)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Observe implements [Observer]. It notifies Issuers.Observer and the Observer in the
// Config of the event's issuer.
func (s *Issuers) Observe(ctx context.Context, e Event) {
	if s.Observer != nil {
		s.Observer.Observe(ctx, e)
	}
	if v := s.table().all[e.Issuer]; v != nil {
		v.Observe(ctx, e)
	}
}

// The method observing returns true, because the issuers and their observers can change at
// any time.
func (s *Issuers) observing() bool { return true }

func (s *Issuers) loggerOf(issuer string) *slog.Logger {
	if v := s.table().all[issuer]; v != nil {
		return v.logger
	}
	return s.Logger
}

// Verify verifies a token with the JWTVerifier of the token's issuer; see
// [JWTVerifier.Verify]. If the issuer of the token is not configured, Verify refuses the
// token with [WrongIssuer] and causes no traffic.
func (s *Issuers) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, s, token)
}

func (s *Issuers) prepare(t *token, raw string, now time.Time) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	table := s.table()
	if t.findCached(table.index, now) && !table.takesOver(t) {
		t.cacheHit = true
		return nil
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

// The method route sets t.verifier to the verifier of the issuer in the token.
func (s *Issuers) route(t *token) *Error { return s.table().route(t) }
