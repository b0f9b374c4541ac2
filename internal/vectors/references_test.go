package vectors_test

import (
	"crypto"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/jwks"
)

// algorithms lists all algorithms that bearer supports.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}

// reference is a library. The tests compare bearer with this library. The function verify
// uses the same key set as bearer, and selects keys by kid and alg.
type reference struct {
	name string
	// verify adds leeway to the tolerance of nbf and iat, which is 60 s, and to that of exp.
	verify func(token string, keys *jwks.Set, issuer string, audience []string, now time.Time, leeway time.Duration) error
}

var references = []reference{{"golang-jwt", golangJWT}, {"go-jose", goJOSE}}

// candidates returns the keys that may verify a token with this kid and alg.
func candidates(keys *jwks.Set, kid, alg string) ([]crypto.PublicKey, error) {
	found, err := keys.Lookup(kid, alg)
	if err != nil {
		return nil, err
	}
	list := make([]crypto.PublicKey, len(found))
	for i, key := range found {
		list[i] = key.Public()
	}
	return list, nil
}

func golangJWT(token string, keys *jwks.Set, issuer string, audience []string, now time.Time, leeway time.Duration) error {
	_, err := jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithIssuer(issuer), jwt.WithAudience(audience...), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(time.Minute+leeway), jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithStrictDecoding(), jwt.WithJSONNumber(),
	).Parse(token, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string) // "" if the header has no kid
		found, err := candidates(keys, kid, t.Method.Alg())
		set := jwt.VerificationKeySet{}
		for _, key := range found {
			set.Keys = append(set.Keys, key)
		}
		return set, err
	})
	return err
}

func goJOSE(token string, keys *jwks.Set, issuer string, audience []string, now time.Time, leeway time.Duration) error {
	accepted := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, alg := range algorithms {
		accepted[i] = jose.SignatureAlgorithm(alg)
	}
	parsed, err := josejwt.ParseSigned(token, accepted)
	if err != nil {
		return err
	}
	found, err := candidates(keys, parsed.Headers[0].KeyID, parsed.Headers[0].Algorithm)
	if err != nil {
		return err
	}
	err = errors.New("no key")
	for _, key := range found {
		var claims josejwt.Claims
		if err = parsed.Claims(key, &claims); err == nil {
			return claims.ValidateWithLeeway(josejwt.Expected{Issuer: issuer, AnyAudience: audience, Time: now}, time.Minute+leeway)
		}
	}
	return err
}

// settingsOf returns the key set, the issuer and the audience of a verifier.
func settingsOf(s *conformance.Settings) (*jwks.Set, string, []string, error) {
	keys, err := jwks.Parse(s.Keys)
	return keys, s.Issuer, s.Audience, err
}
