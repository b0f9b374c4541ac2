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
	// maxWithoutID is the largest number of keys with which the signature of a token without a
	// kid is checked. Issuers that set no kid publish two keys during a rotation, and rarely more.
	maxWithoutID = 4
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
		case p.id == "": // the method withoutID limits the keys of one lookup
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

// withoutID returns the keys that may verify a token without a kid. The argument fit has the keys
// that fit the algorithm alg, in the order of the document. Keys with the same material count once.
// If too many keys fit, withoutID returns no keys and the error of the lookup. If it returned some
// of the keys, valid tokens of the other keys had the refusal of a forged token.
func (l keyLimits) withoutID(fit []*Key, alg string) ([]*Key, error) {
	var keys []*Key
	seen := make(map[identity]bool, len(fit))
	cost := 0
	for _, key := range fit {
		same := identity{material: key.material, issuer: key.issuer, svid: key.svid}
		if !seen[same] {
			seen[same] = true
			keys, cost = append(keys, key), cost+rsaCost(key)
		}
	}
	most := min(maxWithoutID, l.keysPerID)
	switch {
	case len(keys) > most:
		return nil, &tooManyError{fmt.Sprintf("%d keys of the issuer fit %s, and at most %d are tried for a token without a kid", len(keys), alg, most)}
	case len(keys) > 1 && cost > l.rsaCost:
		return nil, &tooManyError{fmt.Sprintf("trying the %d keys of the issuer that fit %s for a token without a kid has the cost %d, want at most %d (Options.MaxRSACost)", len(keys), alg, cost, l.rsaCost)}
	}
	slices.SortStableFunc(keys, func(a, b *Key) int { return cmp.Compare(rsaCost(a), rsaCost(b)) })
	return slices.Clip(keys), nil
}

// tooManyError is the error for a token without a kid if too many keys fit its alg. It matches
// ErrUnknownKey, but its text does not say that no key fits.
type tooManyError struct{ reason string }

func (e *tooManyError) Error() string {
	return "jwks: " + e.reason + "; the issuer must set kid in its tokens, or publish fewer keys"
}

func (e *tooManyError) Is(target error) bool { return target == ErrUnknownKey }

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
