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

// Keyfunc returns the function that golang-jwt's parser calls to find a key:
//
//	token, err := jwt.Parse(raw, cache.Keyfunc(), jwt.WithValidMethods([]string{"RS256"}))
//
// The function behaves like the function of keyfunc/v3, but selects keys of this cache,
// by kid and alg. Like [Cache.Key], it may fetch, and then waits for 2 s at most. It has
// no context that can end the wait sooner. It does not fetch for a token that has expired.
// If Options.Issuer is set, it does not fetch for a token with another "iss" either.
//
// If the issuer publishes new key material under an old kid, the function uses the new
// material only after the next refresh, because golang-jwt does not report a wrong
// signature to the function. The verifier of package bearer fetches the new material
// immediately.
//
// The errors are those of [Cache.Key]. golang-jwt wraps them so that errors.Is finds
// them.
func (c *Cache) Keyfunc() jwt.Keyfunc {
	ctx := context.Background()
	unused := jwkset.NewMemoryStorage()
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
		answer, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage{unused, keys}})
		if err != nil {
			return nil, err
		}
		if named && len(keys) == 1 {
			return answer.Keyfunc(token)
		}
		return answer.VerificationKeySet(ctx)
	}
}

// kidOf returns the token's kid, and whether it has one.
func kidOf(token *jwt.Token) (kid string, named bool, err error) {
	v, named := token.Header[jwkset.HeaderKID]
	kid, ok := v.(string)
	if named && (!ok || kid == "") {
		return "", true, errors.New("jwks: the token's kid is empty or not a string")
	}
	return kid, named, nil
}

// worthFetching reports whether the token can be valid: it has not expired, and its "iss"
// is Options.Issuer, if that is set.
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

// storage is a jwkset.Storage with the keys that fit one token. keyfunc reads one key by
// its kid, or all keys. The embedded storage is empty. It has the methods that keyfunc
// does not call.
type storage struct {
	jwkset.Storage
	keys []*Key
}

// KeyRead returns the key with this kid.
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
