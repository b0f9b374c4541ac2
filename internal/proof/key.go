package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// The sizes of RSA keys. The client chooses the key of a proof, so the cost of a signature check
// must have a limit.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// publicKey is a public key in a proof. The members have the text of the JWK, in canonical form.
type publicKey struct {
	kty, crv     string
	first, other string // "x" and "y", or "n" and "e"; other is empty for OKP
}

// curves lists the supported curves of EC keys, by the length of a coordinate in bytes.
var curves = map[string]struct {
	curve elliptic.Curve
	bytes int
	alg   string
}{
	"P-256": {elliptic.P256(), 32, "ES256"},
	"P-384": {elliptic.P384(), 48, "ES384"},
	"P-521": {elliptic.P521(), 66, "ES512"},
}

// privateMembers lists the members that hold private or symmetric keys (RFC 7518, section 6). A
// proof with one of these members is refused, whatever its value is.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicMembers lists the members that readKey reads.
var publicMembers = [...]string{"kty", "crv", "x", "y", "n", "e"}

var errSpelling = errors.New("a member of the key is not in canonical form")

// readKey reads a JWK with a public key. It makes no arithmetic with the key. The members must be
// canonical (RFC 7518, section 6; RFC 7638, section 3.3), because otherwise one key has several
// thumbprints.
func readKey(jwk string) (publicKey, error) {
	if jwk[0] != '{' {
		return publicKey{}, errors.New("it is not an object")
	}
	var members [len(publicMembers)]string // one pass over the object; Find for each member costs more
	for name, value := range strictjson.Members(jwk) {
		if slices.Contains(privateMembers, name) {
			return publicKey{}, errors.New("it has a member of a private key")
		}
		if i := slices.Index(publicMembers[:], name); i >= 0 {
			members[i] = value
		}
	}
	var k publicKey
	var err error
	text := func(name string) string {
		value, ok := strictjson.String(members[slices.Index(publicMembers[:], name)])
		if !ok && err == nil {
			err = fmt.Errorf("%q is not a string", name)
		}
		return value
	}
	switch k.kty = text("kty"); k.kty {
	case "EC":
		k.crv, k.first, k.other = text("crv"), text("x"), text("y")
		curve, ok := curves[k.crv]
		if err == nil && !ok {
			err = errors.New("its curve is not supported")
		}
		if err == nil && (!isCanonical(k.first, curve.bytes) || !isCanonical(k.other, curve.bytes)) {
			err = errSpelling
		}
	case "OKP":
		k.crv, k.first = text("crv"), text("x")
		if err == nil && k.crv != "Ed25519" {
			err = errors.New("its curve is not supported")
		}
		if err == nil && !isCanonical(k.first, ed25519.PublicKeySize) {
			err = errSpelling
		}
	case "RSA":
		k.first, k.other = text("n"), text("e")
		if err == nil {
			err = k.checkRSA()
		}
	default:
		err = errors.New("its type is not supported")
	}
	return k, err
}

// checkRSA checks the sizes and the form of an RSA key, without arithmetic.
func (k *publicKey) checkRSA() error {
	if len(k.first) > base64.RawURLEncoding.EncodedLen(maxRSABits/8) || len(k.other) > base64.RawURLEncoding.EncodedLen(4) {
		return errors.New("the RSA key is too large")
	}
	n, err := jws.Decode(nil, []byte(k.first))
	if err != nil || len(n) == 0 || n[0] == 0 {
		return errSpelling
	}
	e, err := jws.Decode(nil, []byte(k.other))
	if err != nil || len(e) == 0 || e[0] == 0 {
		return errSpelling
	}
	if size := new(big.Int).SetBytes(n).BitLen(); size < minRSABits || size > maxRSABits {
		return fmt.Errorf("the RSA key has %d bits, want %d to %d", size, minRSABits, maxRSABits)
	}
	if v := new(big.Int).SetBytes(e).Int64(); v < 3 || v > 1<<31-1 || v%2 == 0 {
		return errors.New("the RSA key has an exponent that is not supported")
	}
	return nil
}

// isCanonical reports whether text is the base64url of exactly size bytes. No other text decodes
// to the same bytes.
func isCanonical(text string, size int) bool {
	if len(text) != base64.RawURLEncoding.EncodedLen(size) {
		return false
	}
	var encoded, buffer [88]byte // the coordinates of P-521; arrays on the stack save two allocations
	decoded, err := jws.Decode(buffer[:0], encoded[:copy(encoded[:], text)])
	return err == nil && len(decoded) == size
}

// thumbprint returns the thumbprint of RFC 7638.
func (k *publicKey) thumbprint() string {
	var buffer [256]byte // enough for EC and OKP keys
	sum := sha256.Sum256(k.appendJWK(buffer[:0]))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// appendJWK appends the JWK with the required members in lexical order and without white space. The
// thumbprint is a hash of this text (RFC 7638, section 3). The texts of the members are canonical and
// have no characters that JSON escapes, so the JSON object can be written directly.
func (k *publicKey) appendJWK(text []byte) []byte {
	text = append(text, `{"`...)
	member := func(name, value string) {
		text = append(append(append(append(text, name...), `":"`...), value...), `","`...)
	}
	switch k.kty {
	case "EC":
		member("crv", k.crv)
		member("kty", k.kty)
		member("x", k.first)
		member("y", k.other)
	case "OKP":
		member("crv", k.crv)
		member("kty", k.kty)
		member("x", k.first)
	default:
		member("e", k.other)
		member("kty", k.kty)
		member("n", k.first)
	}
	return append(text[:len(text)-len(`,"`)], '}')
}

// fits reports whether the algorithm is for keys of this kind.
func (k *publicKey) fits(alg string) bool {
	switch k.kty {
	case "EC":
		return curves[k.crv].alg == alg
	case "OKP":
		return alg == "EdDSA" || alg == "Ed25519"
	default:
		return slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, alg)
	}
}

// public returns the key for a signature check. It returns an error if the point of an EC key is
// not on its curve.
func (k *publicKey) public() (crypto.PublicKey, error) {
	first, err := jws.Decode(nil, []byte(k.first))
	if err != nil {
		return nil, err
	}
	if k.kty == "OKP" {
		return ed25519.PublicKey(first), nil
	}
	other, err := jws.Decode(nil, []byte(k.other))
	if err != nil {
		return nil, err
	}
	if k.kty == "EC" {
		point := append(append(make([]byte, 0, 1+len(first)+len(other)), 4), first...) // 4: not compressed
		key, err := ecdsa.ParseUncompressedPublicKey(curves[k.crv].curve, append(point, other...))
		if err != nil {
			return nil, errors.New("the point is not on the curve")
		}
		return key, nil
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(first), E: int(new(big.Int).SetBytes(other).Int64())}, nil
}
