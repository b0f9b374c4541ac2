package bearertest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerkit/bearer/bearertest"
)

// verify verifies a token with golang-jwt and returns the claims. It uses only the published
// keys of the issuer.
func verify(i *bearertest.Issuer, token string) (jwt.MapClaims, error) {
	var set struct {
		Keys []jwkset.JWKMarshal `json:"keys"`
	}
	if err := json.Unmarshal(i.JWKS(), &set); err != nil {
		return nil, err
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		for _, k := range set.Keys {
			if k.KID == t.Header["kid"] && k.ALG.String() == t.Header["alg"] {
				jwk, err := jwkset.NewJWKFromMarshal(k, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipAll: true})
				return jwk.Key(), err
			}
		}
		return nil, errors.New("no such key")
	})
	return claims, err
}

// part decodes one part of a token as a JSON object.
func part(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	return object(t, raw)
}

func object(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatalf("got part %q, want a JSON object; error: %v", raw, err)
	}
	return members
}

// reply is a response and the bytes of the response body.
type reply struct {
	*http.Response
	body []byte
}

func fetch(t *testing.T, client *http.Client, address string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	got, err := do(client, request)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func do(client *http.Client, request *http.Request) (reply, error) {
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response, body}, err
}

func form(ctx context.Context, t *testing.T, address string, values url.Values) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}
