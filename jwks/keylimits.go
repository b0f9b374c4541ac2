package jwks

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"math/bits"
	"slices"
)

const (
	// defaultKeysPerID is the default of Options.MaxKeysPerID.
	defaultKeysPerID = 8
	// defaultRSACost is the default of Options.MaxRSACost. It is the cost of 8 keys of 4096 bits
	// with the exponent 65537.
	defaultRSACost = 32
)

// keyLimits limit the cost of the signature checks that one token can cause.
type keyLimits struct{ keysPerID, rsaCost int }

func (o Options) keyLimits() keyLimits { return keyLimits{o.MaxKeysPerID, o.MaxRSACost} }

// parsed is an element of "keys" that was read.
type parsed struct {
	key *Key
	id  string // the kid; "" if it cannot be read
	err error  // why the element is left out; nil if it is used
}

// apply sets the field err of the keys beyond the limits. Of the keys with one kid, apply keeps
// the cheapest keys. So one expensive key cannot displace keys that many tokens use, and the
// result does not depend on the order of the document.
func (l keyLimits) apply(found []parsed) {
	byID := make(map[string][]*parsed, len(found))
	for i := range found {
		p := &found[i]
		switch {
		case p.err != nil:
		case p.id == "": // a lookup returns at most one key without a kid
			l.keepCheapest([]*parsed{p})
		default:
			byID[p.id] = append(byID[p.id], p)
		}
	}
	for _, group := range byID {
		l.keepCheapest(group)
	}
}

// keepCheapest applies the limits to the keys with one kid. A token has one algorithm, so the keys
// that fit each algorithm count together. A key that is beyond a limit for one of its algorithms
// is not used for any algorithm.
func (l keyLimits) keepCheapest(group []*parsed) {
	slices.SortFunc(group, func(a, b *parsed) int {
		return cmp.Or(cmp.Compare(rsaCost(a.key), rsaCost(b.key)), compareIdentity(a.key, b.key))
	})
	var number, spent [algorithmCount]int // of the keys in use, for each algorithm
	for _, p := range group {
		cost, most, dearest := rsaCost(p.key), 0, 0
		for alg := range algorithmCount {
			if p.key.algs.has(alg) {
				most, dearest = max(most, number[alg]+1), max(dearest, spent[alg]+cost)
			}
		}
		switch {
		case most > l.keysPerID:
			p.err = fmt.Errorf("more than %d keys have this kid and fit the same algorithm (Options.MaxKeysPerID)", l.keysPerID)
			continue
		case cost > 0 && dearest > l.rsaCost:
			p.err = fmt.Errorf("checking a signature with the keys of this kid is too slow: this key (%s, exponent %d) brings the cost to %d, want at most %d (Options.MaxRSACost)",
				p.key.Type(), p.key.public.(*rsa.PublicKey).E, dearest, l.rsaCost) //nolint:errcheck,forcetypeassert // only an RSA key has a cost
			continue
		}
		for alg := range algorithmCount {
			if p.key.algs.has(alg) {
				number[alg]++
				spent[alg] += cost
			}
		}
	}
}

// compareIdentity orders keys with the same kid by their other properties.
func compareIdentity(a, b *Key) int {
	return cmp.Or(cmp.Compare(a.material, b.material), cmp.Compare(a.algs, b.algs), cmp.Compare(a.issuer, b.issuer))
}

// rsaCost returns the estimated cost of a signature check with the key. The unit is the cost
// for an RSA key of 2048 bits with the exponent 65537. For other types of keys, the result is 0,
// because only their number is limited.
//
// A check computes a power modulo N. It takes one multiplication for each bit of the exponent,
// one more for each bit that is set, and the work of about 8 multiplications for the
// preparation. The time of a multiplication grows with the square of the number of words in N.
func rsaCost(k *Key) int {
	public, ok := k.public.(*rsa.PublicKey)
	if !ok {
		return 0
	}
	const unitWords, unitMultiplications = 2048 / 64, 16 + 1 + preparation
	words := (public.N.BitLen() + 63) / 64
	e := uint64(public.E) //nolint:gosec // members.rsa has checked that the exponent is positive
	work := words * words * (bits.Len64(e) - 1 + bits.OnesCount64(e) - 1 + preparation)
	const unit = unitWords * unitWords * unitMultiplications
	return (work + unit - 1) / unit
}

const preparation = 8
