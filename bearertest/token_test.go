package bearertest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/bearertest"
)

func TestTokenHasRFC9068Form(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{"api"}})
		defer issuer.Close()
		token := issuer.Token(nil)
		now := float64(time.Now().Unix())
		header, claims := part(t, token, 0), part(t, token, 1)
		for name, want := range map[string]any{"alg": "RS256", "typ": "at+jwt", "kid": issuer.Keys()[0].ID()} {
			if header[name] != want {
				t.Errorf("header %s: got %v, want %v", name, header[name], want)
			}
		}
		for name, want := range map[string]any{"iss": issuer.URL(), "sub": "client", "client_id": "client", "iat": now, "exp": now + 3600} {
			if claims[name] != want {
				t.Errorf("claim %s: got %v, want %v", name, claims[name], want)
			}
		}
		if len(header) != 3 || len(claims) != 7 {
			t.Errorf("got header %v and claims %v, want 3 members and 7 claims", header, claims)
		}
		if second := part(t, issuer.Token(nil), 1); second["jti"] == claims["jti"] {
			t.Errorf("got jti %v in two tokens, want a different jti in each token", claims["jti"])
		}
	})
}

func TestMintOverridesDefaults(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	at := time.Unix(1_700_000_000, 5)
	token := issuer.Mint(
		map[string]any{"typ": nil, "kid": "odd", "crit": []string{"b64"}},
		map[string]any{"sub": nil, "exp": at, "nbf": json.RawMessage("null"), "aud": "one", "iat": 1.5},
	)
	header, claims := part(t, token, 0), part(t, token, 1)
	if _, ok := header["typ"]; ok || header["kid"] != "odd" || header["crit"] == nil {
		t.Errorf("got header %v, want kid \"odd\", a member crit, and no typ", header)
	}
	nbf, ok := claims["nbf"]
	if _, has := claims["sub"]; has || !ok || nbf != nil || claims["exp"] != 1.7e9 || claims["aud"] != "one" || claims["iat"] != 1.5 {
		t.Errorf("got claims %v, want no sub, nbf null, exp 1.7e9, aud \"one\" and iat 1.5", claims)
	}
	if input := bearertest.SigningInput([]byte(`{}`), []byte(`{}`)); input != "e30.e30" {
		t.Errorf("got signing input %q, want e30.e30", input)
	}
}

func TestMintWithEveryAlgorithm(t *testing.T) {
	algorithms := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	for _, alg := range algorithms {
		token := issuer.Mint(map[string]any{"alg": alg}, nil)
		_, err := verify(issuer, token)
		if alg == "Ed25519" { // golang-jwt does not support this algorithm name yet
			if !errors.Is(err, jwt.ErrTokenUnverifiable) {
				t.Fatalf("Ed25519: got error %v, want %v from golang-jwt; if golang-jwt now supports this algorithm name, remove this case", err, jwt.ErrTokenUnverifiable)
			}
			signature := strings.LastIndexByte(token, '.')
			raw, _ := jwt.NewParser().DecodeSegment(token[signature+1:])
			err = jwt.SigningMethodEdDSA.Verify(token[:signature], raw, issuer.SigningKey(alg).Public())
		}
		if err != nil {
			t.Errorf("%s: got error %v, want none", alg, err)
		}
	}
	var published []string
	for _, k := range issuer.Keys() {
		published = append(published, k.Algorithm())
	}
	slices.Sort(published)
	slices.Sort(algorithms)
	if !slices.Equal(published, algorithms) {
		t.Errorf("got keys for %v, want %v", published, algorithms)
	}
}

func TestMintWithUnsupportedAlgorithm(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	if token := issuer.Mint(map[string]any{"alg": "none"}, nil); !strings.HasSuffix(token, ".") {
		t.Errorf("alg none: got token %q, want a token with an empty signature", token)
	}
	for _, alg := range []any{"HS256", "es256", nil, 7, []string{"ES256"}} {
		token := issuer.Mint(map[string]any{"alg": alg}, nil)
		if parts := strings.Split(token, "."); len(parts[2]) != 86 {
			t.Errorf("alg %v: got signature %q, want a signature of the ES256 key", alg, parts[2])
		}
	}
	mac := hmac.New(sha256.New, []byte("public"))
	mac.Write([]byte(bearertest.SigningInput([]byte(`{"alg":"HS256"}`), []byte(`{}`))))
	token := bearertest.Compact([]byte(`{"alg":"HS256"}`), []byte(`{}`), mac.Sum(nil))
	if !strings.HasPrefix(token, "eyJhbGciOiJIUzI1NiJ9.e30.") {
		t.Errorf("got token %q, want the encoded header and the encoded payload before the signature", token)
	}
}

func TestForgeAndTamper(t *testing.T) {
	for _, alg := range []string{"RS256", "PS384", "ES256", "EdDSA"} {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{alg}})
		good := issuer.Token(map[string]any{"scope": "read", "n": int64(12345678901234567)})
		if _, err := verify(issuer, good); err != nil {
			t.Errorf("%s: got error %v, want none", alg, err)
		}
		altered := bearertest.Tamper(good, map[string]any{"scope": "admin"})
		if claims := part(t, altered, 1); claims["scope"] != "admin" || claims["iss"] != issuer.URL() {
			t.Errorf("%s: got claims %v, want scope admin and the other claims unchanged", alg, claims)
		}
		for name, token := range map[string]string{
			"forged token":                issuer.Forge(nil, nil),
			"tampered payload":            altered,
			"tampered signature":          bearertest.Tamper(good, nil),
			"token signed with a new key": bearertest.NewKey(alg, issuer.Keys()[0].ID()).Sign([]byte(`{"alg":"`+alg+`","kid":"`+issuer.Keys()[0].ID()+`"}`), []byte(`{}`)),
			"forged token with an alg":    issuer.Forge(map[string]any{"alg": alg}, nil),
		} {
			if _, err := verify(issuer, token); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
				t.Errorf("%s: %s: got error %v, want %v", alg, name, err, jwt.ErrTokenSignatureInvalid)
			}
		}
		issuer.Close()
	}
}

func TestPanicsOnMisuse(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	for name, misuse := range map[string]func(){
		"issuer with HS256":       func() { bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"HS256"}}) },
		"issuer without URL":      func() { bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "acme.com"}) },
		"key with alg none":       func() { bearertest.NewKey("none", "") },
		"EC key with RS256":       func() { issuer.SigningKey("").As("RS256") },
		"claim not in UTF-8":      func() { issuer.Token(map[string]any{"sub": "\xff"}) },
		"client without a secret": func() { issuer.AddClient(bearertest.Client{ID: "a"}) },
		"scope with a space":      func() { issuer.AddClient(bearertest.Client{ID: "a", Secret: "s", Scopes: []string{"a b"}}) },
		"token of two parts":      func() { bearertest.Tamper("a.b", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic, want one", name)
				}
			}()
			misuse()
		}()
	}
}
