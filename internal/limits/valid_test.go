package limits_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/limits"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// A variant is a change of a valid token.
type variant struct {
	header map[string]any // replaces members of the header; nil removes a member
	claims map[string]any // replaces claims; nil removes a claim
	more   string         // text at the end of the claims set, with a comma before it
	change func(token string, key *bearertest.Key, claims []byte) string
	config func(*bearer.Config)
}

// variants returns the valid tokens of limits.Refusals, by the field Case.
func variants() map[string]variant {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	type m = map[string]any
	return map[string]variant{
		"duplicate name": {more: `,"x":1,"x":1`},
		"lone surrogate": {more: `,"x":"\ud800"`},
		"byte order mark": {change: func(_ string, key *bearertest.Key, claims []byte) string {
			return key.Sign([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+key.ID()+`"}`), append([]byte("\ufeff"), claims...))
		}},
		"empty kid": {header: m{"kid": ""}},
		"unused bits": {change: func(token string, _ *bearertest.Key, _ []byte) string {
			last := len(token) - 1
			return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])+1])
		}},
		"crit":            {header: m{"crit": []string{"x"}, "x": 1}},
		"b64":             {header: m{"crit": []string{"b64"}, "b64": true}},
		"nested token":    {header: m{"cty": "JWT"}},
		"encrypted token": {change: func(string, *bearertest.Key, []byte) string { return "e30.e30.e30.e30.e30" }},
		"JSON serialization": {change: func(token string, _ *bearertest.Key, _ []byte) string {
			parts := strings.Split(token, ".")
			return `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`
		}},
		"none":                          {header: m{"alg": "none"}},
		"HS256":                         {header: m{"alg": "HS256"}},
		"RS384":                         {header: m{"alg": "RS384"}},
		"ES256K":                        {header: m{"alg": "ES256K"}},
		"no typ":                        {header: m{"typ": nil}},
		"no exp":                        {claims: m{"exp": nil}},
		"no jti":                        {claims: m{"jti": nil}},
		"empty jti":                     {claims: m{"jti": ""}},
		"no iss":                        {claims: m{"iss": nil}},
		"iss with a port":               {claims: m{"iss": "https://issuer.example:443"}},
		"no aud":                        {claims: m{"aud": nil}},
		"empty aud":                     {claims: m{"aud": []string{}}},
		"different claim in the header": {header: m{"sub": "other"}},
		"cnf":                           {claims: m{"cnf": m{"jkt": "x"}}},
		"nonce":                         {header: m{"typ": "JWT"}, claims: m{"nonce": "n"}, config: func(c *bearer.Config) { c.Profile = bearer.Profile{Name: "own", Types: []string{"JWT"}} }},
		"no kid":                        {header: m{"kid": nil}},
	}
}

// TestValidTokens sends the valid tokens that are refused, and compares the reason with the
// page.
func TestValidTokens(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: "https://issuer.example", Audience: []string{testkit.Audience}, Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	for range 4 {
		issuer.Rotate() // so that five keys fit
	}
	all := variants()
	for _, refusal := range limits.Refusals() {
		v, ok := all[refusal.Case]
		if !ok {
			t.Errorf("%s: got no token, want a token for each row", refusal.Case)
		}
		delete(all, refusal.Case)
		if got := send(t, issuer, v); string(got) != refusal.Reason {
			t.Errorf("%s: got reason %q, want %q", refusal.Case, got, refusal.Reason)
		}
	}
	for name := range all {
		t.Errorf("%s: got a token without a row", name)
	}
}

// send sends a token to a verifier and returns the reason of the refusal.
func send(t *testing.T, issuer *bearertest.Issuer, v variant) bearer.Reason {
	t.Helper()
	key := issuer.Keys()[0]
	token := issuer.Mint(v.header, v.claims)
	if v.more != "" {
		token = key.Sign([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+key.ID()+`"}`), claimsText(issuer.URL(), v.more))
	}
	if v.change != nil {
		token = v.change(token, key, claimsText(issuer.URL(), ""))
	}
	verifier := testkit.NewVerifier(t, issuer, v.config)
	_, err := bearer.Decide(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
	if err == nil {
		return ""
	}
	refusal, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		t.Fatalf("got error %v, want a *bearer.Error", err)
	}
	return refusal.Reason
}

// TestUnusualTokens sends unusual valid tokens that are accepted. So no other limit refuses
// them.
func TestUnusualTokens(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	for name, more := range map[string]string{
		"number of 10,000 digits":       `,"x":` + strings.Repeat("9", 10_000),
		"number beyond a float64":       `,"x":1e999999`,
		"string of 10,000 characters":   `,"x":"` + strings.Repeat("x", 10_000) + `"`,
		"name of 10,000 characters":     `,"` + strings.Repeat("x", 10_000) + `":1`,
		"1,000 members":                 members(1000),
		"1,000 nested members":          `,"x":{"y":1` + members(1000) + "}",
		"empty name":                    `,"":1`,
		"escaped name":                  `,"\u0078":1`,
		"NUL":                           `,"x":"\u0000"`,
		"noncharacter":                  `,"x":"\uffff"`,
		"pair of surrogates":            `,"x":"\ud83d\ude00"`,
		"names that differ in case":     `,"X":1,"x":1`,
		"white space":                   ",\t\r\n \"x\" : [ ] ",
		"exp with an exponent":          `,"exp":4.1e9`,
		"exp with a fraction":           `,"exp":4102444800.5`,
		"exp in the year 9999":          `,"exp":253402300799`,
		"nbf before 1970":               `,"nbf":-1`,
		"nbf is minus zero":             `,"nbf":-0`,
		"1,000 scopes":                  `,"scope":"` + strings.TrimSpace(strings.Repeat("scope:x ", 1000)) + `"`,
		"scope with a double space":     `,"scope":"a  b"`,
		"claim with the name of a type": `,"typ":"x","crit":["x"],"b64":false,"alg":"none","kid":""`,
	} {
		v, key := testkit.NewVerifier(t, issuer, nil), issuer.Keys()[0]
		token := key.Sign([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+key.ID()+`"}`), claimsText(issuer.URL(), more))
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
}
