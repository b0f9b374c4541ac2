package memory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
)

// Digest is a keyed digest of a token's whole text. The memory stores it in place of the
// token.
type Digest [sha256.Size]byte

// digester makes digests under a random key that never leaves the process. It is
// safe for concurrent use.
//
// The digest is the tag of AES-256-GCM over the token as additional data, with no
// plaintext: GMAC, and always with the same nonce. As a message authentication
// code that would be broken, since whoever sees two tags of one nonce learns about
// the key (Joux, 2006). Here nobody sees a tag. It stays inside of the process and
// answers one question: is this token the one that was verified? With one nonce
// the tag is GHASH(token) xor a constant, and so the answer is whether two GHASH
// values are equal under a secret random point of GF(2^128). Two given tokens of
// 16 KiB at most are equal for 1027 of its 2^128 values at most (GHASH is an
// almost universal hash: McGrew and Viega, 2004). That is also the bound for an
// attacker who chooses tokens by earlier answers: each "no" rules out that many
// points and says nothing more. 2^60 guesses against 2^20 remembered tokens
// succeed with a probability of 2^-38.
//
// Nor would a collision be worth much: to make one, even for somebody who has
// learned the key by its traces in time, takes the remembered token itself, or 128
// bits of it guessed. Who has the token has no need to forge it.
//
// hash/maphash is as fast and promises nothing against chosen texts. SHA-256
// costs six times as much. Where FIPS 140-3 mode is on, which knows no GCM with a
// nonce of ours, the digest is HMAC-SHA-256 all the same.
type digester struct {
	gcm  cipher.AEAD
	hmac sync.Pool // of hash.Hash, where gcm is nil
}

// nonce is the one of all digests: see digester.
var nonce [12]byte

func newDigester() *digester {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error
	d := &digester{}
	d.hmac.New = func() any { return hmac.New(sha256.New, key) }
	if fips140.Enabled() {
		return d
	}
	if block, err := aes.NewCipher(key); err == nil {
		d.gcm, _ = cipher.NewGCM(block) // without it there is HMAC
	}
	return d
}

// sum sets out to the digest of token. What it is set to without GCM has 32 bytes,
// and 16 bytes and zeros with it.
func (d *digester) sum(out *Digest, token []byte) {
	if d.gcm != nil {
		d.gcm.Seal(out[:0], nonce[:], nil, token) //nolint:gosec // G407, one nonce: see digester
		return
	}
	h, _ := d.hmac.Get().(hash.Hash)
	h.Reset()
	h.Write(token)
	h.Sum(out[:0])
	d.hmac.Put(h)
}
