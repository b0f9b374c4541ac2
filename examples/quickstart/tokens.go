package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// tokenMaker makes the tokens of all calls from the client's token. A token that the API
// must refuse has exactly one fault, so that only one reason is possible.
type tokenMaker struct {
	valid  string
	claims map[string]any
	sign   func(claims map[string]any) string
}

func newTokenMaker(valid string, sign func(claims map[string]any) string) (tokenMaker, error) {
	t := tokenMaker{valid: valid, sign: sign}
	parts := strings.Split(valid, ".")
	if len(parts) != 3 {
		return t, errors.New("the issuer's access token is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &t.claims)
	}
	if err != nil {
		return t, fmt.Errorf("read the claims of the access token: %w", err)
	}
	return t, nil
}

// caller returns the caller that the client's token names. The token is not verified,
// because the issuer sent this token directly to the client.
func (t tokenMaker) caller() caller {
	custom, _ := t.claims["custom_claims"].(map[string]any)
	text := func(object map[string]any, name string) string {
		s, _ := object[name].(string)
		return s
	}
	return caller{text(t.claims, "client_id"), text(custom, "github_repository"), text(custom, "environment")}
}

func (t tokenMaker) accepted() string { return t.valid }

func (t tokenMaker) none() string { return "" }

// tampered returns the client's token with an additional scope and the original signature.
func (t tokenMaker) tampered() string {
	return bearertest.Tamper(t.valid, map[string]any{"scopes": []string{"deploy:applications", "read:deployments", "delete:deployments"}})
}

func (t tokenMaker) expired() string {
	now := time.Now()
	return t.signedWith(map[string]any{"iat": now.Add(-2 * time.Hour), "nbf": now.Add(-2 * time.Hour), "exp": now.Add(-time.Hour)})
}

func (t tokenMaker) wrongAudience() string {
	return t.signedWith(map[string]any{"aud": []string{"billing-api.acmecorp.com"}})
}

func (t tokenMaker) wrongIssuer() string {
	return t.signedWith(map[string]any{"iss": "https://other.example"})
}

// signedWith returns a token that the issuer signed. The token has the claims of the
// client's token. The parameter claims adds or replaces claims.
func (t tokenMaker) signedWith(claims map[string]any) string {
	all := maps.Clone(t.claims)
	maps.Copy(all, claims)
	return t.sign(all)
}
