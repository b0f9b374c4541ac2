package scopes

import (
	"hash/maphash"
	"slices"
)

// few is the largest number of names that are compared one by one, without an index.
const few = 4

// index finds names of a list by their hash. The upper half of each entry is the hash of a
// name, and the lower half is the position of that name in the list. The entries are
// sorted, so that two indexes are compared in one pass. The seed is random, so that
// clients cannot choose scopes with colliding hashes.
type index []uint64

// seed is the same for rules and for tokens, so that their hashes can be compared.
//
//nolint:gochecknoglobals // set once, at start
var seed = maphash.MakeSeed()

// entry returns the index entry for a name at position i.
func entry(name string, i int) uint64 {
	return maphash.String(seed, name)&^(1<<32-1) | uint64(i) //nolint:gosec // i is not negative
}

// newIndex returns the index of names, or nil for few names. names must not contain
// duplicates.
func newIndex(names []string) *index {
	if len(names) <= few {
		return nil
	}
	x := make(index, len(names))
	for i, name := range names {
		x[i] = entry(name, i)
	}
	slices.Sort(x)
	return &x
}

// find reports whether names contains scope. e is an entry with the hash of scope.
func (x index) find(names []string, e uint64, scope string) bool {
	i, _ := slices.BinarySearch(x, e&^(1<<32-1))
	return x.findFrom(i, names, e, scope)
}

// findFrom is find with a known start: i is the position of the first entry whose hash is
// at least the hash of e.
func (x index) findFrom(i int, names []string, e uint64, scope string) bool {
	for ; i < len(x) && x[i]>>32 == e>>32; i++ {
		if names[uint32(x[i])] == scope { //nolint:gosec // the lower half is the position
			return true
		}
	}
	return false
}

// countGranted returns how many of the wanted names are granted. It stops counting at limit.
func countGranted(want, granted Set, limit int) int {
	n, i, x := 0, 0, *granted.index
	for _, e := range *want.index {
		for i < len(x) && x[i]>>32 < e>>32 {
			i++
		}
		if !x.findFrom(i, granted.names, e, want.names[uint32(e)]) { //nolint:gosec // the lower half is the position
			continue
		}
		if n++; n == limit {
			break
		}
	}
	return n
}

// newSet returns the Set of names. It removes duplicates from the slice in place, and the
// Set keeps the slice.
func newSet(names []string) Set {
	names = unique(names)
	return Set{names, newIndex(names)}
}

// unique removes duplicates in place. It keeps the first of several equal names.
func unique(names []string) []string {
	if len(names) > 4*few { // the loop below takes quadratic time
		return uniqueOfMany(names)
	}
	kept := names[:0]
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// uniqueOfMany does the same as unique, in linear time.
func uniqueOfMany(names []string) []string {
	seen := make(map[string]struct{}, len(names))
	kept := names[:0]
	for _, name := range names {
		if _, ok := seen[name]; !ok {
			seen[name] = struct{}{}
			kept = append(kept, name)
		}
	}
	return kept
}
