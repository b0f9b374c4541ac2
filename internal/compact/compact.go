// Package compact reads the compact serialization of a JWS (RFC 7515, section
// 3.1) and nothing else: no decryption, no JSON serialization, no repair.
package compact

import (
	"encoding/base64"
	"errors"
)

// JWS is the parts of one token, still encoded.
type JWS struct {
	// Header, Payload and Signature are the three parts.
	Header, Payload, Signature string
	// Signed is what the signature covers: the header and the payload as they
	// were received, with the dot between them (RFC 7515, section 5.2).
	Signed string
}

// alphabet marks the characters of base64url without padding. Go's decoder
// skips CR and LF even in strict mode, so characters are checked before it.
var alphabet = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = true
	}
	return t
}()

// encoding refuses set bits behind the last byte: one value, one spelling.
var encoding = base64.RawURLEncoding.Strict()

// Split finds the parts of a token: exactly two dots, a header that is not empty,
// and no character outside base64url. The signature may be empty here, so that a
// token with alg "none" is refused for its alg, and so may the payload, which a
// JWS may have and a JWT not (RFC 7519, section 7.2). It reads no further than the first character that does not belong, and allocates
// nothing.
func Split(token string) (JWS, bool) {
	var dots [2]int
	n := 0
	for i := range len(token) {
		c := token[i]
		if alphabet[c] {
			continue
		}
		if c != '.' || n == len(dots) {
			return JWS{}, false
		}
		dots[n] = i
		n++
	}
	if n != len(dots) || dots[0] == 0 {
		return JWS{}, false
	}
	return JWS{
		Header:    token[:dots[0]],
		Payload:   token[dots[0]+1 : dots[1]],
		Signature: token[dots[1]+1:],
		Signed:    token[:dots[1]],
	}, true
}

// Decode decodes one part that Split returned.
func Decode(part string) ([]byte, error) {
	b, err := encoding.DecodeString(part)
	if err != nil {
		// The decoder's own error names a position only, but says nothing that
		// helps either.
		return nil, errors.New("not base64url in its one canonical spelling")
	}
	return b, nil
}
