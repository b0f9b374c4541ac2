package jwks

import "encoding/hex"

// weakEd25519 are the encodings of points of small order on Curve25519's
// Edwards form, canonical or not, without the sign bit. Under such a "public
// key" signatures can be made by anybody. crypto/ed25519 does not refuse them.
var weakEd25519 = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// isWeakEd25519 reports whether x encodes a point of small order.
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
