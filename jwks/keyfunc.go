package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// Keyfunc returns the cache as golang-jwt's parser takes it:
//
//	token, err := jwt.Parse(raw, cache.Keyfunc(), jwt.WithValidMethods([]string{"RS256"}))
//
// It is keyfunc/v3 over this cache: one line to change for who uses keyfunc. Keys
// are chosen by kid and alg. A token that has expired, or whose "iss" is not
// Options.Issuer where that is given, causes no fetch. New key material under an
// old kid is noticed at the next refresh only, because a jwt.Keyfunc is not told
// that a signature is wrong; package bearer's verifier notices at once. Errors
// are those of [Cache.Key], wrapped by golang-jwt for errors.Is.
func (c *Cache) Keyfunc() jwt.Keyfunc { return c.KeyfuncCtx(context.Background()) }

// KeyfuncCtx is Keyfunc for one request: waiting for a fetch ends with ctx.
func (c *Cache) KeyfuncCtx(ctx context.Context) jwt.Keyfunc {
	rest := jwkset.NewMemoryStorage()
	return func(token *jwt.Token) (any, error) {
		alg, _ := token.Header["alg"].(string)
		kid, named, err := kidOf(token)
		if err != nil {
			return nil, err
		}
		var keys []*Key
		if c.worthFetching(token) {
			keys, err = c.Key(ctx, kid, alg)
		} else {
			keys, err = c.Lookup(kid, alg)
		}
		if err != nil {
			return nil, err
		}
		door, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage{rest, keys}})
		if err != nil {
			return nil, err
		}
		if named && len(keys) == 1 {
			return door.Keyfunc(token)
		}
		return door.VerificationKeySet(ctx)
	}
}

// kidOf returns the token's kid, and whether it has one.
func kidOf(token *jwt.Token) (kid string, named bool, err error) {
	v, named := token.Header[jwkset.HeaderKID]
	kid, ok := v.(string)
	if named && (!ok || kid == "") {
		return "", true, errors.New("jwks: the token's kid is not a name")
	}
	return kid, named, nil
}

// worthFetching reports whether nothing that the token says of itself refuses it
// already.
func (c *Cache) worthFetching(token *jwt.Token) bool {
	if token.Claims == nil {
		return true
	}
	if exp, err := token.Claims.GetExpirationTime(); err != nil || exp != nil && !exp.After(time.Now()) {
		return false
	}
	if c.opts.Issuer == "" {
		return true
	}
	iss, err := token.Claims.GetIssuer()
	return err == nil && iss == c.opts.Issuer
}

// storage is a jwkset.Storage of what was found for one token: keyfunc asks by
// kid alone, or for everything, and so sees only keys that fit. What it does not
// ask for is that of an empty store.
type storage struct {
	jwkset.Storage
	keys []*Key
}

// KeyRead returns the key of this kid.
func (s storage) KeyRead(_ context.Context, kid string) (jwkset.JWK, error) {
	for _, key := range s.keys {
		if key.id == kid {
			return key.jwk, nil
		}
	}
	return jwkset.JWK{}, fmt.Errorf("%w: %w", jwkset.ErrKeyNotFound, ErrUnknownKey)
}

// KeyReadAll returns all keys that may verify the token.
func (s storage) KeyReadAll(context.Context) ([]jwkset.JWK, error) {
	jwks := make([]jwkset.JWK, len(s.keys))
	for i, key := range s.keys {
		jwks[i] = key.jwk
	}
	return jwks, nil
}
