package jwks

import (
	"encoding/hex"
	"math/big"
)

// rocaPrimes are the odd prime numbers up to 167. A defective library of Infineon generates RSA
// keys from a constant (CVE-2017-15361, "ROCA"). The constant depends on the size of the key,
// but is always divisible by all numbers in rocaPrimes.
var rocaPrimes = []int64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
	127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// isROCA reports whether an RSA modulus has the form that Infineon's library generates. Such a
// modulus is weak, because an attacker can factor the modulus. A modulus has this form if, for
// each p in rocaPrimes, the modulus is congruent modulo p to a power of 65537. About 1 in 200
// million moduli of other libraries has this form by chance.
func isROCA(n *big.Int) bool {
	for _, p := range rocaPrimes {
		residue, power := new(big.Int).Mod(n, big.NewInt(p)).Int64(), int64(1)
		for residue != power {
			if power = power * 65537 % p; power == 1 {
				return false
			}
		}
	}
	return true
}

// weakEd25519 are the encodings of the points of small order on edwards25519, without the
// sign bit. The list includes encodings that are not canonical. If such a point is the public
// key, anyone can create valid signatures. Package crypto/ed25519 accepts these points.
var weakEd25519 = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// isWeakEd25519 reports whether x is the encoding of a point of small order.
func isWeakEd25519(x []byte) bool {
	if len(x) != 32 {
		return false
	}
	y := [32]byte(x)
	y[31] &= 0x7f
	text := hex.EncodeToString(y[:])
	for _, weak := range weakEd25519 {
		if text == weak {
			return true
		}
	}
	return false
}
