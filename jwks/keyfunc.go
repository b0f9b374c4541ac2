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
// The function returns the same types of results as the function of keyfunc/v3. The function
// selects keys of this cache by the token's kid and alg. Like [Cache.Key], the function may
// fetch the key set, and then waits at most 2 s. No context can end the wait
// sooner. The function does not fetch for an expired token. For a cache of
// [Discover], or if Options.Issuer is set, it does not fetch for a token with a different
// "iss".
//
// If the issuer publishes new key material under an old kid, the function uses the new
// material only after the next refresh, because golang-jwt does not report a wrong
// signature to the function. The verifier of package bearer fetches the new material
// immediately.
//
// The function returns the errors of [Cache.Key], and an error if the token's kid is empty or
// not a string. golang-jwt wraps these errors, so errors.Is finds them.
func (c *Cache) Keyfunc() jwt.Keyfunc {
	ctx := context.Background()
	unused := jwkset.NewMemoryStorage()
	return func(token *jwt.Token) (any, error) {
		alg, _ := token.Header["alg"].(string)
		kid, hasKID, err := kidOf(token)
		if err != nil {
			return nil, err
		}
		var keys []*Key
		if c.core.worthFetching(token) {
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
		if hasKID && len(keys) == 1 {
			return answer.Keyfunc(token)
		}
		return answer.VerificationKeySet(ctx)
	}
}

// kidOf returns the kid of the token. The result hasKID reports whether the token has a kid.
func kidOf(token *jwt.Token) (kid string, hasKID bool, err error) {
	v, hasKID := token.Header[jwkset.HeaderKID]
	kid, ok := v.(string)
	if hasKID && (!ok || kid == "") {
		return "", true, errors.New("jwks: the token's kid is empty or not a string")
	}
	return kid, hasKID, nil
}

// worthFetching reports whether a fetch for the token is allowed. The token must not have
// expired. If Options.Issuer is set, the "iss" of the token must be equal to
// Options.Issuer.
func (c *core) worthFetching(token *jwt.Token) bool {
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

// storage is a jwkset.Storage with the keys that fit one token. Package keyfunc calls only the
// methods KeyRead and KeyReadAll. The embedded Storage is empty,
// and has the remaining methods of the interface jwkset.Storage.
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
