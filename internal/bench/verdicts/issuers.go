package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

// example is a token from the documentation of an issuer.
type example struct {
	Name     string   `json:"name"`
	Profile  string   `json:"profile"`
	Audience []string `json:"audience"`
	Tenants  []string `json:"tenants"`
	Header   object   `json:"header"`
	Claims   object   `json:"claims"`
	Refused  string   `json:"refused"`
}

// placeholders replaces the placeholders in the documentation of issuers, which are not URLs.
var placeholders = strings.NewReplacer("{yourOktaDomain}", "dev.okta.com", "<tenant id>", "tenant", "<application id>", "application", "<>", "x", "<", "", ">", "", "your-subdomain", "acme")

// issuerCases returns the valid tokens of testdata/issuers.json, with the time of now. It leaves out
// the tokens of SPIFFE, because they have no issuer that a library can check.
func issuerCases(server *keyServer) ([]testCase, error) {
	text, err := os.ReadFile(filepath.Join("../..", "testdata", "issuers.json"))
	if err != nil {
		return nil, err
	}
	var examples []example
	if err := json.Unmarshal([]byte(placeholders.Replace(string(text))), &examples); err != nil {
		return nil, err
	}
	var list []testCase
	key := bearertest.NewKey("RS256", "k")
	for _, e := range examples {
		issuer, ok := e.Claims["iss"].(string)
		if e.Refused != "" || e.Profile == "SPIFFE" || !ok {
			continue
		}
		if _, ok := e.Header["kid"]; !ok {
			e.Header["kid"] = "k" // the documentation leaves it out
		}
		renew(e.Claims)
		named := key.Renamed(e.Header["kid"].(string)) //nolint:forcetypeassert,errcheck // all kids are strings
		c := testCase{
			group: issuers, name: e.Name, token: named.Sign([]byte(marshal(e.Header)), []byte(marshal(e.Claims))),
			setup: &peers.Setup{Issuer: issuer, Audience: e.Audience[0], Alg: "RS256", KeysURL: server.add(named.JWK()), Profile: e.Profile, Tenants: e.Tenants},
		}
		list = append(list, c)
	}
	return list, nil
}

// renew moves the times of a token, so that it was issued a minute ago.
func renew(claims object) {
	at, ok := claims["iat"].(float64)
	if !ok {
		at, _ = claims["exp"].(float64)
		at -= 120
	}
	delta := float64(time.Now().Add(-time.Minute).Unix()) - at
	for _, name := range []string{"iat", "nbf", "exp", "auth_time"} {
		if value, ok := claims[name].(float64); ok {
			claims[name] = int64(value + delta)
		}
	}
}

// withoutAudience reports whether the token names its audience in a claim other than "aud".
func (c testCase) withoutAudience() bool {
	var claims struct {
		Aud any `json:"aud"`
	}
	payload, _ := decode(strings.Split(c.token, ".")[1])
	if err := json.Unmarshal(payload, &claims); err != nil {
		return false
	}
	list, isList := claims.Aud.([]any)
	return claims.Aud == nil || isList && len(list) == 0
}
