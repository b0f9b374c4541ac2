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

// keyring is what an issuer signs with and what it shows. The two are apart so
// that an issuer can sign with a key it does not publish, as issuers do when
// a rotation goes wrong.
type keyring struct {
	ready     bool // the keys of Options.Algorithms are made
	published []*Key
	signing   map[string]*Key   // by algorithm
	borrowed  []*rsa.PrivateKey // to be returned to the pool by Close
}

// Keys returns the published keys, oldest first.
func (i *Issuer) Keys() []*Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	return slices.Clone(i.keys.published)
}

// SigningKey returns the key that signs with alg. If the issuer has none yet,
// one is made and published. An empty alg stands for the first one of
// Options.Algorithms. It panics on an algorithm that no key signs with.
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

// Rotate makes a key for the first one of Options.Algorithms, publishes it
// behind the others, signs with it from now on and returns it. The key before
// it stays published until it is withdrawn.
func (i *Issuer) Rotate() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	return i.rotate(i.opts.Algorithms[0])
}

// Publish adds a key to the published ones, without signing with it. A key
// with the same key ID and algorithm is not replaced: both are published.
func (i *Issuer) Publish(k *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.published = append(i.keys.published, k)
}

// Withdraw removes the keys of this key ID from the published ones. Where one
// of them signs, it goes on signing: see [Issuer.SignWith].
func (i *Issuer) Withdraw(kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.makeKeys()
	i.keys.published = slices.DeleteFunc(slices.Clone(i.keys.published), func(k *Key) bool { return k.id == kid })
}

// SignWith signs with k from now on what is to be signed with its algorithm,
// whether k is published or not.
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

// makeKeys makes the keys of Options.Algorithms when one is first needed: an
// issuer that signs nothing costs nothing. The caller holds i.mu.
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

// ownRSAKey takes a key from the pool and notes that it is to be given back. A
// closed issuer gives nothing back any more, so it takes nothing either.
func (i *Issuer) ownRSAKey() *rsa.PrivateKey {
	if i.closed() {
		return generateRSA()
	}
	key := borrowRSAKey()
	i.keys.borrowed = append(i.keys.borrowed, key)
	return key
}
