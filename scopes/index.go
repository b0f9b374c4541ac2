package scopes

import (
	"hash/maphash"
	"slices"
)

// few is how many names are compared one by one.
const few = 4

// index finds the names of a list. Each entry has the hash of a name in its upper half
// and the position of the name in the list in its lower half, and the entries are
// sorted. Two indexes are compared in one pass. Callers cannot make hashes collide: the
// seed is random.
type index []uint64

// seed is shared by rules and by the scopes of tokens, so that their hashes compare.
//
//nolint:gochecknoglobals // chosen once
var seed = maphash.MakeSeed()

// entry returns the entry of a name at position i.
func entry(name string, i int) uint64 {
	return maphash.String(seed, name)&^(1<<32-1) | uint64(i) //nolint:gosec // not negative
}

// newIndex returns the index of names, which must differ from each other, or nil if
// they are few.
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

// find reports whether scope, which has the hash of e, is among names.
func (x index) find(names []string, e uint64, scope string) bool {
	i, _ := slices.BinarySearch(x, e&^(1<<32-1))
	return x.findFrom(i, names, e, scope)
}

// findFrom is find for callers that know i, the first entry whose hash is not below
// that of e.
func (x index) findFrom(i int, names []string, e uint64, scope string) bool {
	for ; i < len(x) && x[i]>>32 == e>>32; i++ {
		if names[uint32(x[i])] == scope { //nolint:gosec // the lower half
			return true
		}
	}
	return false
}

// meet counts how many of the wanted names are granted. It stops counting at enough.
func meet(want, granted Set, enough int) int {
	n, i, x := 0, 0, *granted.index
	for _, e := range *want.index {
		for i < len(x) && x[i]>>32 < e>>32 {
			i++
		}
		if !x.findFrom(i, granted.names, e, want.names[uint32(e)]) { //nolint:gosec // the lower half
			continue
		}
		if n++; n == enough {
			break
		}
	}
	return n
}

// newSet returns the Set of names, which it keeps and from which it drops later
// copies of a name.
func newSet(names []string) Set {
	names = unique(names)
	return Set{names, newIndex(names)}
}

// unique drops later copies of a name, in place.
func unique(names []string) []string {
	if len(names) > 4*few { // or else a token full of scopes costs their square
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
