package proof

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/bearerkit/bearer/internal/jws"
)

// The parts of a nonce: the number of its period, random bytes and a code over both.
const (
	periodBytes = 8
	randomBytes = 8
	codeBytes   = 16
	nonceBytes  = periodBytes + randomBytes + codeBytes
)

// Nonces makes and checks nonces without state (RFC 9449, section 8). Each nonce belongs to a
// period of time, and is accepted in this period and in the next one. All replicas of a service
// need the same keys. Nonces is immutable and safe for concurrent use.
type Nonces struct {
	keys   [][]byte
	period time.Duration
}

// NewNonces returns Nonces for a period, which must be positive. The first key makes nonces, and
// all keys check nonces, so that keys can be replaced one after the other. A key must have at least
// 32 bytes. The audience separates APIs with the same keys: a nonce of one API is not accepted by a
// different API.
func NewNonces(period time.Duration, audience string, keys ...[]byte) *Nonces {
	n := &Nonces{period: period}
	for _, key := range keys {
		n.keys = append(n.keys, code(key, []byte("bearer DPoP nonce\x00"+audience)))
	}
	return n
}

// Make returns a nonce for the period of now.
func (n *Nonces) Make(now time.Time) string {
	nonce := make([]byte, periodBytes+randomBytes, nonceBytes)
	binary.BigEndian.PutUint64(nonce, n.number(now))
	_, _ = rand.Read(nonce[periodBytes:]) // it never returns an error
	return base64.RawURLEncoding.EncodeToString(append(nonce, code(n.keys[0], nonce)[:codeBytes]...))
}

// Check reports whether nonce was made with one of the keys in the period of now, in the period
// before it, or in the period after it. The last case is for a nonce of a replica whose clock is
// ahead. The result current is false if a valid nonce is from the period before.
func (n *Nonces) Check(nonce string, now time.Time) (valid, current bool) {
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceBytes) {
		return false, false
	}
	decoded, err := jws.Decode(nil, []byte(nonce))
	if err != nil {
		return false, false
	}
	signed, got := decoded[:periodBytes+randomBytes], decoded[periodBytes+randomBytes:]
	period, number := binary.BigEndian.Uint64(signed), n.number(now)
	if period < number-1 || period > number+1 {
		return false, false
	}
	for _, key := range n.keys {
		if hmac.Equal(got, code(key, signed)[:codeBytes]) {
			return true, period >= number
		}
	}
	return false, false
}

// number returns the number of the period of now.
func (n *Nonces) number(now time.Time) uint64 {
	return uint64(max(now.UnixNano()/int64(n.period), 1))
}

func code(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}
