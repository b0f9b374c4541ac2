// Package dpopclient has what the DPoP clients for HTTP and for gRPC share (RFC 9449): the nonces of
// each origin, and the error codes in challenges.
package dpopclient

import (
	"strings"
	"sync"
)

// MaxOrigins is the number of origins whose nonces [Nonces] holds.
const MaxOrigins = 100

// maxNonce is the maximum length of a nonce in bytes. With a longer nonce, a proof is too long for the
// fields of many servers.
const maxNonce = 1 << 10

// Nonces holds the last nonce of each origin (RFC 9449, section 8.2). If it is full, a new origin
// replaces a different one. The lost nonce costs one more request. The zero Nonces is empty and
// ready for use. Nonces is safe for concurrent use.
type Nonces struct {
	mu       sync.Mutex // guards byOrigin
	byOrigin map[string]string
}

// Last returns the last nonce of an origin, or "" if there is none.
func (n *Nonces) Last(origin string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byOrigin[origin]
}

// Take returns the nonce in the values of the field DPoP-Nonce of an answer, and stores the nonce for
// the origin. It returns "" if there is no value, more than one value, or a value that is not a
// valid nonce.
func (n *Nonces) Take(origin string, values []string) string {
	if len(values) != 1 || !IsNonce(values[0]) {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byOrigin == nil {
		n.byOrigin = map[string]string{}
	}
	if _, ok := n.byOrigin[origin]; !ok && len(n.byOrigin) >= MaxOrigins {
		for other := range n.byOrigin {
			delete(n.byOrigin, other)
			break
		}
	}
	n.byOrigin[origin] = values[0]
	return values[0]
}

// IsNonce reports whether text has the form of a nonce (RFC 9449, section 8.1), and at most 1,024
// bytes.
func IsNonce(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < '!' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return text != "" && len(text) <= maxNonce
}

// IsToken reports whether text has the form of an access token in the field Authorization
// (RFC 9110, section 11.2: token68).
func IsToken(text string) bool {
	rest := trimToken68(text)
	return len(rest) < len(text) && strings.Trim(rest, "=") == ""
}

// trimToken68 removes the characters of a token68 at the start of text, except "=".
func trimToken68(text string) string {
	return strings.TrimLeftFunc(text, func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/", r)
	})
}
