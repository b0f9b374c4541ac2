package jwks

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/MicahParks/jwkset"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// errPrivate is the error for keys that must never be published.
var errPrivate = errors.New("private or symmetric key material")

// privateMembers are the members with private or symmetric key material, for all types of keys
// (RFC 7518, section 6; RFC 8037, section 2). The member "priv" contains the private key of a
// post-quantum key pair.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// members has the members of a JWK that matter. Their names are case-sensitive and unique. A member
// that is null or "" counts as absent, because some programs write these values for absent members.
type members struct{ strictjson.Object }

func (m members) has(name string) bool {
	v := m.Lookup(name)
	return v != nil && v.Kind() != 'n' && string(v) != `""`
}

// readText returns the value of a member, which must be a string. If the member is absent,
// readText returns "".
func (m members) readText(name string) (string, error) {
	if !m.has(name) {
		return "", nil
	}
	s, ok := strictjson.String(m.Lookup(name))
	if !ok {
		return "", fmt.Errorf("%q is not a string", name)
	}
	return s, nil
}

// readTexts calls readText for each name in names, and stores the results in targets. It
// stops at the first error.
func (m members) readTexts(names []string, targets ...*string) (err error) {
	for i, name := range names {
		if *targets[i], err = m.readText(name); err != nil {
			return err
		}
	}
	return nil
}

// memberNames are the members of a JWK that matter. All other members are ignored.
var memberNames = append([]string{"kty", "kid", "use", "alg", "key_ops", "crv", "n", "e", "x", "y", "issuer"}, privateMembers...)

// readKey parses an element of "keys". It returns an error if the element is not a key that may
// verify signatures. The result id is the "kid" of the element, even if there is an error; it is
// "" if the kid cannot be read. readKey calls load, which uses jwkset, only if all other checks
// have succeeded.
func readKey(element source) (key *Key, id string, err error) {
	if len(element.text) > maxElement {
		return nil, "", fmt.Errorf("more than %d bytes", maxElement)
	}
	object, err := objectReader{source: element, names: memberNames, validNames: true, most: maxMembers}.readAll()
	if err != nil {
		return nil, "", err
	}
	m := members{object}
	if id, err = m.readText("kid"); err == nil {
		key, err = m.key(id)
	}
	return key, id, err
}

// key returns the key with the given members.
func (m members) key(id string) (*Key, error) {
	var kty, alg, issuer string
	if err := m.readTexts([]string{"kty", "alg", "issuer"}, &kty, &alg, &issuer); err != nil {
		return nil, err
	}
	if kty == "oct" || slices.ContainsFunc(privateMembers, m.has) {
		return nil, errPrivate // RFC 7517, section 9.2
	}
	svid, err := m.checkUse()
	if err != nil {
		return nil, err
	}
	material, err := m.material(kty)
	if err != nil {
		return nil, err
	}
	fits := material.fits
	if alg != "" {
		named := algorithmOf(alg)
		if !fits.has(named) {
			return nil, fmt.Errorf("alg %q is not a supported signature algorithm for this type of key", quote.Cut(alg))
		}
		fits = 1 << named // RFC 7517, section 4.4
	}
	key := &Key{identity: identity{id: id, issuer: issuer, algs: fits, svid: svid, material: material.text}}
	if err := key.load(material.numbers, alg); err != nil {
		if material.oddLength != "" {
			return nil, fmt.Errorf("%s; with leading zeros added or removed: %w", material.oddLength, err)
		}
		return nil, err
	}
	return key, nil
}

// checkUse checks that "use" and "key_ops" allow the key to verify signatures
// (RFC 7517, sections 4.2, 4.3). It also reports whether "use" is the value of SPIFFE for keys that
// sign JWTs. The keys of SPIFFE for certificates ("x509-svid") cannot be used.
func (m members) checkUse() (svid bool, err error) {
	use, err := m.readText("use")
	if err != nil {
		return false, err
	}
	svid = use == "jwt-svid"
	if use != "" && use != "sig" && !svid {
		return false, fmt.Errorf("use %q does not allow the key to verify signatures", quote.Cut(use))
	}
	return svid, m.checkOps(use != "")
}

// checkOps checks "key_ops". The argument used is true if the key has the member "use".
func (m members) checkOps(used bool) error {
	if !m.has("key_ops") {
		return nil
	}
	value := string(m.Lookup("key_ops"))
	if value[0] != '[' {
		return errNoOps
	}
	ops := make([]string, 0, maxOps)
	for element := range strictjson.Elements(value) {
		op, ok := strictjson.String(element)
		switch {
		case !ok:
			return errNoOps
		case len(ops) == maxOps: // comparing more elements pairwise takes too long
			return fmt.Errorf(`"key_ops" has more than %d elements`, maxOps)
		case slices.Contains(ops, op):
			return errors.New(`"key_ops" contains an operation twice`)
		case used && op != "verify" && op != "sign":
			return errors.New(`"use" and "key_ops" contradict each other`)
		}
		ops = append(ops, op)
	}
	if !slices.Contains(ops, "verify") {
		return errors.New(`"key_ops" does not contain "verify"`)
	}
	return nil
}

var errNoOps = errors.New(`"key_ops" is not an array of strings`)

// load parses the key with jwkset. It passes only kid, alg and the public numbers to jwkset. It
// does not pass certificates, because an invalid certificate must not affect the key. It does not
// pass use and key_ops, because checkUse has checked these members.
func (k *Key) load(numbers jwkset.JWKMarshal, alg string) error {
	numbers.KID, numbers.ALG = k.id, jwkset.ALG(alg)
	if k.algs.has(ed25519Sign) {
		numbers.ALG = jwkset.AlgEdDSA // golang-jwt and keyfunc do not support the name "Ed25519"
	}
	jwk, err := jwkset.NewJWKFromMarshal(numbers, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return errors.New(quote.Line(err.Error()))
	}
	k.jwk, k.public = jwk, crypto.PublicKey(jwk.Key())
	return nil
}

// material has the public numbers of a key. Members for other types of keys are ignored
// (RFC 7517, section 4). Leading zeros that do not belong to a number are removed, and missing
// ones are added. So a key has the same material in each of its encodings.
type material struct {
	text      string            // the type or curve, and the numbers
	fits      algorithms        // the algorithms that the type, curve and size allow
	numbers   jwkset.JWKMarshal // the same as text, for jwkset
	oddLength string            // if the numbers of the issuer have the wrong length, a text that says so
}

// material reads the public numbers of a key.
func (m members) material(kty string) (material, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch kty {
	case "RSA":
		n, e, err := m.rsa()
		return material{
			text:    fmt.Sprintf("RSA %d %s%s", len(n), n, e),
			fits:    anyRSA,
			numbers: jwkset.JWKMarshal{KTY: jwkset.KtyRSA, N: b64(n), E: b64(e)},
		}, err
	case "EC":
		return m.ec()
	case "OKP":
		crv, err := m.readText("crv")
		if err != nil {
			return material{}, err
		}
		if crv != "Ed25519" {
			return material{}, fmt.Errorf("curve %q is not supported", quote.Cut(crv))
		}
		x, err := m.readNumber("x")
		if err == nil && isWeakEd25519(x) {
			err = errors.New("the point has small order, so anyone can forge signatures")
		}
		return material{
			text:    "Ed25519 " + string(x),
			fits:    anyOKP,
			numbers: jwkset.JWKMarshal{KTY: jwkset.KtyOKP, CRV: jwkset.CrvEd25519, X: b64(x)},
		}, err
	case "":
		return material{}, errors.New(`no member "kty"`)
	}
	return material{}, fmt.Errorf("kty %q is not supported", quote.Cut(kty))
}

// rsa reads and checks the modulus and the exponent (RFC 7518, section 3.3). It checks the
// size of each number before it uses the number in slow computations.
func (m members) rsa() (n, e []byte, err error) {
	const (
		minBits, maxBits = 2048, 8192
		minExponent      = 3
		maxExponentBits  = 31
	)
	if n, err = m.readNumber("n"); err != nil {
		return nil, nil, err
	}
	if e, err = m.readNumber("e"); err != nil {
		return nil, nil, err
	}
	n, e = trimZeros(n), trimZeros(e)
	modulus := new(big.Int).SetBytes(n)
	switch bits := modulus.BitLen(); {
	case bits < minBits || bits > maxBits:
		return nil, nil, fmt.Errorf("RSA modulus has %d bits, want %d to %d", bits, minBits, maxBits)
	case n[len(n)-1]&1 == 0:
		return nil, nil, errors.New("RSA modulus is even")
	case isROCA(modulus):
		return nil, nil, errors.New("an attacker can factor the RSA modulus, because a defective library generated it (CVE-2017-15361)")
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > maxExponentBits {
		return nil, nil, fmt.Errorf("RSA exponent has more than %d bits", maxExponentBits)
	}
	if v := exponent.Int64(); v < minExponent || v&1 == 0 {
		return nil, nil, fmt.Errorf("RSA exponent is %d, want an odd number of at least %d", v, minExponent)
	}
	return n, e, nil
}

// ec reads the coordinates. It checks that the curve is supported, and that the coordinates are
// not too long for this curve. Later, jwkset checks that the point is on the curve.
//
// RFC 7518, section 6.2.1, requires that a coordinate has the full length of the curve. Some
// issuers remove leading zeros, and some add a zero byte as the sign of the number. In a key set
// of an issuer, the point counts: each form has only one meaning, and a damaged coordinate
// practically never leads to a point on the curve. Code that reads a key from a place that clients
// write, such as the header of a proof, must require the full length.
func (m members) ec() (material, error) {
	crv, err := m.readText("crv")
	if err != nil {
		return material{}, err
	}
	var size int
	var fits algorithms
	switch crv {
	case "P-256":
		size, fits = 32, anyP256
	case "P-384":
		size, fits = 48, anyP384
	case "P-521":
		size, fits = 66, anyP521
	default:
		return material{}, fmt.Errorf("curve %q is not supported", quote.Cut(crv))
	}
	x, err := m.readNumber("x")
	if err != nil {
		return material{}, err
	}
	y, err := m.readNumber("y")
	if err != nil {
		return material{}, err
	}
	var odd string
	if len(x) != size || len(y) != size {
		odd = fmt.Sprintf("coordinates have %d and %d bytes, want %d and %d for curve %s", len(x), len(y), size, size, crv)
	}
	if x, y = trimZeros(x), trimZeros(y); len(x) > size || len(y) > size {
		return material{}, errors.New(odd)
	}
	x, y = padZeros(x, size), padZeros(y, size)
	b64 := base64.RawURLEncoding.EncodeToString
	return material{
		text:      crv + " " + string(x) + string(y),
		fits:      fits,
		numbers:   jwkset.JWKMarshal{KTY: jwkset.KtyEC, CRV: jwkset.CRV(crv), X: b64(x), Y: b64(y)},
		oddLength: odd,
	}, nil
}

// maxNumber is the largest length of a number in base64url. A number of 8,192 bits with a
// leading zero byte needs 1,367 characters.
const maxNumber = 1400

// readNumber decodes the value of a required member, which is a number in base64url. Like jwkset,
// it accepts padding. It refuses line breaks, which package encoding/base64 ignores.
func (m members) readNumber(name string) ([]byte, error) {
	s, err := m.readText(name)
	if err != nil {
		return nil, err
	}
	s = strings.TrimRight(s, "=")
	switch {
	case s == "":
		return nil, fmt.Errorf("no member %q", name)
	case len(s) > maxNumber:
		return nil, fmt.Errorf("%q is too long", name)
	case strings.ContainsAny(s, "\r\n"):
		return nil, fmt.Errorf("%q is not base64url", name)
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not base64url", name)
	}
	return b, nil
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

// padZeros adds leading zeros to a number of at most size bytes.
func padZeros(b []byte, size int) []byte {
	return append(make([]byte, size-len(b), size), b...)
}
