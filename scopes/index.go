package scopes

import (
	"hash/maphash"
	"slices"
)

// maxUnindexed is the maximum length of a list of names without an index. The names of such
// a list are compared one by one.
const maxUnindexed = 4

// An index finds the names of a list by their hashes. The upper 32 bits of each entry are
// part of the hash of a name, and the lower 32 bits are the position of the name in the
// list. The entries are sorted, so that one pass is enough to compare two indexes. The seed
// is random, so that clients cannot choose scopes with equal hashes.
type index []uint64

// Rules and tokens use the same seed, so that their hashes can be compared.
//
//nolint:gochecknoglobals // set once, when the program starts
var seed = maphash.MakeSeed()

// indexEntry returns the entry of an index for a name at position i.
func indexEntry(name string, i int) uint64 {
	return maphash.String(seed, name)&^(1<<32-1) | uint64(i) //nolint:gosec // i is not negative
}

// newIndex returns the index of a list of names. It returns nil if the list needs no index.
// The list must not contain duplicates.
func newIndex(names []string) index {
	if len(names) <= maxUnindexed {
		return nil
	}
	x := make(index, len(names))
	for i, name := range names {
		x[i] = indexEntry(name, i)
	}
	slices.Sort(x)
	return x
}

// The method contains reports whether the list names contains scope. The caller passes an
// entry e that has the hash of scope.
func (x index) contains(names []string, e uint64, scope string) bool {
	i, _ := slices.BinarySearch(x, e&^(1<<32-1))
	return x.containsFrom(i, names, e, scope)
}

// containsFrom returns the same result as contains. It needs no binary search, because the
// caller passes the position i of the first entry whose hash is not less than the hash of
// e.
func (x index) containsFrom(i int, names []string, e uint64, scope string) bool {
	for ; i < len(x) && x[i]>>32 == e>>32; i++ {
		if names[uint32(x[i])] == scope { //nolint:gosec // the lower half is the position
			return true
		}
	}
	return false
}

// isComparable reports whether countGranted can compare the two Sets.
func isComparable(want, granted Set) bool {
	return want.index() != nil && granted.index() != nil && granted.wildcards() == nil
}

// countGranted returns the number of names in want that granted contains. It stops when the
// number reaches limit.
func countGranted(want, granted Set, limit int) int {
	n, i, x := 0, 0, granted.index()
	for _, e := range want.index() {
		for i < len(x) && x[i]>>32 < e>>32 {
			i++
		}
		if !x.containsFrom(i, granted.names, e, want.names[uint32(e)]) { //nolint:gosec // the lower half is the position
			continue
		}
		if n++; n == limit {
			break
		}
	}
	return n
}

// newSet returns the Set of names. It removes duplicates from the slice in place. The Set
// may use this slice, so the caller must not use the slice again.
func newSet(names []string) Set {
	kept := withoutDuplicates(names)
	return Set{kept, newExtra(kept, nil, nil)}
}

// withoutDuplicates removes duplicates from the slice in place. The result takes no more
// memory than its names need.
func withoutDuplicates(names []string) []string {
	kept := unique(names)
	if len(kept) < len(names) {
		kept = exactly(kept) // a token may repeat one scope thousands of times
	}
	return kept
}

// exactly returns a copy of the slice that takes no more memory than the names need. In
// contrast, slices.Clone may allocate more.
func exactly(names []string) []string {
	own := make([]string, len(names))
	copy(own, names)
	return own
}

// manyNames is the maximum length of a list whose names are compared one by one. For a
// longer list, this is too slow, because the time is quadratic.
const manyNames = 4 * maxUnindexed

// The function unique removes duplicates from the slice in place. It keeps the first of
// several equal names.
func unique(names []string) []string {
	if len(names) > manyNames {
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

// setOf returns a map with the names as keys.
func setOf(names []string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}
