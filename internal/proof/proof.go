// Package proof reads the proofs of possession that DPoP clients send (RFC 9449, section 4). It
// reads the form, the public key and the claims of a proof, and verifies its signature. It
// compares target URIs. It does not decide: it knows no token, no request and no time.
//
// The functions are in the order in which a caller needs them, because the key in a proof is
// chosen by the client. Read makes no arithmetic with the key. A caller compares
// [Proof.Thumbprint] with the key to which the token is bound, before it calls [Proof.Verify].
package proof

import (
	"errors"
	"fmt"

	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// MaxLength is the maximum length of a proof in bytes.
const MaxLength = 8 << 10

// MediaType is the "typ" of a proof, in the form that [jws.MediaType] returns.
const MediaType = "dpop+jwt"

// Proof is a proof that [Read] has read. It is immutable.
type Proof struct {
	parts  jws.Compact
	header *jws.Header
	key    publicKey
	print  string
}

var (
	errLong     = errors.New("the proof is too long")
	errAlphabet = errors.New("the proof has a character that no JWT has")
	errParts    = errors.New("the proof does not have three parts")
	errType     = errors.New(`"typ" of the proof is not dpop+jwt`)
	errNoKey    = errors.New(`the header of the proof has no "jwk"`)
)

// Read reads the value of one DPoP field. It checks the form of the proof, its header and the key
// in its header, and computes the thumbprint of the key. It does not check whether the key is
// strong or valid, and does not verify the signature; Verify does. An error contains no part of
// the proof.
func Read(field string) (*Proof, error) {
	if len(field) > MaxLength {
		return nil, errLong
	}
	for i := range len(field) {
		if !inProof[field[i]] {
			return nil, errAlphabet // also a list of proofs, quotes and blanks
		}
	}
	p := new(Proof)
	var ok bool
	if p.parts, ok = jws.Split(field); !ok {
		return nil, errParts
	}
	decoded, err := jws.Decode(nil, []byte(p.parts.Header))
	if err != nil {
		return nil, fmt.Errorf("the header of the proof: %w", err)
	}
	if p.header, err = jws.ReadHeader(decoded); err != nil {
		return nil, fmt.Errorf("the header of the proof: %w", err)
	}
	if p.header.Media != MediaType {
		return nil, errType
	}
	jwk := p.header.Members.Lookup("jwk")
	if jwk == "" {
		return nil, errNoKey
	}
	if p.key, err = readKey(jwk); err != nil {
		return nil, fmt.Errorf("the key in the proof: %w", err)
	}
	p.print = p.key.thumbprint()
	return p, nil
}

// Algorithm returns the "alg" of the proof, which may be any text.
func (p *Proof) Algorithm() string { return p.header.Alg }

// Thumbprint returns the thumbprint of the key in the proof (RFC 7638, with SHA-256), in
// base64url. It is the value of "jkt" for a token that is bound to this key.
func (p *Proof) Thumbprint() string { return p.print }

// Verify verifies the signature with the key in the proof. The algorithm must fit the key. An RSA
// key must have 2,048 to 4,096 bits, and an odd exponent from 3 to 2^31-1. The error says what is
// wrong, and contains no part of the proof.
func (p *Proof) Verify() error {
	method := jws.MethodOf(p.header.Alg)
	if method == nil {
		return errors.New(`"alg" of the proof is not supported`)
	}
	if !p.key.fits(p.header.Alg) {
		return errors.New(`"alg" of the proof does not fit the key in the proof`)
	}
	key, err := p.key.public()
	if err != nil {
		return fmt.Errorf("the key in the proof: %w", err)
	}
	signature, err := jws.Decode(nil, []byte(p.parts.Signature))
	if err != nil {
		return fmt.Errorf("the signature of the proof: %w", err)
	}
	if !method.Verify([]byte(p.parts.Signed), signature, key) {
		return errors.New("the signature of the proof is not valid")
	}
	return nil
}

// Claims reads the claims of the proof.
func (p *Proof) Claims() (*Claims, error) {
	decoded, err := jws.Decode(nil, []byte(p.parts.Payload))
	if err != nil {
		return nil, fmt.Errorf("the claims of the proof: %w", err)
	}
	var set strictjson.Record
	if err := set.Read(decoded); err != nil {
		return nil, fmt.Errorf("the claims of the proof: %w", err)
	}
	return readClaims(&set)
}

// The table inProof marks the characters of a JWT.
var inProof = func() (t [256]bool) {
	for c := range t {
		t[c] = c == '.' || isBase64URL(rune(c))
	}
	return t
}()

func isBase64URL(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
