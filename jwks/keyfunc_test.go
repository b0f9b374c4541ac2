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

// The function sign returns a signed token. If kid is nil, the token has no kid.
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
		valid := jwt.MapClaims{"iss": "https://issuer.test", "exp": time.Now().Add(time.Hour).Unix()}
		for _, tt := range []struct {
			name   string
			method jwt.SigningMethod
			key    crypto.PrivateKey
			kid    any
			want   error // nil if the token is accepted
		}{
			{"token has the kid of one key", jwt.SigningMethodES256, a, "a", nil},
			{"token has the kid of two keys and is signed with the second key", jwt.SigningMethodES256, b, "two", nil},
			{"token has the kid of two keys and is signed with the first key", jwt.SigningMethodES256, other, "two", nil},
			{"token has no kid, and one key fits", jwt.SigningMethodRS256, rsaPrivate(), nil, nil},
			{"token is signed with an Ed25519 key", jwt.SigningMethodEdDSA, ed, "e", nil},
			{"token has no kid and is signed with an Ed25519 key", jwt.SigningMethodEdDSA, ed, nil, nil},
			{"token has no kid, several keys fit, and it is signed with the first key", jwt.SigningMethodES256, a, nil, nil},
			{"token has no kid, several keys fit, and it is signed with the last key", jwt.SigningMethodES256, b, nil, nil},
			{"token has no kid, several keys fit, and it is signed with a different key", jwt.SigningMethodES256, newEC(elliptic.P256()), nil, jwt.ErrTokenSignatureInvalid},
			{"token has no kid, and no key fits", jwt.SigningMethodPS256, rsaPrivate(), nil, jwks.ErrUnknownKey},
			{"token's alg differs from the key's alg", jwt.SigningMethodPS256, rsaPrivate(), "r", jwks.ErrUnknownKey},
			{"token is not signed with the key that has the token's kid", jwt.SigningMethodES256, b, "a", jwt.ErrTokenSignatureInvalid},
			{"token has the kid of two keys and is signed with a third key", jwt.SigningMethodES256, a, "two", jwt.ErrTokenSignatureInvalid},
			{"token is signed with HS256 and a published symmetric key", jwt.SigningMethodHS256, []byte("secret"), "s", jwks.ErrUnknownKey},
			{"token is signed with HS256, and the secret is a public key", jwt.SigningMethodHS256, []byte(edPublic), "e", jwks.ErrUnknownKey},
			{"token has no signature", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "a", jwks.ErrUnknownKey},
			{"kid is a number", jwt.SigningMethodES256, a, 7, jwt.ErrTokenUnverifiable},
			{"kid is empty", jwt.SigningMethodES256, a, "", jwt.ErrTokenUnverifiable},
		} {
			_, err := jwt.Parse(sign(t, tt.method, tt.key, tt.kid, valid), c.Keyfunc())
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
		}
		want(t, "fetches", i.fetches(), 3) // the first fetch, and two fetches for tokens that no key fits
	})
}

// Keyfunc returns an error if the kid of a token is empty or not a string. It does not treat
// such a token as a token without a kid.
func TestKeyfuncInvalidKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newEC(elliptic.P256())
		c := newCache(t, newIssuer(public("", key.Public()).with("kid", nil)))
		for _, kid := range []any{7, "", true, []string{"a"}} {
			_, err := jwt.Parse(sign(t, jwt.SigningMethodES256, key, kid, nil), c.Keyfunc())
			wantText(t, err, "the token's kid is empty or not a string")
		}
		if _, err := jwt.Parse(sign(t, jwt.SigningMethodES256, key, nil, nil), c.Keyfunc()); err != nil {
			t.Errorf("token without a kid: got error %v, want none", err)
		}
	})
}

// Keyfunc fetches only for tokens that have not expired and that have the right issuer.
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
			"expired token":    {"iss": "https://issuer.test", "exp": hour(-1)},
			"exp is a string":  {"iss": "https://issuer.test", "exp": "soon"},
			"different issuer": {"iss": "https://other.test", "exp": hour(1)},
			"no issuer":        {"exp": hour(1)},
		} {
			if err := parse(claims); !errors.Is(err, jwks.ErrUnknownKey) {
				t.Errorf("%s: got %v, want ErrUnknownKey", name, err)
			}
		}
		want(t, "fetches for tokens that cannot be valid", i.fetches(), 1)
		if err := parse(jwt.MapClaims{"iss": "https://issuer.test", "exp": hour(1)}); err != nil {
			t.Errorf("valid token: got error %v, want none", err)
		}
		want(t, "fetches after a valid token", i.fetches(), 2)

		i.update(func(i *issuer) { i.down = true })
		time.Sleep(13 * time.Hour)
		err := parse(jwt.MapClaims{"iss": "https://issuer.test", "exp": hour(1)})
		if _, ok := errorAs(err); !ok || !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("valid token after MaxStale: got error %v, want ErrUnavailable", err)
		}
	})
}

// If the kid of a token names exactly one key, Keyfunc returns a public key, as keyfunc/v3
// does. Some callers rely on the type of this result. For other tokens, Keyfunc returns a
// VerificationKeySet.
func TestKeyfuncResultTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, two, three := newEC(elliptic.P256()), newEC(elliptic.P256()), newEC(elliptic.P256())
		e, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keyfunc := newCache(t, newIssuer(public("a", a.Public()), public("two", two.Public()), public("two", three.Public()), public("e", e))).Keyfunc()
		valid := jwt.MapClaims{"iss": "https://issuer.test", "exp": time.Now().Add(time.Hour).Unix()}
		got, err := keyfunc(&jwt.Token{Header: map[string]any{"alg": "ES256", "kid": "a"}, Claims: valid})
		if key, ok := got.(*ecdsa.PublicKey); err != nil || !ok || !key.Equal(a.Public()) {
			t.Errorf("kid of one key: got a %T and error %v, want the *ecdsa.PublicKey and no error", got, err)
		}
		for name, row := range map[string]struct {
			header map[string]any
			keys   int
		}{
			"kid of two keys": {map[string]any{"alg": "ES256", "kid": "two"}, 2},
			"no kid":          {map[string]any{"alg": "EdDSA"}, 1},
		} {
			got, err := keyfunc(&jwt.Token{Header: row.header, Claims: valid})
			if set, ok := got.(jwt.VerificationKeySet); err != nil || !ok || len(set.Keys) != row.keys {
				t.Errorf("%s: got a %T and error %v, want a VerificationKeySet with %d keys and no error", name, got, err, row.keys)
			}
		}
	})
}
