package bearer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/quote"
)

// Issuers verifies the tokens of several issuers. Each token goes to the verifier
// of the issuer that it names in "iss", byte for byte, and to no other one: keys,
// algorithms, audience and profile are that issuer's own. The zero Issuers is
// ready to use and accepts nothing. It is safe for concurrent use and must not be
// copied.
type Issuers struct {
	// Observer is told every outcome, those of tokens of no configured issuer
	// included; the Observer of an issuer's Config is told its own. Nil: none.
	// It must not be changed once there are requests.
	Observer Observer

	mu     sync.Mutex // serializes those who change routes
	routes atomic.Pointer[routes]
	closed bool // mu guards it
}

// routes is an immutable table: requests read it without a lock.
type routes struct {
	exact     map[string]*JWTVerifier // by "iss", aliases included
	templates []*JWTVerifier
	all       map[string]*JWTVerifier // by configured issuer
	index     *index                  // of the tokens of all; nil: there are no issuers yet
}

func (s *Issuers) table() *routes {
	if r := s.routes.Load(); r != nil {
		return r
	}
	return &routes{}
}

// errClosed is what Add returns after Close.
var errClosed = errors.New("Issuers is closed")

// Add starts to accept the tokens of issuers: of all at once, or of none if there
// is anything wrong with one. What [New] finds wrong is, and an issuer that is
// there already, also as an alias: remove it first. The error reports all that is
// wrong with all of them.
func (s *Issuers) Add(cfgs ...Config) error {
	var errs []error
	if s.Observer != nil && nilcheck.IsNil(s.Observer) {
		errs = append(errs, fmt.Errorf("Issuers.Observer: a nil %T", s.Observer))
	}
	added := make([]*JWTVerifier, 0, len(cfgs))
	for _, cfg := range cfgs {
		v, err := New(cfg)
		if err != nil {
			for line := range strings.Lines(errors.Unwrap(err).Error()) { // each, so that all tell whose they are
				errs = append(errs, fmt.Errorf("issuer %q: %s", cfg.Issuer, strings.TrimSuffix(line, "\n")))
			}
			continue
		}
		added = append(added, v)
	}
	if errs = s.publish(added, errs); errs == nil {
		return nil
	}
	for _, v := range added {
		errs = append(errs, v.Close())
	}
	return fmt.Errorf("bearer: %w", errors.Join(errs...))
}

// publish makes a table with the verifiers, if there is nothing wrong with them
// and was not before, and returns all that is wrong.
func (s *Issuers) publish(added []*JWTVerifier, errs []error) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return append(errs, errClosed)
	}
	next := s.table().clone()
	for _, v := range added {
		errs = append(errs, next.add(v)...)
	}
	if errs == nil {
		s.routes.Store(next)
	}
	return errs
}

// clone returns a table that can be changed until it is published.
func (r *routes) clone() *routes {
	next := &routes{exact: maps.Clone(r.exact), templates: slices.Clone(r.templates), all: maps.Clone(r.all), index: r.index}
	if next.all == nil {
		next.all, next.exact, next.index = map[string]*JWTVerifier{}, map[string]*JWTVerifier{}, newIndex()
	}
	return next
}

// add enters a verifier under each name that its tokens have.
func (r *routes) add(v *JWTVerifier) []error {
	if v.cache.index != nil {
		v.cache.index = r.index // before anybody sees it
	}
	if _, ok := r.all[v.issuer]; ok {
		return []error{fmt.Errorf("issuer %q: it is there already", v.issuer)}
	}
	r.all[v.issuer] = v
	if v.template != nil {
		r.templates = append(r.templates, v)
		return nil
	}
	var errs []error
	for _, iss := range append([]string{v.issuer}, v.aliases()...) {
		if other, ok := r.exact[iss]; ok && other != v {
			errs = append(errs, fmt.Errorf("issuer %q: %q is there already, as one of %q", v.issuer, iss, other.issuer))
			continue
		}
		r.exact[iss] = v
	}
	return errs
}

// Remove stops to accept the tokens of a configured issuer, at once, and ends the
// refresh of its keys as [JWTVerifier.Close] does. A request that is being judged
// may still be let in; none that comes after Remove has returned. It reports
// whether the issuer was there.
func (s *Issuers) Remove(issuer string) bool {
	s.mu.Lock()
	old := s.table()
	v, ok := old.all[issuer]
	if ok {
		is := func(_ string, other *JWTVerifier) bool { return other == v }
		next := old.clone()
		maps.DeleteFunc(next.exact, is)
		maps.DeleteFunc(next.all, is)
		next.templates = slices.DeleteFunc(next.templates, func(other *JWTVerifier) bool { return other == v })
		s.routes.Store(next)
	}
	s.mu.Unlock()
	if ok {
		// It forgets the tokens first. Its error could only be about the end of a
		// cache that nobody uses.
		_ = v.Close()
	}
	return ok
}

// Close removes all issuers and waits for the refresh of their keys to end.
// Nothing can be added afterwards.
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

// Observe implements [Observer]: it tells Issuers.Observer and that of the issuer
// that the outcome is about.
func (s *Issuers) Observe(ctx context.Context, e Event) {
	if s.Observer != nil {
		s.Observer.Observe(ctx, e)
	}
	if v := s.table().all[e.Issuer]; v != nil {
		v.Observe(ctx, e)
	}
}

// observing reports whether Observe may do anything.
func (s *Issuers) observing() bool { return true }

// Verify checks a token as its issuer's [JWTVerifier] does. A token of no
// configured issuer is refused with WrongIssuer and causes no traffic.
func (s *Issuers) Verify(ctx context.Context, token string) (*Claims, error) {
	return verifyObserved(ctx, s, token)
}

func (s *Issuers) find(t *token, raw string) *Error {
	if err := t.begin(raw); err != nil {
		return err
	}
	table := s.table()
	if table.index.find(t) {
		if t.by.template == nil {
			return nil
		}
		// An issuer that was added since then goes before a template.
		if _, ok := table.exact[t.entry.issuer]; !ok {
			return nil
		}
		t.hit = false
	}
	if err := t.split(raw); err != nil {
		return err
	}
	if err := t.read(table.index); err != nil {
		return err
	}
	return table.route(t)
}

// route sets t.by to the verifier of the issuer that the token names.
func (s *Issuers) route(t *token) *Error { return s.table().route(t) }

func (table *routes) route(t *token) *Error {
	if t.by = table.exact[t.iss]; t.by != nil {
		return nil
	}
	for _, v := range table.templates {
		if v.template.matches(t) {
			t.by = v
			return nil
		}
	}
	return t.blame(refuse(WrongIssuer, "%q is not a configured issuer%v", quote.Cut(t.iss), neighbour{table, t.iss}))
}
