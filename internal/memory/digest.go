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

// digester computes digests with a random key that never leaves the process. It is safe for
// concurrent use.
//
// The digest is a GMAC with a fixed nonce. A GMAC is the tag of AES-256-GCM for an empty
// plaintext; the token is the additional data. Usually, a GMAC must not use a nonce twice,
// because two tags with the same nonce reveal information about the key (Joux, 2006). Here
// an attacker sees no tag, because tags never leave the process. An attacker can only learn
// whether a token is equal to a stored token.
//
// With a fixed nonce, the tag is GHASH(token) xor a constant. Two tags are equal if and
// only if the GHASH values of the two tokens are equal. A GHASH value is the value of a
// polynomial at a secret random point of GF(2^128). For two different tokens of at most 16
// KiB, the GHASH values are equal at no more than 1027 of the 2^128 points, because GHASH
// is an almost universal hash (McGrew and Viega, 2004). This limit holds even if an attacker
// learns for each token whether it is equal to a stored token, and then chooses the next
// token. Each answer "no" excludes at most 1027 points per stored token, and reveals nothing
// else. With 2^60 guesses against 2^20 stored tokens, an attacker succeeds with a
// probability of about 2^-38.
//
// Suppose that an attacker learned the key through a timing side channel. To construct a
// collision, this attacker also needs the stored token, or must guess 128 bits. An attacker
// who has the stored token can send it, and does not need a collision.
//
// hash/maphash is as fast as the GMAC, but gives no guarantee if an attacker chooses the
// inputs. SHA-256 takes six times as long as the GMAC. FIPS 140-3 mode does not allow GCM
// with a nonce that the caller chooses. In this mode, the digest is HMAC-SHA-256.
type digester struct {
	gcm  cipher.AEAD // nil in FIPS 140-3 mode, or after an error; sum then uses HMAC
	hmac sync.Pool   // holds values of type hash.Hash
}

// nonce is the fixed nonce of all digests. The comment on digester explains why a fixed
// nonce is safe here.
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
		d.gcm, _ = cipher.NewGCM(block)
	}
	return d
}

// sum writes the digest of token to out. If the digest is an HMAC, it has 32 bytes. If the
// digest is a GCM tag, it has 16 bytes. Then sum does not change the last 16 bytes of out,
// and the caller must set these bytes to zero.
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
