package jws

import "strings"

// Compact is a JWS in compact serialization (RFC 7515, section 3.1), split into its
// parts. The parts are still encoded.
type Compact struct {
	// Header, Payload and Signature are the three parts.
	Header, Payload, Signature string
	// Signed is what the signature covers: the header and the payload as they
	// were received, with the dot between them (RFC 7515, section 5.2).
	Signed string
}

// Split splits a token at its dots. It reports false unless the token has exactly two
// dots and a header that is not empty. An empty signature is allowed here, so that a
// token with alg "none" is refused for its alg. An empty payload is allowed for a JWS;
// the claims reader refuses it for a JWT (RFC 7519, section 7.2). Split does not look at
// the characters of the parts: Decode does. It reads no further than the third dot and
// does not allocate.
func Split(token string) (Compact, bool) {
	first := strings.IndexByte(token, '.')
	if first <= 0 {
		return Compact{}, false
	}
	second := first + 1 + strings.IndexByte(token[first+1:], '.')
	if second <= first || strings.IndexByte(token[second+1:], '.') >= 0 {
		return Compact{}, false
	}
	return Compact{
		Header:    token[:first],
		Payload:   token[first+1 : second],
		Signature: token[second+1:],
		Signed:    token[:second],
	}, true
}
