package jwks

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	maxDocument = 1 << 20 // bytes of a key set or a metadata document
	maxKeys     = 1000    // elements of "keys"
	// maxSameID bounds how many signature checks one token can cost.
	maxSameID = 8
)

// Set is a key set that never changes: a parsed document. It serves where the
// keys are known beforehand, and is what a [Cache] exchanges as a whole. It may
// be used by any number of goroutines at once.
type Set struct {
	keys    []*Key
	skipped []Skipped
	byID    map[string]*slots
	lone    slots // by algorithm: the only key of the set that fits, if it is the only one
	known   map[identity]*Key
	hash    string
}

// slots holds, by algorithm, the keys that fit. The answers are made when the
// set is: looking up allocates nothing.
type slots [algorithmCount][]*Key

// Skipped is an element of "keys" that was left out, and why. The rest of the
// set is not affected (RFC 7517, section 5).
type Skipped struct {
	// Index is the element's position in "keys", from 0.
	Index int
	// ID is its "kid", cut at 64 bytes, or "" if it has none that can be read.
	ID string
	// Private says that the element carries private or symmetric key material,
	// which the whole world could read: the issuer must replace the key.
	Private bool
	// Reason says what is wrong with it, on one line without key material.
	Reason string
}

// Parse reads a JWK Set (RFC 7517, section 5): one JSON object with an array
// "keys", of 1 MiB and 1000 elements at most, and at least one element that can
// verify signatures. Elements that cannot, or that could be read in two ways,
// are left out and reported by [Set.Skipped]. Certificates (x5c, x5u, x5t) are
// not looked at.
func Parse(document []byte) (*Set, error) {
	return parse(document, nil)
}

// parse is Parse, where keys that are in before too keep their pointers.
func parse(document []byte, before *Set) (*Set, error) {
	elements, err := elements(document)
	if err != nil {
		return nil, fmt.Errorf("jwks: not a usable key set: %w", err)
	}
	s := &Set{
		byID:  make(map[string]*slots, len(elements)),
		known: make(map[identity]*Key, len(elements)),
	}
	perID := make(map[string]int)
	for i, element := range elements {
		key, err := readKey(element)
		if err == nil && s.known[key.identity] != nil {
			err = errors.New("the same key comes twice")
		}
		if err == nil && key.id != "" && perID[key.id] == maxSameID {
			err = fmt.Errorf("more than %d keys share this kid", maxSameID)
		}
		if err != nil {
			s.skipped = append(s.skipped, skip(i, element, err))
			continue
		}
		if before != nil && before.known[key.identity] != nil {
			key = before.known[key.identity]
		}
		perID[key.id]++
		s.add(key)
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("jwks: not a usable key set: no key that can verify signatures among %d%s",
			len(elements), firstReason(s.skipped))
	}
	s.index()
	return s, nil
}

func firstReason(skipped []Skipped) string {
	if len(skipped) == 0 {
		return ""
	}
	return "; the first: " + skipped[0].Reason
}

func (s *Set) add(key *Key) {
	s.keys = append(s.keys, key)
	s.known[key.identity] = key
}

// index answers every question that can be asked beforehand.
func (s *Set) index() {
	s.hash = hashOf(s.keys)
	for _, key := range s.keys {
		only := []*Key{key}
		for alg := range algorithmCount {
			if !key.algs.has(alg) {
				continue
			}
			s.lone[alg] = append(s.lone[alg], key)
			if key.id == "" {
				continue
			}
			row := s.byID[key.id]
			if row == nil {
				row = new(slots)
				s.byID[key.id] = row
			}
			if row[alg] == nil {
				row[alg] = only
			} else {
				row[alg] = append(slices.Clip(row[alg]), key)
			}
		}
	}
	for alg := range s.lone {
		if len(s.lone[alg]) != 1 {
			s.lone[alg] = nil // which one is meant cannot be told
		}
	}
}

// find returns the keys of this id for this algorithm, or nil.
func (s *Set) find(kid, alg string) []*Key {
	a := algorithmOf(alg)
	if a == noAlgorithm {
		return nil
	}
	if kid == "" {
		return s.lone[a]
	}
	if row := s.byID[kid]; row != nil {
		return row[a]
	}
	return nil
}

// ambiguous reports whether a token without a kid is unknown only because
// several keys would fit it.
func (s *Set) ambiguous(alg string) bool {
	a, fit := algorithmOf(alg), 0
	for _, key := range s.keys {
		if key.algs.has(a) {
			fit++
		}
	}
	return fit > 1
}

// Lookup returns the keys that may verify a token with this kid and alg: those
// of this id, or, if kid is "" because the token has none, the one key of the
// set that fits alg if there is exactly one. More than one key comes back only
// where the issuer publishes several under one kid; any of them may have signed.
// The slice is shared: callers do not modify it. The error is ErrUnknownKey.
func (s *Set) Lookup(kid, alg string) ([]*Key, error) {
	if keys := s.find(kid, alg); keys != nil {
		return keys, nil
	}
	return nil, ErrUnknownKey
}

// Key is Lookup without the keys in tried. A Set causes no traffic and never
// waits; the context is there so that Set and [Cache] serve alike.
func (s *Set) Key(_ context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	if keys := untried(s.find(kid, alg), tried); len(keys) > 0 {
		return keys, nil
	}
	return nil, ErrUnknownKey
}

// untried returns keys without those in tried.
func untried(keys, tried []*Key) []*Key {
	if len(tried) == 0 {
		return keys
	}
	var left []*Key
	for _, key := range keys {
		if !slices.Contains(tried, key) {
			left = append(left, key)
		}
	}
	return left
}

// Keys returns the usable keys in the order of the document. The slice is the
// caller's.
func (s *Set) Keys() []*Key { return slices.Clone(s.keys) }

// Skipped returns what was left out, in the order of the document. The slice is
// the caller's.
func (s *Set) Skipped() []Skipped { return slices.Clone(s.skipped) }
