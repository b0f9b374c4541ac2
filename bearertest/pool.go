package bearertest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// rsaPool lends RSA keys to issuers. Making one costs more than most tests:
// a process keeps those of closed issuers for the next ones. No two open
// issuers ever have the same key, or tests that mix issuers up would pass.
var rsaPool struct {
	mu   sync.Mutex // guards idle
	idle []*rsa.PrivateKey
}

// forgerKey belongs to no issuer and signs every forgery of the process.
var forgerKey = sync.OnceValue(generateRSA)

const rsaBits = 2048 // the least that RFC 7518, section 3.3, allows

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
	must(err)
	return key
}
