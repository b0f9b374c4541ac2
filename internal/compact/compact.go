// Package compact reads the compact serialization of a JWS (RFC 7515, section
// 3.1) and nothing else: no decryption, no JSON serialization, no repair.
package compact

import "strings"

// JWS is the parts of one token, still encoded.
type JWS struct {
	// Header, Payload and Signature are the three parts.
	Header, Payload, Signature string
	// Signed is what the signature covers: the header and the payload as they
	// were received, with the dot between them (RFC 7515, section 5.2).
	Signed string
}

// Split finds the parts of a token: exactly two dots, and a header that is not
// empty. The signature may be empty here, so that a token with alg "none" is
// refused for its alg, and so may the payload, which a JWS may have and a JWT not
// (RFC 7519, section 7.2). What the parts are made of is Decode's to judge. It
// reads no further than the third dot, and allocates nothing.
func Split(token string) (JWS, bool) {
	first := strings.IndexByte(token, '.')
	if first <= 0 {
		return JWS{}, false
	}
	second := first + 1 + strings.IndexByte(token[first+1:], '.')
	if second <= first || strings.IndexByte(token[second+1:], '.') >= 0 {
		return JWS{}, false
	}
	return JWS{
		Header:    token[:first],
		Payload:   token[first+1 : second],
		Signature: token[second+1:],
		Signed:    token[:second],
	}, true
}
