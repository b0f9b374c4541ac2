package scalekit

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

const keyAlgorithm = "RS256"

// signingKey describes a key of the environment. The API returns keys in this form.
type signingKey struct {
	ID      string `json:"kid"`
	Status  string `json:"status"` // "signing" or "published"
	Created string `json:"create_time"`
	created time.Time
}

// newKeyID implements bearertest.Options.KeyID. It records the time of creation of the key.
func (env *Environment) newKeyID() string {
	id := env.store.ids.nextID("snk_")
	env.keyTimes.Store(id, time.Now().UTC())
	return id
}

// keys returns all keys in the key set. The signing key is one of these keys. The oldest key
// is first.
func (env *Environment) keys() []signingKey {
	signing := env.issuer.SigningKey("").ID()
	var out []signingKey
	for _, k := range env.issuer.Keys() {
		created := env.keyTime(k.ID())
		shown := signingKey{ID: k.ID(), Status: "published", Created: timestamp(created), created: created}
		if k.ID() == signing {
			shown.Status = "signing"
		}
		out = append(out, shown)
	}
	return out
}

func (env *Environment) keyTime(id string) time.Time {
	made, _ := env.keyTimes.Load(id)
	at, _ := made.(time.Time)
	return at
}

// addKey publishes a new key that does not sign yet.
func (env *Environment) addKey() (string, error) {
	k := bearertest.NewKey(keyAlgorithm, env.newKeyID())
	err := env.changeKeys(func() error {
		env.issuer.Publish(k)
		return nil
	}, func() { env.issuer.Withdraw(k.ID()) })
	return k.ID(), err
}

// promoteKey makes a published key the signing key.
func (env *Environment) promoteKey(id string) error {
	var previous *bearertest.Key
	return env.changeKeys(func() error {
		for _, k := range env.issuer.Keys() {
			if k.ID() == id {
				previous = env.issuer.SigningKey("")
				env.issuer.SignWith(k)
				return nil
			}
		}
		return errKeyNotFound()
	}, func() { env.issuer.SignWith(previous) })
}

// retireKey removes a key from the key set. The signing key cannot be retired.
func (env *Environment) retireKey(id string) error {
	var gone *bearertest.Key
	return env.changeKeys(func() error {
		if env.issuer.SigningKey("").ID() == id {
			return &apiError{code: codeFailedPrecondition, message: "the signing key cannot be retired; first promote a different key"}
		}
		for _, k := range env.issuer.Keys() {
			if k.ID() == id {
				gone = k
				env.issuer.Withdraw(id)
				return nil
			}
		}
		return errKeyNotFound()
	}, func() { env.issuer.Publish(gone) })
}

// RotateKey publishes a new key and makes the new key the signing key. The previous
// signing key stays published, so tokens that the previous key signed stay valid.
func (env *Environment) RotateKey() (id string, err error) {
	if id, err = env.addKey(); err != nil {
		return "", err
	}
	return id, env.promoteKey(id)
}

// changeKeys calls the function apply and saves the state. If the state cannot be saved,
// changeKeys calls the function undo.
func (env *Environment) changeKeys(apply func() error, undo func()) error {
	return env.store.update(func(c *change) error {
		if err := apply(); err != nil {
			return err
		}
		c.undo = append(c.undo, undo)
		return nil
	})
}

func errKeyNotFound() error { return &apiError{code: codeNotFound, message: "key not found"} }

// savedKeys returns the keys in the form of the state file.
func (env *Environment) savedKeys() ([]savedKey, error) {
	signing := env.issuer.SigningKey("")
	var out []savedKey
	for _, k := range env.issuer.Keys() {
		if k.Algorithm() != keyAlgorithm {
			continue // a test added this key, and the state file does not contain such keys
		}
		saved, err := saveKey(k, env.keyTime(k.ID()), k.ID() == signing.ID())
		if err != nil {
			return nil, err
		}
		out = append(out, saved)
	}
	return out, nil
}

// restoreKeys replaces the issuer's generated keys with the saved keys.
func (env *Environment) restoreKeys(saved []savedKey) error {
	signing := 0
	keys := make([]*bearertest.Key, len(saved))
	for n, one := range saved {
		signer, err := parseKey(one.PKCS8)
		if err != nil {
			return fmt.Errorf("key %s: %w", one.ID, err)
		}
		keys[n] = bearertest.KeyFrom(signer, keyAlgorithm, one.ID)
		if one.Signing {
			signing++
		}
	}
	if signing != 1 {
		return fmt.Errorf("got %d signing keys, want exactly 1 signing key", signing)
	}
	own := env.issuer.Keys()
	for n, k := range keys {
		env.issuer.Publish(k)
		env.keyTimes.Store(k.ID(), saved[n].Created)
		if saved[n].Signing {
			env.issuer.SignWith(k)
		}
	}
	for _, k := range own {
		env.issuer.Withdraw(k.ID())
	}
	return nil
}

func parseKey(encoded []byte) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(encoded)
	if err != nil {
		return nil, errors.New("not a PKCS #8 private key")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("got a %T, want an RSA private key", parsed)
	}
	return key, nil
}
