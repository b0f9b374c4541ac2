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

// secret is a stored client secret. The hash is the SHA-256 hash of the plain text. The
// suffix is the end of the plain text. Administrators recognize a secret by the suffix.
type secret struct {
	id       string
	hash     [sha256.Size]byte
	suffix   string
	active   bool
	created  time.Time
	updated  time.Time
	lastUsed time.Time
}

// These constants are the numbers of the values of the vendor's ClientSecretStatus.
const (
	secretActive = iota
	secretInactive
)

// secretStatusNames returns the names that the vendor's ClientSecretStatus defines. The index
// of a name is the number of the value.
func secretStatusNames() []string { return []string{"ACTIVE", "INACTIVE"} }

func (s secret) status() int {
	if s.active {
		return secretActive
	}
	return secretInactive
}

// newSecret returns a new secret and the plain text of the secret. The environment must not
// store the plain text.
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

// withPlain returns a copy of the secret with the hash and the suffix of this plain text.
func (s secret) withPlain(plain string) secret {
	s.hash = sha256.Sum256([]byte(plain))
	s.suffix = plain[max(0, len(plain)-suffixLength):]
	return s
}

// hasHash reports whether the secret is active and has this hash. The comparison takes
// constant time.
func (s secret) hasHash(hash [sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(hash[:], s.hash[:]) == 1 && s.active
}

// randomText returns n random letters and digits. Each letter and each digit has the same
// probability.
func randomText(n int) string {
	const limit = 256 - 256%len(secretAlphabet) // bytes >= limit are ignored, because they make some characters more probable than others
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
