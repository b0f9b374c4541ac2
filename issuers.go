package bearer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
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
var errClosed = errors.New("bearer: Issuers is closed")

// Add starts to accept the tokens of an issuer. An issuer that is there already,
// also as an alias, is an error: remove it first. So is what [New] finds wrong.
func (s *Issuers) Add(cfg Config) error {
	if isNilPointer(s.Observer) {
		return fmt.Errorf("bearer: Issuers.Observer: a nil %T", s.Observer)
	}
	v, err := New(cfg)
	if err != nil {
		return err
	}
	if err := s.add(v); err != nil {
		return errors.Join(err, v.Close())
	}
	return nil
}

func (s *Issuers) add(v *JWTVerifier) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	old := s.table()
	next := &routes{exact: maps.Clone(old.exact), templates: slices.Clone(old.templates), all: maps.Clone(old.all), index: old.index}
	if next.all == nil {
		next.all, next.exact = map[string]*JWTVerifier{}, map[string]*JWTVerifier{}
	}
	if next.index == nil {
		next.index = newIndex()
	}
	if v.cache.index != nil {
		v.cache.index = next.index // before anybody sees it
	}
	if _, ok := next.all[v.issuer]; ok {
		return fmt.Errorf("bearer: issuer %q is there already", v.issuer)
	}
	next.all[v.issuer] = v
	if v.template != nil {
		next.templates = append(next.templates, v)
	} else {
		for _, iss := range append([]string{v.issuer}, v.aliases()...) {
			if other, ok := next.exact[iss]; ok && other != v {
				return fmt.Errorf("bearer: issuer %q: %q is there already, as one of %q", v.issuer, iss, other.issuer)
			}
			next.exact[iss] = v
		}
	}
	s.routes.Store(next)
	return nil
}

// Remove stops to accept the tokens of a configured issuer, at once, and ends the
// refresh of its keys as [JWTVerifier.Close] does. It reports whether it was
// there.
func (s *Issuers) Remove(issuer string) bool {
	s.mu.Lock()
	old := s.table()
	v, ok := old.all[issuer]
	if ok {
		is := func(_ string, other *JWTVerifier) bool { return other == v }
		next := &routes{exact: maps.Clone(old.exact), templates: slices.Clone(old.templates), all: maps.Clone(old.all), index: old.index}
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
	if err := t.load(raw); err != nil {
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
	return t.blame(refuse(WrongIssuer, "%q is not a configured issuer", cut(t.iss)))
}
