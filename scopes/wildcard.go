package scopes

import (
	"hash/maphash"
	"slices"
	"strings"
)

// separators lists the characters that separate two segments of a scope. A wildcard is a "*"
// after one of them.
const separators = ":./"

// WithWildcards returns a copy of s in which scopes that end in ":*", ".*" or "/*" are
// wildcards. A wildcard grants each scope that has the same text before the "*", followed by
// one segment or more. For example, "read:*" grants "read:users" and "read:users:all". It
// grants neither "read" nor "read:". The segments are the parts between two separators of the
// wildcard, and none of them may be empty, so "read:*" does not grant "read::users".
//
// The scopes "*", "read*", ":*", "read:*:*" and "read:*:users" are no wildcards. They are names
// without a special meaning, as in every other Set. Names are compared byte for byte.
//
// A wildcard changes the result of [Set.Has] and of rules. The methods All, Len and String
// return the scopes of the token, with the wildcard itself. [Hierarchy.Expand] does not expand
// a wildcard, and adds no wildcards.
func (s Set) WithWildcards() Set {
	wildcards := newWildcards(s.names, func(string) bool { return true })
	if wildcards == nil {
		return s
	}
	return Set{s.names, &extra{s.index(), wildcards, s.hierarchy()}}
}

// wildcardPrefix returns the text before the "*" of a scope that has the form of a wildcard.
func wildcardPrefix(name string) (prefix string, ok bool) {
	n := len(name) - 1
	if n < 2 || name[n] != '*' || strings.IndexByte(separators, name[n-1]) < 0 || strings.IndexByte(name[:n], '*') >= 0 {
		return "", false
	}
	return name[:n], true
}

// newWildcards returns the index of the wildcards in the list: all names that have the form
// of a wildcard, and that the function include accepts. The hashes in the index are the
// hashes of the texts before the "*". The result is nil if there are no wildcards.
func newWildcards(names []string, include func(name string) bool) index {
	var found index
	for i, name := range names {
		if prefix, ok := wildcardPrefix(name); ok && include(name) {
			found = append(found, indexEntry(prefix, i))
		}
	}
	if found == nil {
		return nil
	}
	x := make(index, len(found)) // takes no more memory than needed
	copy(x, found)
	slices.Sort(x)
	return x
}

// containsWildcard reports whether one of the indexed names is the prefix followed by "*". The
// caller passes an entry e that has the hash of the prefix.
func (x index) containsWildcard(names []string, e uint64, prefix string) bool {
	i, _ := slices.BinarySearch(x, e&^(1<<32-1))
	for ; i < len(x) && x[i]>>32 == e>>32; i++ {
		name := names[uint32(x[i])] //nolint:gosec // the lower half is the position
		if len(name) == len(prefix)+1 && name[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

// The method wildcards returns the index of the wildcards, which is empty for most Sets.
func (s Set) wildcards() index {
	if s.more == nil {
		return nil
	}
	return s.more.wildcards
}

// isWildcard reports whether the name is a wildcard of s.
func (s Set) isWildcard(name string) bool {
	x := s.wildcards()
	if len(x) == 0 {
		return false
	}
	prefix, ok := wildcardPrefix(name)
	return ok && x.containsWildcard(s.names, indexEntry(prefix, 0), prefix)
}

// hasWildcardFor reports whether a wildcard of s grants the scope. The time is linear in the
// length of the scope, and does not depend on the number of wildcards: each text before the
// end of a segment is looked up once.
func (s Set) hasWildcardFor(scope string) bool {
	x := s.wildcards()
	if len(x) == 0 || strings.IndexByte(scope, '*') >= 0 {
		return false
	}
	var (
		first = firstSeparators(scope)
		hash  maphash.Hash
		read  int // the number of bytes that hash contains
	)
	hash.SetSeed(seed)
	for i := 1; i < len(scope)-1; i++ {
		kind := strings.IndexByte(separators, scope[i])
		if kind < 0 || i < first[kind] {
			continue
		}
		_, _ = hash.WriteString(scope[read : i+1]) // never fails
		read = i + 1
		if x.containsWildcard(s.names, hash.Sum64(), scope[:read]) {
			return true
		}
	}
	return false
}

// firstSeparators returns the position in scope of the first usable separator of each kind. A
// separator is usable if no segment after it is empty. If there is no usable separator of a
// kind, the position is the length of scope.
func firstSeparators(scope string) (first [len(separators)]int) {
	for kind := range first {
		first[kind] = len(scope)
		for i, next := len(scope)-1, len(scope); i >= 0; i-- {
			if scope[i] != separators[kind] {
				continue
			}
			if next == i+1 {
				break
			}
			first[kind], next = i, i
		}
	}
	return first
}
