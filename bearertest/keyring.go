package bearertest

import (
	"crypto/rsa"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	keysPath      = "/keys"
	keysAliasPath = "/.well-known/jwks.json"
)

// A keyring holds the published keys and the signing keys of an issuer in
// separate fields. So an issuer can sign with a key that it does not publish.
// Real issuers do this when a key rotation fails.
type keyring struct {
	ready     bool // true after the keys for Options.Algorithms were generated
	published []*Key
	signing   map[string]*Key   // maps an algorithm to its signing key
	borrowed  []*rsa.PrivateKey // Close returns these keys to the pool
}

// Keys returns the published keys. The oldest key comes first.
func (i *Issuer) Keys() []*Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	return slices.Clone(i.keys.published)
}

// SigningKey returns the signing key for alg. If the issuer has no key for alg,
// SigningKey generates and publishes a key. An empty alg means the first
// algorithm of Options.Algorithms. SigningKey panics if alg is not supported.
func (i *Issuer) SigningKey(alg string) *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	if alg == "" {
		alg = i.opts.Algorithms[0]
	}
	if i.keys.signing[alg] == nil {
		i.rotate(alg)
	}
	return i.keys.signing[alg]
}

// Rotate generates a key for the first algorithm of Options.Algorithms. It
// appends the key to the published keys and returns it. After Rotate returns,
// the issuer signs with the new key. The old key stays published until you call
// [Issuer.Withdraw].
func (i *Issuer) Rotate() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	return i.rotate(i.opts.Algorithms[0])
}

// Publish adds a key to the published keys. The issuer does not sign with this
// key. If a published key has the same key ID and algorithm, both keys are
// published.
func (i *Issuer) Publish(k *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.published = append(i.keys.published, k)
}

// Withdraw removes all keys with this key ID from the published keys. If the
// issuer signs with one of these keys, it continues to sign with the key. To
// select a different key, call [Issuer.SignWith].
func (i *Issuer) Withdraw(kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.published = slices.DeleteFunc(slices.Clone(i.keys.published), func(k *Key) bool { return k.id == kid })
}

// SignWith makes k the signing key for the algorithm of k. It does not publish
// k.
func (i *Issuer) SignWith(k *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.signing[k.alg] = k
}

// JWKS returns the key set that the issuer publishes (RFC 7517, section 5).
func (i *Issuer) JWKS() []byte {
	keys := i.Keys()
	set := struct {
		Keys []jsontext.Value `json:"keys"`
	}{make([]jsontext.Value, len(keys))}
	for n, k := range keys {
		set.Keys[n] = k.JWK()
	}
	out, err := json.Marshal(set)
	panicIfError(err)
	return out
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, i.JWKS())
}

// makeKeys generates the keys for Options.Algorithms when it is called the
// first time. So an issuer whose keys are not used generates no key. The caller
// must hold i.mu.
func (i *Issuer) makeKeys() {
	if i.keys.ready {
		return
	}
	i.keys.ready = true
	i.keys.signing = make(map[string]*Key)
	for _, alg := range i.opts.Algorithms {
		if i.keys.signing[alg] == nil {
			i.rotate(alg)
		}
	}
}

// rotate generates a key for alg, publishes the key, and makes it the signing
// key. The caller must hold i.mu.
func (i *Issuer) rotate(alg string) *Key {
	k := KeyFrom(generateKey(alg, i.ownRSAKey), alg, i.opts.KeyID())
	i.keys.published = append(slices.Clone(i.keys.published), k)
	i.keys.signing[alg] = k
	return k
}

// ownRSAKey borrows an RSA key from the pool. Close returns the key to the
// pool. After Close, ownRSAKey generates a new key, because no later call
// returns a borrowed key to the pool.
func (i *Issuer) ownRSAKey() *rsa.PrivateKey {
	if i.closed() {
		return generateRSA()
	}
	key := borrowRSAKey()
	i.keys.borrowed = append(i.keys.borrowed, key)
	return key
}
