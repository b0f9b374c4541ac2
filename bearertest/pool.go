package bearertest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// rsaPool holds the RSA keys of closed issuers, and new issuers reuse these
// keys. The generation of an RSA key takes longer than most tests. Two open
// issuers never have the same key, because tests must detect a verifier that
// confuses issuers.
var rsaPool struct {
	mu   sync.Mutex // guards idle
	idle []*rsa.PrivateKey
}

// forgerKey signs all forged RSA tokens of the process. No issuer owns it.
var forgerKey = sync.OnceValue(generateRSA)

const rsaBits = 2048 // the minimum of RFC 7518, section 3.3

func borrowRSAKey() *rsa.PrivateKey {
	rsaPool.mu.Lock()
	if last := len(rsaPool.idle) - 1; last >= 0 {
		key := rsaPool.idle[last]
		rsaPool.idle = rsaPool.idle[:last]
		rsaPool.mu.Unlock()
		return key
	}
	rsaPool.mu.Unlock()
	return generateRSA()
}

func returnRSAKeys(keys []*rsa.PrivateKey) {
	rsaPool.mu.Lock()
	defer rsaPool.mu.Unlock()
	rsaPool.idle = append(rsaPool.idle, keys...)
}

func generateRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	panicIfError(err)
	return key
}
