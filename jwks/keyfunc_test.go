package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/jwks"
)

// sign returns a token; kid nil leaves the header out.
func sign(t *testing.T, method jwt.SigningMethod, key crypto.PrivateKey, kid any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != nil {
		token.Header["kid"] = kid
	}
	raw, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestKeyfunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, other := newEC(elliptic.P256()), newEC(elliptic.P256()), newEC(elliptic.P256())
		edPublic, ed, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		i := newIssuer(
			public("a", a.Public()), public("two", other.Public()), public("two", b.Public()),
			public("r", rsaPrivate().Public()).with("alg", "RS256"), public("e", edPublic).with("alg", "Ed25519"),
			jwk{"kty": "oct", "kid": "s", "k": b64([]byte("secret"))},
		)
		c := newCache(t, i)
		good := jwt.MapClaims{"iss": "https://issuer.test", "exp": time.Now().Add(time.Hour).Unix()}
		for _, tt := range []struct {
			name   string
			method jwt.SigningMethod
			key    crypto.PrivateKey
			kid    any
			want   error // nil: accepted
		}{
			{"by kid", jwt.SigningMethodES256, a, "a", nil},
			{"two keys under one kid", jwt.SigningMethodES256, b, "two", nil},
			{"the other of them", jwt.SigningMethodES256, other, "two", nil},
			{"without kid, one fits", jwt.SigningMethodRS256, rsaPrivate(), nil, nil},
			{"Ed25519", jwt.SigningMethodEdDSA, ed, "e", nil},
			{"without kid, Ed25519", jwt.SigningMethodEdDSA, ed, nil, nil},
			{"without kid, several fit", jwt.SigningMethodES256, a, nil, jwks.ErrUnknownKey},
			{"without kid, alg of no key", jwt.SigningMethodPS256, rsaPrivate(), nil, jwks.ErrUnknownKey},
			{"alg against the key's", jwt.SigningMethodPS256, rsaPrivate(), "r", jwks.ErrUnknownKey},
			{"wrong key", jwt.SigningMethodES256, b, "a", jwt.ErrTokenSignatureInvalid},
			{"wrong key of two", jwt.SigningMethodES256, a, "two", jwt.ErrTokenSignatureInvalid},
			{"symmetric", jwt.SigningMethodHS256, []byte("secret"), "s", jwks.ErrUnknownKey},
			{"symmetric with a public key", jwt.SigningMethodHS256, []byte(edPublic), "e", jwks.ErrUnknownKey},
			{"unsigned", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "a", jwks.ErrUnknownKey},
			{"kid a number", jwt.SigningMethodES256, a, 7, jwt.ErrTokenUnverifiable},
			{"kid empty", jwt.SigningMethodES256, a, "", jwt.ErrTokenUnverifiable},
		} {
			_, err := jwt.Parse(sign(t, tt.method, tt.key, tt.kid, good), c.Keyfunc())
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
		}
		want(t, "fetches", i.fetches(), 3) // two for what no key fits
	})
}

// A kid that is no name is not one that is left out.
func TestKeyfuncOddKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newEC(elliptic.P256())
		c := newCache(t, newIssuer(public("", key.Public()).with("kid", nil)))
		for _, kid := range []any{7, "", true, []string{"a"}} {
			_, err := jwt.Parse(sign(t, jwt.SigningMethodES256, key, kid, nil), c.Keyfunc())
			wantText(t, err, "the token's kid is not a name")
		}
		if _, err := jwt.Parse(sign(t, jwt.SigningMethodES256, key, nil, nil), c.Keyfunc()); err != nil {
			t.Errorf("without a kid: %v", err)
		}
	})
}

// Only a token that could be good is worth a fetch.
func TestKeyfuncFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		c := newCache(t, i)
		next := newEC(elliptic.P256())
		i.publish(public("b", next.Public()))
		parse := func(claims jwt.MapClaims) error {
			_, err := jwt.Parse(sign(t, jwt.SigningMethodES256, next, "b", claims), c.Keyfunc())
			return err
		}
		hour := func(n int) int64 { return time.Now().Add(time.Duration(n) * time.Hour).Unix() }
		for name, claims := range map[string]jwt.MapClaims{
			"expired":      {"iss": "https://issuer.test", "exp": hour(-1)},
			"exp a string": {"iss": "https://issuer.test", "exp": "soon"},
			"other issuer": {"iss": "https://other.test", "exp": hour(1)},
			"no issuer":    {"exp": hour(1)},
		} {
			if err := parse(claims); !errors.Is(err, jwks.ErrUnknownKey) {
				t.Errorf("%s: got %v, want an unknown key", name, err)
			}
		}
		want(t, "fetches for tokens that cannot be good", i.fetches(), 1)
		if err := parse(jwt.MapClaims{"iss": "https://issuer.test", "exp": hour(1)}); err != nil {
			t.Errorf("good token: %v", err)
		}
		want(t, "fetches", i.fetches(), 2)

		i.set(func(i *issuer) { i.down = true })
		time.Sleep(13 * time.Hour)
		err := parse(jwt.MapClaims{"iss": "https://issuer.test", "exp": hour(1)})
		if _, ok := errorAs(err); !ok || !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("after MaxStale: got %v, want ErrUnavailable", err)
		}
	})
}

// A token that names one key gets that key, as from keyfunc: there are callers that
// are no parser and look at its type. Any other token gets those to try.
func TestKeyfuncAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, two, three := newEC(elliptic.P256()), newEC(elliptic.P256()), newEC(elliptic.P256())
		e, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		answer := newCache(t, newIssuer(public("a", a.Public()), public("two", two.Public()), public("two", three.Public()), public("e", e))).Keyfunc()
		good := jwt.MapClaims{"iss": "https://issuer.test", "exp": time.Now().Add(time.Hour).Unix()}
		got, err := answer(&jwt.Token{Header: map[string]any{"alg": "ES256", "kid": "a"}, Claims: good})
		if key, ok := got.(*ecdsa.PublicKey); err != nil || !ok || !key.Equal(a.Public()) {
			t.Errorf("by kid: got %T, %v, want the key itself", got, err)
		}
		for name, row := range map[string]struct {
			header map[string]any
			keys   int
		}{
			"two of one kid": {map[string]any{"alg": "ES256", "kid": "two"}, 2},
			"without kid":    {map[string]any{"alg": "EdDSA"}, 1},
		} {
			got, err := answer(&jwt.Token{Header: row.header, Claims: good})
			if set, ok := got.(jwt.VerificationKeySet); err != nil || !ok || len(set.Keys) != row.keys {
				t.Errorf("%s: got %T, %v, want a set of %d", name, got, err, row.keys)
			}
		}
	})
}
