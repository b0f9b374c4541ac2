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

// secret is a client secret as it is kept: enough to know it again, and the
// end of it for people to tell it from others.
type secret struct {
	id       string
	hash     [sha256.Size]byte
	suffix   string
	active   bool
	created  time.Time
	updated  time.Time
	lastUsed time.Time
}

// The numbers of the vendor's ClientSecretStatus.
const (
	secretActive = iota
	secretInactive
)

// secretStatusNames returns the names of the vendor's ClientSecretStatus by
// their numbers.
func secretStatusNames() []string { return []string{"ACTIVE", "INACTIVE"} }

func (s secret) status() int {
	if s.active {
		return secretActive
	}
	return secretInactive
}

// newSecret returns a secret and its plain text, which is not to be kept.
func newSecret(id string, now time.Time) (secret, string) {
	plain := secretPrefix + randomText(secretLength)
	return secret{
		id:       id,
		active:   true,
		created:  now.Truncate(time.Millisecond),
		updated:  now,
		lastUsed: now.Truncate(time.Millisecond),
	}.of(plain), plain
}

// of returns the secret with what is kept of a plain text.
func (s secret) of(plain string) secret {
	s.hash = sha256.Sum256([]byte(plain))
	s.suffix = plain[max(0, len(plain)-suffixLength):]
	return s
}

// matches reports, in constant time, whether the secret has this hash and opens
// anything.
func (s secret) matches(hash [sha256.Size]byte) bool {
	return subtle.ConstantTimeCompare(hash[:], s.hash[:]) == 1 && s.active
}

// randomText returns n letters and digits, each as likely as any other.
func randomText(n int) string {
	const most = 256 - 256%len(secretAlphabet) // bytes from here on would favour the first letters
	text := make([]byte, 0, n)
	for len(text) < n {
		var batch [2 * secretLength]byte
		_, _ = rand.Read(batch[:]) // never fails: it ends the program instead
		for _, b := range batch {
			if int(b) < most && len(text) < n {
				text = append(text, secretAlphabet[int(b)%len(secretAlphabet)])
			}
		}
	}
	return string(text)
}
