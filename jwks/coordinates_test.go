package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/jwks"
)

// curves are the supported curves and their algorithms.
func curves() map[string]elliptic.Curve {
	return map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
}

// coordinates returns the coordinates of a public key with their full length.
func coordinates(key *ecdsa.PrivateKey) (x, y []byte) {
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	half := len(point) / 2
	return point[1 : 1+half], point[1+half:]
}

// keyWithZeros returns keys of a curve whose x or y, or both, begin with a zero byte.
func keyWithZeros(curve elliptic.Curve, xZero, yZero bool) *ecdsa.PrivateKey {
	for {
		key := newEC(curve)
		if x, y := coordinates(key); (!xZero || x[0] == 0) && (!yZero || y[0] == 0) {
			return key
		}
	}
}

// stripped returns a number without its leading zeros.
func stripped(b []byte) []byte { return new(big.Int).SetBytes(b).Bytes() }

// zeros returns a number with n more leading zeros.
func zeros(n int, b []byte) []byte { return append(make([]byte, n), b...) }

// encodings returns the same EC key with the kid "a" and coordinates of different lengths. The first one has the
// full length.
func encodings(key *ecdsa.PrivateKey) []jwk {
	full := public("a", key.Public())
	x, y := coordinates(key)
	with := func(x, y []byte) jwk { return full.with("x", b64(x), "y", b64(y)) }
	return []jwk{
		full, with(stripped(x), y), with(x, stripped(y)), with(stripped(x), stripped(y)), with(zeros(1, x), y), with(x, zeros(1, y)),
		with(zeros(1, x), zeros(1, y)), with(zeros(1, x), stripped(y)), with(zeros(100, x), zeros(7, y)), full.with("x", b64(stripped(x))+"="),
	}
}

// Each encoding of the coordinates of an EC key is the same key.
func TestCoordinates(t *testing.T) {
	for alg, curve := range curves() {
		for _, key := range []*ecdsa.PrivateKey{keyWithZeros(curve, true, false), keyWithZeros(curve, false, true), newEC(curve)} {
			all := encodings(key)
			full := parse(t, all[0]).Keys()[0]
			for i, encoding := range all {
				set, err := jwks.Parse(document(encoding))
				if err != nil {
					t.Errorf("%s, encoding %d: got error %v, want none", alg, i, err)
					continue
				}
				keys, err := set.Lookup("a", alg)
				want(t, fmt.Sprintf("%s, encoding %d: outcome of a lookup", alg, i), outcome(err), "ok")
				if err == nil {
					want(t, "public keys are equal", key.PublicKey.Equal(keys[0].Public()), true)
					want(t, "Thumbprint", keys[0].Thumbprint(), full.Thumbprint())
					want(t, "Type", keys[0].Type(), full.Type())
				}
			}
			reversed := slices.Clone(all)
			slices.Reverse(reversed)
			for _, order := range [][]jwk{all, reversed} {
				set := parse(t, order...)
				want(t, alg+": keys of a set with all encodings", len(set.Keys()), 1)
				for _, skipped := range set.Skipped() {
					want(t, "reason", skipped.Reason, "duplicate of an earlier key")
				}
			}
		}
	}
}

// If the issuer corrects the encoding of a key, the key stays the same key.
func TestCorrectedCoordinates(t *testing.T) {
	for alg, curve := range curves() {
		synctest.Test(t, func(t *testing.T) {
			all := encodings(keyWithZeros(curve, true, false))
			i := newIssuer(all[1])
			c := newCache(t, i)
			before, err := c.Lookup("a", alg)
			if err != nil {
				t.Fatal(err)
			}
			hash := c.Status().KeySetHash
			for _, next := range all {
				i.publish(next)
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				after, _ := c.Lookup("a", alg)
				want(t, alg+": the key has the same pointer", slices.Equal(after, before), true)
				want(t, alg+": KeySetHash", c.Status().KeySetHash, hash)
			}
		})
	}
}

// A signature verifies under a key whose coordinates have odd lengths, with package ecdsa and with
// golang-jwt.
func TestSignatureWithOddCoordinates(t *testing.T) {
	key := keyWithZeros(elliptic.P256(), true, false)
	digest := sha256.Sum256([]byte("text"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	for i, encoding := range encodings(key) {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, newIssuer(encoding))
			keys, err := c.Lookup("a", "ES256")
			if err != nil {
				t.Fatal(err)
			}
			used, ok := keys[0].Public().(*ecdsa.PublicKey)
			want(t, fmt.Sprintf("encoding %d: the signature is valid", i), ok && ecdsa.VerifyASN1(used, digest[:], signature), true)
			_, err = jwt.Parse(token, c.Keyfunc(), jwt.WithValidMethods([]string{"ES256"}))
			if err != nil {
				t.Errorf("encoding %d: jwt.Parse: got error %v, want none", i, err)
			}
		})
	}
}

// A number that was damaged in a different way is not accepted.
func TestWrongCoordinates(t *testing.T) {
	for alg, curve := range curves() {
		key := newEC(curve)
		full := public("a", key.Public())
		x, y := coordinates(key)
		size := len(x)
		p := curve.Params().P
		for name, odd := range map[string]jwk{
			"last byte missing":             full.with("x", b64(x[:size-1])),
			"first half missing":            full.with("x", b64(x[size/2:])),
			"additional byte at the end":    full.with("y", b64(append(slices.Clone(y), 0))),
			"additional byte that is not 0": full.with("x", b64(append([]byte{1}, x...))),
			"additional bytes that are 255": full.with("x", b64(append([]byte{255, 255}, x...))),
			"x plus the prime":              full.with("x", b64(new(big.Int).Add(new(big.Int).SetBytes(x), p).Bytes())),
			"x and y in one number":         full.with("x", b64(append(slices.Clone(x), y...)), "y", "AA"),
			"x is zero":                     full.with("x", "AA"),
			"both are zero":                 full.with("x", "AA", "y", b64(make([]byte, 100))),
			"x and y exchanged":             full.with("x", full["y"], "y", full["x"]),
			"too many zeros":                full.with("x", b64(zeros(1100, x))),
			"minus y as a signed number":    full.with("y", b64(append([]byte{255}, new(big.Int).Sub(p, new(big.Int).SetBytes(y)).Bytes()...))),
			"y is empty":                    full.with("y", ""),
			"y is only padding":             full.with("y", "=="),
		} {
			_, err := jwks.Parse(document(odd))
			if err == nil {
				t.Errorf("%s: %s: got no error, want one", alg, name)
			}
		}
		_, err := jwks.Parse(document(full.with("x", b64(x[:size-1]))))
		wantText(t, err, fmt.Sprintf("coordinates have %d and %d bytes, want %d and %d", size-1, size, size, size), "not on the specified curve")
	}
}

// Leading zeros of RSA numbers never matter. An Ed25519 key has a fixed length.
func TestNumbersOfOtherKeys(t *testing.T) {
	r := public("a", rsaPrivate().Public())
	n := rsaPrivate().N.Bytes()
	set := parse(t, r, r.with("n", b64(zeros(1, n))), r.with("e", "AAEAAQ"), r.with("e", "AQAB=="), r.with("n", b64(zeros(9, n)), "e", "AAAAAAEAAQ"))
	want(t, "keys of a set with all encodings of an RSA key", len(set.Keys()), 1)
	want(t, "Thumbprint", set.Keys()[0].Thumbprint(), parse(t, r.with("n", b64(zeros(9, n)))).Keys()[0].Thumbprint())
	for {
		key, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if key[0] != 0 {
			continue
		}
		ed := public("a", key)
		for name, x := range map[string][]byte{"without its leading zero": key[1:], "with one more zero": zeros(1, key), "with a zero at the end": append(slices.Clone(key), 0)} {
			if _, err := jwks.Parse(document(ed.with("x", b64(x)))); err == nil {
				t.Errorf("Ed25519 key %s: got no error, want one", name)
			}
		}
		return
	}
}
