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

// tokens makes the tokens of the calls from the client's token. Each token that must be
// refused has exactly one fault, so the refusal has only one possible reason.
type tokens struct {
	good   string
	claims map[string]any
	sign   func(claims map[string]any) string
}

func newTokens(good string, sign func(claims map[string]any) string) (tokens, error) {
	t := tokens{good: good, sign: sign}
	parts := strings.Split(good, ".")
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

// caller returns the caller that the token names. It does not verify the token, because
// the client reads its own token.
func (t tokens) caller() caller {
	custom, _ := t.claims["custom_claims"].(map[string]any)
	text := func(object map[string]any, name string) string {
		s, _ := object[name].(string)
		return s
	}
	return caller{text(t.claims, "client_id"), text(custom, "github_repository"), text(custom, "environment")}
}

func (t tokens) accepted() string { return t.good }

func (t tokens) none() string { return "" }

// tampered returns the token with an additional scope and the original signature.
func (t tokens) tampered() string {
	return bearertest.Tamper(t.good, map[string]any{"scopes": []string{"deploy:applications", "read:deployments", "delete:deployments"}})
}

func (t tokens) expired() string {
	now := time.Now()
	return t.with(map[string]any{"iat": now.Add(-2 * time.Hour), "nbf": now.Add(-2 * time.Hour), "exp": now.Add(-time.Hour)})
}

func (t tokens) wrongAudience() string {
	return t.with(map[string]any{"aud": []string{"billing-api.acmecorp.com"}})
}

func (t tokens) wrongIssuer() string {
	return t.with(map[string]any{"iss": "https://other.example"})
}

// with returns a token that the issuer signed, in which claims replace the original
// claims.
func (t tokens) with(claims map[string]any) string {
	all := maps.Clone(t.claims)
	maps.Copy(all, claims)
	return t.sign(all)
}
