package scalekit

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"time"
)

const (
	secretPrefix   = "test_"
	secretLength   = 64
	secretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	suffixLength   = 4
)

// secret is a stored client secret. It has a hash of the secret, to compare with, and the
// last characters, so that administrators can tell secrets apart.
type secret struct {
	id       string
	hash     [sha256.Size]byte
	suffix   string
	active   bool
	created  time.Time
	updated  time.Time
	lastUsed time.Time
}

// Numbers of the vendor's ClientSecretStatus.
const (
	secretActive = iota
	secretInactive
)

// secretStatusNames returns the names of the vendor's ClientSecretStatus, indexed by
// number.
func secretStatusNames() []string { return []string{"ACTIVE", "INACTIVE"} }

func (s secret) status() int {
	if s.active {
		return secretActive
	}
	return secretInactive
}

// newSecret returns a new secret and its plain text, which must not be stored.
func newSecret(id string, now time.Time) (secret, string) {
	plain := secretPrefix + randomText(secretLength)
	return secret{
		id:       id,
		active:   true,
		created:  now.Truncate(time.Millisecond),
		updated:  now,
		lastUsed: now.Truncate(time.Millisecond),
	}.withPlain(plain), plain
}

// withPlain returns the secret with the hash and the suffix of a plain text.
func (s secret) withPlain(plain string) secret {
	s.hash = sha256.Sum256([]byte(plain))
	s.suffix = plain[max(0, len(plain)-suffixLength):]
	return s
}

// matches reports whether the secret is active and has this hash. It compares in constant
// time.
func (s secret) matches(hash [sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(hash[:], s.hash[:]) == 1 && s.active
}

// randomText returns n random letters and digits, uniformly distributed.
func randomText(n int) string {
	const limit = 256 - 256%len(secretAlphabet) // larger bytes are dropped, so that all letters are equally likely
	text := make([]byte, 0, n)
	for len(text) < n {
		var batch [2 * secretLength]byte
		_, _ = rand.Read(batch[:]) // never returns an error
		for _, b := range batch {
			if int(b) < limit && len(text) < n {
				text = append(text, secretAlphabet[int(b)%len(secretAlphabet)])
			}
		}
	}
	return string(text)
}
