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
	// maxSameID limits the keys under one id, and so the signature checks per token.
	maxSameID = 8
)

// Set is a key set that never changes. [Parse] returns a Set. Use it if the keys are known
// in advance. The zero Set has no keys. A Set is safe for concurrent use.
type Set struct {
	keys       []*Key
	skipped    []Skipped
	byID       map[string]*slots
	withoutID  slots // for tokens without a kid: by algorithm, the key that fits, if only one fits
	byIdentity map[identity]*Key
	hash       string
}

// slots holds the keys that fit, by algorithm. Its slices are the results of lookups:
// they are built with the set, so that a lookup does not allocate.
type slots [algorithmCount][]*Key

// Skipped describes an element of "keys" that cannot be used, and why. The other
// elements are not affected (RFC 7517, section 5).
type Skipped struct {
	// Index is the element's position in "keys", from 0.
	Index int
	// ID is the element's "kid", cut at 64 bytes, or "" if it has none that can be read.
	ID string
	// Private reports that the element contains private or symmetric key material.
	// Everyone can read this material: the issuer must replace the key.
	Private bool
	// Reason is why the element cannot be used, on one line and without key material.
	Reason string
}

// Parse parses a JWK Set (RFC 7517, section 5): one JSON object with an array "keys". The
// document may have at most 1 MiB, and the array at most 1,000 elements. At least one
// element must be a key that can verify signatures. Parse leaves out the other elements,
// duplicates, and more than 8 keys with the same kid; [Set.Skipped] returns the elements
// that it left out. Certificates (x5c, x5u, x5t) are ignored.
func Parse(document []byte) (*Set, error) {
	return parse(document, nil)
}

// parse is Parse, but keys that are also in before keep their pointers. before may be
// nil.
func parse(document []byte, before *Set) (*Set, error) {
	elements, err := elements(document)
	if err != nil {
		return nil, fmt.Errorf("jwks: not a usable key set: %w", err)
	}
	s := &Set{
		byID:       make(map[string]*slots, len(elements)),
		byIdentity: make(map[identity]*Key, len(elements)),
	}
	perID := make(map[string]int)
	for i, element := range elements {
		key, err := readKey(element)
		if err == nil && s.byIdentity[key.identity] != nil {
			err = errors.New("duplicate of an earlier key")
		}
		if err == nil && key.id != "" && perID[key.id] == maxSameID {
			err = fmt.Errorf("more than %d keys have this kid", maxSameID)
		}
		if err != nil {
			s.skipped = append(s.skipped, skip(i, element, err))
			continue
		}
		if before != nil && before.byIdentity[key.identity] != nil {
			key = before.byIdentity[key.identity]
		}
		perID[key.id]++
		s.add(key)
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("jwks: not a usable key set: none of the %d elements of \"keys\" can verify signatures%s",
			len(elements), exampleReason(s.skipped))
	}
	s.index()
	return s, nil
}

// exampleReason returns why the first of skipped cannot be used, as the end of a sentence.
func exampleReason(skipped []Skipped) string {
	if len(skipped) == 0 {
		return ""
	}
	return ", for example: " + skipped[0].Reason
}

func (s *Set) add(key *Key) {
	s.keys = append(s.keys, key)
	s.byIdentity[key.identity] = key
}

// index builds the results of all lookups.
func (s *Set) index() {
	s.hash = hashOf(s.keys)
	for _, key := range s.keys {
		only := []*Key{key}
		for alg := range algorithmCount {
			if !key.algs.has(alg) {
				continue
			}
			s.withoutID[alg] = append(s.withoutID[alg], key)
			if key.id == "" {
				continue
			}
			withID := s.byID[key.id]
			if withID == nil {
				withID = new(slots)
				s.byID[key.id] = withID
			}
			if withID[alg] == nil {
				withID[alg] = only
			} else {
				withID[alg] = append(slices.Clip(withID[alg]), key)
			}
		}
	}
	for alg := range s.withoutID {
		if len(s.withoutID[alg]) != 1 {
			s.withoutID[alg] = nil // ambiguous
		}
	}
}

// find returns the keys that Lookup returns, or nil.
func (s *Set) find(kid, alg string) []*Key {
	a := algorithmOf(alg)
	if a == noAlgorithm {
		return nil
	}
	if kid == "" {
		return s.withoutID[a]
	}
	if withID := s.byID[kid]; withID != nil {
		return withID[a]
	}
	return nil
}

// ambiguous reports whether several keys fit alg, so that a token without a kid matches
// none of them.
func (s *Set) ambiguous(alg string) bool {
	a, fit := algorithmOf(alg), 0
	for _, key := range s.keys {
		if key.algs.has(a) {
			fit++
		}
	}
	return fit > 1
}

// Lookup returns the keys that may verify a token with this kid and alg. If no key fits,
// the error is ErrUnknownKey. The slice is shared: do not modify it.
//
// kid is "" for a token without a kid: Lookup then returns the key that fits alg, if
// exactly one key does. Lookup returns several keys only if the issuer publishes them under
// one kid; any of them may have signed the token.
func (s *Set) Lookup(kid, alg string) ([]*Key, error) {
	if keys := s.find(kid, alg); keys != nil {
		return keys, nil
	}
	return nil, ErrUnknownKey
}

// Key is like Lookup, but leaves out the keys in tried. It has the parameters of
// [Cache.Key], so that a Set can replace a Cache, but it never fetches and does not use the
// context.
func (s *Set) Key(_ context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	if keys := untried(s.find(kid, alg), tried); len(keys) > 0 {
		return keys, nil
	}
	return nil, ErrUnknownKey
}

// untried returns the keys that are not in tried.
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

// Keys returns a copy of the list of usable keys, in document order.
func (s *Set) Keys() []*Key { return slices.Clone(s.keys) }

// Skipped returns a copy of the list of elements that were left out, in document order.
func (s *Set) Skipped() []Skipped { return slices.Clone(s.skipped) }
