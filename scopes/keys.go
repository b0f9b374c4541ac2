package scopes

import (
	"hash/maphash"
	"slices"
)

// few is how many names are compared one by one.
const few = 4

// keys finds the names of a list. They are sorted: the hash of each name in the
// upper half, and where it is in the lower half. Two lists that are sorted alike are
// compared in one pass, and nobody outside can make the hashes collide.
type keys []uint64

// seed is the same for rules and for what tokens grant.
//
//nolint:gochecknoglobals // chosen once
var seed = maphash.MakeSeed()

func keyOf(name string, i int) uint64 {
	return maphash.String(seed, name)&^(1<<32-1) | uint64(i) //nolint:gosec // not negative
}

// keysOf returns the keys of names, which are different ones.
func keysOf(names []string) *keys {
	if len(names) <= few {
		return nil
	}
	k := make(keys, len(names))
	for i, name := range names {
		k[i] = keyOf(name, i)
	}
	slices.Sort(k)
	return &k
}

// find reports whether scope, whose key is the given one, is among the names.
func (k keys) find(names []string, key uint64, scope string) bool {
	i, _ := slices.BinarySearch(k, key&^(1<<32-1))
	return k.at(i, names, key, scope)
}

// at is find where the first key that is not below the given one is known.
func (k keys) at(i int, names []string, key uint64, scope string) bool {
	for ; i < len(k) && k[i]>>32 == key>>32; i++ {
		if names[uint32(k[i])] == scope { //nolint:gosec // the lower half
			return true
		}
	}
	return false
}

// meet counts how many of the wanted names are among the granted ones, until that
// is enough.
func meet(want, granted Set, enough int) int {
	n, i, keys := 0, 0, *granted.keys
	for _, key := range *want.keys {
		for i < len(keys) && keys[i]>>32 < key>>32 {
			i++
		}
		if !keys.at(i, granted.names, key, want.names[uint32(key)]) { //nolint:gosec // the lower half
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
	return Set{names, keysOf(names)}
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
