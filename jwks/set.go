package jwks

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// The limits of a document that an issuer sends. Together they keep the cost of a document in
// proportion to its size.
const (
	maxDocument = 1 << 20   // the largest size of a key set, in bytes, compressed or not
	maxMetadata = 256 << 10 // the largest size of a metadata document, in bytes, compressed or not
	maxKeys     = 1000      // the largest number of elements of "keys"
	maxElement  = 64 << 10  // the largest size of an element of "keys", in bytes
	maxMembers  = 100       // the largest number of members of a key set, and of an element of "keys"
	maxOps      = 32        // the largest number of elements of "key_ops"; RFC 7517 defines 8 operations
)

// Set is a key set that never changes. [Parse] returns a Set. Use a Set instead of a [Cache]
// if the keys are known in advance. The zero Set has no keys. A Set is safe for concurrent
// use.
type Set struct {
	keys       []*Key
	skipped    []Skipped
	byID       map[string]*slots
	withoutID  slots                 // results for tokens without a kid; nil if no key fits, or if too many keys fit
	tooMany    [algorithmCount]error // the errors for tokens without a kid, if too many keys fit
	byIdentity map[identity]*Key
	hash       string
}

// slots holds the results of lookups. The index is the algorithm. The slices are created with
// the set, so that a lookup does not allocate memory.
type slots [algorithmCount][]*Key

// Skipped describes an element of "keys" that cannot be used. Such an element does not affect
// the other elements (RFC 7517, section 5).
type Skipped struct {
	// Index is the position of the element in "keys". The first element has the index 0.
	Index int
	// ID contains at most the first 64 bytes of the element's "kid". ID is "" if the element
	// has no kid that can be read.
	ID string
	// Private means that the element contains private or symmetric key material. The issuer
	// must replace the key, because everyone can read this material.
	Private bool
	// Reason describes the problem of the element in one line. It contains no key material.
	Reason string
}

// Parse parses a JWK Set (RFC 7517, section 5), which is a JSON object with an array "keys".
// The document may have at most 1 MiB and 100 members, and the array at most 1,000 elements. At
// least one element must be a key that can verify signatures. Parse ignores certificates (x5c,
// x5u, x5t).
//
// Parse tolerates mistakes that cannot change a key: a byte order mark at the start of the document,
// and control characters, invalid UTF-8 and duplicate names in members that Parse ignores. It
// accepts coordinates of EC keys without their leading zeros or with additional ones. The
// positions of bytes in errors begin with 1.
//
// Parse leaves out these elements, and [Set.Skipped] returns them:
//   - elements that cannot verify signatures, and duplicates of earlier elements
//   - elements that two readers can read in different ways, because a member that Parse uses is
//     there twice, is not valid UTF-8, or contains control characters
//   - elements of more than 64 KiB, with more than 100 members, or with more than 32 key_ops
//   - if several keys have the same kid, the keys beyond the default limits of
//     [Options.MaxKeysPerID] and [Options.MaxRSACost]
func Parse(document []byte) (*Set, error) {
	return parseAfter(func() error { return nil }, nil, document, (*Options)(nil).withDefaults().keyLimits())
}

// parseAfter does what Parse does, but uses the given limits. If the set previous has the same
// key, the result has the same *Key. The set previous may be nil. If ended returns
// an error, parseAfter returns this error after at most one more element.
func parseAfter(ended func() error, previous *Set, document []byte, limits keyLimits) (*Set, error) {
	elements, err := elements(ended, document)
	if err != nil {
		if err := ended(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("jwks: not a usable key set: %w", err)
	}
	s := &Set{
		byID:       make(map[string]*slots, len(elements)),
		byIdentity: make(map[identity]*Key, len(elements)),
	}
	found := make([]parsed, len(elements))
	for i, element := range elements {
		if err := ended(); err != nil {
			return nil, err
		}
		p := &found[i]
		p.key, p.id, p.err = readKey(element)
		if p.err == nil && s.byIdentity[p.key.identity] != nil {
			p.err = errors.New("duplicate of an earlier key")
		}
		if p.err == nil {
			s.byIdentity[p.key.identity] = p.key
		}
	}
	limits.apply(found)
	clear(s.byIdentity)
	for i, p := range found {
		if p.err != nil {
			s.skipped = append(s.skipped, describeSkipped(i, p.id, p.err))
			continue
		}
		if previous != nil && previous.byIdentity[p.key.identity] != nil {
			p.key = previous.byIdentity[p.key.identity]
		}
		s.add(p.key)
	}
	if len(s.keys) == 0 {
		return nil, noKeysError(s.skipped)
	}
	s.index(limits)
	return s, nil
}

// errKeysEmpty is the error for a document in which "keys" has no elements.
var errKeysEmpty = &noUsableKeyError{`"keys" is empty`}

// noKeysError returns the error for a document in which all elements of "keys" were skipped.
func noKeysError(skipped []Skipped) error {
	if len(skipped) == 0 {
		return errKeysEmpty
	}
	return &noUsableKeyError{fmt.Sprintf(`"keys" has no key that can verify signatures (elements: %d, problem of the first element: %s)`,
		len(skipped), skipped[0].Reason)}
}

func (s *Set) add(key *Key) {
	s.keys = append(s.keys, key)
	s.byIdentity[key.identity] = key
}

// setSource sets the source of the new keys. The set must not be in use yet.
func (s *Set) setSource(source string) {
	for _, key := range s.keys {
		if key.source == "" {
			key.source = source
		}
	}
}

// index builds the results of all lookups.
func (s *Set) index(limits keyLimits) {
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
		s.withoutID[alg], s.tooMany[alg] = limits.withoutID(s.withoutID[alg], algorithmNames[alg])
	}
}

// keysFor returns the keys that Lookup returns, or nil if no key fits.
func (s *Set) keysFor(kid, alg string) []*Key {
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

// tooManyFit returns an error if the token has no kid and so many keys fit its alg that none of
// them is tried. The error matches ErrUnknownKey.
func (s *Set) tooManyFit(kid, alg string) error {
	if a := algorithmOf(alg); kid == "" && a != noAlgorithm {
		return s.tooMany[a]
	}
	return nil
}

// Lookup returns the keys that may verify a token with this kid and alg. If no key fits,
// the error is ErrUnknownKey. Callers share the returned slice: do not modify it.
//
// For a token without a kid, the argument kid is "". Then Lookup returns all keys that fit alg, with
// and without a kid, but at most 4 keys; [Options.MaxKeysPerID] and [Options.MaxRSACost] apply
// too. Keys with cheap signature checks come first. If more keys fit, Lookup returns none of them,
// and an error that says so. A token with a kid is verified with keys of this kid only.
//
// Lookup returns several keys if the token has no kid, or if the issuer publishes several keys
// with the same kid. Each of the returned keys may have signed the token.
func (s *Set) Lookup(kid, alg string) ([]*Key, error) {
	if keys := s.keysFor(kid, alg); keys != nil {
		return keys, nil
	}
	if err := s.tooManyFit(kid, alg); err != nil {
		return nil, err
	}
	return nil, ErrUnknownKey
}

// Key does what Lookup does, but leaves out the keys in tried. Key has the parameters of
// [Cache.Key], so that a Set can replace a Cache. Key never fetches and does not use the
// context.
func (s *Set) Key(_ context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	keys, err := s.Lookup(kid, alg)
	if err != nil {
		return nil, err
	}
	if keys = removeTried(keys, tried); len(keys) > 0 {
		return keys, nil
	}
	return nil, ErrUnknownKey
}

// removeTried returns the keys that are not in tried.
func removeTried(keys, tried []*Key) []*Key {
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

// Keys returns the usable keys in the order of the document. The slice is a copy.
func (s *Set) Keys() []*Key { return slices.Clone(s.keys) }

// Skipped returns the elements that Parse left out, in the order of the document. The slice is
// a copy.
func (s *Set) Skipped() []Skipped { return slices.Clone(s.skipped) }
