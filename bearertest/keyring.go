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

// keyring holds an issuer's published keys and its signing keys. The two are
// separate, so that an issuer can sign with a key that it does not publish. Real
// issuers do so when a rotation goes wrong.
type keyring struct {
	ready     bool // the keys of Options.Algorithms were generated
	published []*Key
	signing   map[string]*Key   // by algorithm
	borrowed  []*rsa.PrivateKey // Close returns them to the pool
}

// Keys returns the published keys, oldest first.
func (i *Issuer) Keys() []*Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	return slices.Clone(i.keys.published)
}

// SigningKey returns the key that signs with alg. If the issuer has no key for
// alg yet, SigningKey generates and publishes one. An empty alg means the first
// algorithm of Options.Algorithms. SigningKey panics if alg is not supported,
// as [NewKey] does.
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

// Rotate generates a key for the first algorithm of Options.Algorithms, appends
// the key to the published keys and returns it. The issuer signs with the new key
// from now on. The old key stays published until [Issuer.Withdraw].
func (i *Issuer) Rotate() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	return i.rotate(i.opts.Algorithms[0])
}

// Publish adds a key to the published keys; the issuer does not sign with it. A
// key with the same key ID and algorithm is not replaced: both are published.
func (i *Issuer) Publish(k *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.published = append(i.keys.published, k)
}

// Withdraw removes all keys with this key ID from the published keys. If the
// issuer signs with one of these keys, it continues to do so; [Issuer.SignWith]
// selects another key.
func (i *Issuer) Withdraw(kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.published = slices.DeleteFunc(slices.Clone(i.keys.published), func(k *Key) bool { return k.id == kid })
}

// SignWith makes k the signing key for its algorithm from now on. It does not
// publish k.
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
	must(err)
	return out
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, i.JWKS())
}

// makeKeys generates the keys of Options.Algorithms at the first use: an issuer
// that signs nothing generates no key. The caller holds i.mu.
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

// rotate publishes a new key for alg and signs with it. The caller holds i.mu.
func (i *Issuer) rotate(alg string) *Key {
	k := KeyFrom(generate(alg, i.ownRSAKey), alg, i.opts.KeyID())
	i.keys.published = append(slices.Clone(i.keys.published), k)
	i.keys.signing[alg] = k
	return k
}

// ownRSAKey borrows a key from the pool; Close returns it. A closed issuer
// generates a key of its own, because Close does not run again.
func (i *Issuer) ownRSAKey() *rsa.PrivateKey {
	if i.closed() {
		return generateRSA()
	}
	key := borrowRSAKey()
	i.keys.borrowed = append(i.keys.borrowed, key)
	return key
}
