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

// Digest is a keyed digest of a token's whole text. The index stores digests instead of
// tokens.
type Digest [sha256.Size]byte

// digester computes digests under a random key that never leaves the process. It is
// safe for concurrent use.
//
// The digest is the tag of AES-256-GCM with the token as additional data and no
// plaintext: GMAC, always with the same nonce. A message authentication code must not
// reuse a nonce, because two tags under one nonce reveal information about the key
// (Joux, 2006). Here an attacker sees no tag: tags never leave the process. They answer
// one question only: is this token equal to a stored token? With a fixed nonce the tag
// is GHASH(token) xor a constant, so two tags are equal if and only if their GHASH
// values are equal under a secret random point of GF(2^128). For two given tokens of at
// most 16 KiB this holds for at most 1027 of the 2^128 points: GHASH is an almost
// universal hash (McGrew and Viega, 2004). The bound also holds for an attacker who
// chooses each token after the answer to the last one: each answer "no" rules out at most
// 1027 points per stored token and reveals nothing else. 2^60 guesses against 2^20 stored
// tokens succeed with probability 2^-38.
//
// A collision has little value. An attacker who learned the key through a timing side
// channel still needs the stored token to construct a collision, or must guess 128 of its
// bits. An attacker who has the token does not need a collision.
//
// hash/maphash is as fast, but gives no guarantee against chosen inputs. SHA-256 takes
// six times as long. FIPS 140-3 mode does not allow GCM with a nonce chosen by the
// caller; in this mode, the digest is HMAC-SHA-256.
type digester struct {
	gcm  cipher.AEAD // nil in FIPS 140-3 mode
	hmac sync.Pool   // of hash.Hash, used if gcm is nil
}

// nonce is the fixed nonce of all digests: see digester.
var nonce [12]byte

func newDigester() *digester {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // rand.Read never returns an error
	d := &digester{}
	d.hmac.New = func() any { return hmac.New(sha256.New, key) }
	if fips140.Enabled() {
		return d
	}
	if block, err := aes.NewCipher(key); err == nil {
		d.gcm, _ = cipher.NewGCM(block) // after an error gcm stays nil, and sum uses HMAC
	}
	return d
}

// sum sets out to the digest of token: 32 bytes of an HMAC, or 16 bytes of a GCM tag. It
// does not change the other 16 bytes of out, which must be zero.
func (d *digester) sum(out *Digest, token []byte) {
	if d.gcm != nil {
		d.gcm.Seal(out[:0], nonce[:], nil, token) //nolint:gosec // G407: the nonce is fixed on purpose, see digester
		return
	}
	h, _ := d.hmac.Get().(hash.Hash)
	h.Reset()
	h.Write(token)
	h.Sum(out[:0])
	d.hmac.Put(h)
}
