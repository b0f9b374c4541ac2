package bearer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/conformance"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

func vectors(f *testing.F) *conformance.Vectors {
	f.Helper()
	v, err := conformance.Load("testdata/vectors")
	if err != nil {
		f.Fatal(err)
	}
	return v
}

// FuzzToken verifies changed tokens. An accepted token must be equal, byte for byte, to a
// token that an issuer signed. A deny list compares the bytes of tokens, so a deny list does
// not find a different spelling of a revoked token.
func FuzzToken(f *testing.F) {
	rows := vectors(f)
	signed := make(map[string]bool)
	for i, row := range rows.Rows {
		if row.Authorization != nil || len(row.Text()) > 1<<12 {
			continue
		}
		if row.Told == "" { // The client learns the true reason only if the signature was verified. So an issuer signed this token, even if a profile refuses the token.
			signed[row.Text()] = true
		}
		if row.Verifier == "one-key" || row.Verifier == "five-keys" { // The issuer signed these tokens. Their verifiers refuse some of them, because their key sets have other keys.
			signed[row.Text()] = true
		}
		if row.VerifyReason() == "" || i%8 == 0 {
			f.Add(row.Text())
		}
	}
	v, err := rows.Verifier("all-algorithms")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		first, err := v.Verify(t.Context(), token)
		second, err2 := v.Verify(t.Context(), token)
		if fmt.Sprint(err) != fmt.Sprint(err2) || (first == nil) != (second == nil) {
			t.Errorf("got error %v in the first call and error %v in the second call, want the same result", err, err2)
		}
		if err == nil && !signed[token] {
			t.Errorf("the verifier accepted %q, want a refusal, because no issuer signed this token", token)
		}
		if err != nil {
			_ = reasonOf(t, err) // This call fails the test if the error has no reason.
		}
	})
}

// FuzzClaims signs claims and compares the verdict with the verdict of a reference
// implementation, which uses encoding/json and math/big.
func FuzzClaims(f *testing.F) {
	seen := make(map[string]bool)
	for _, row := range vectors(f).Rows {
		parts := strings.Split(row.Text(), ".")
		if len(parts) != 3 || seen[parts[1]] || row.Authorization != nil {
			continue
		}
		seen[parts[1]] = true
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && len(text) < 4096 && bytes.HasPrefix(text, []byte("{")) {
			f.Add(text)
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	keys, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}]}`, b64(public)))
	if err != nil {
		f.Fatal(err)
	}
	v, err := bearer.New(bearer.Config{Issuer: "https://issuer.example", Audience: []string{audience}, Keys: keys})
	if err != nil {
		f.Fatal(err)
	}
	header := b64([]byte(`{"alg":"EdDSA","kid":"a","typ":"at+jwt"}`))
	f.Fuzz(func(t *testing.T, claims []byte) {
		if len(claims) > 8<<10 {
			t.Skip()
		}
		input := header + "." + b64(claims)
		c, err := v.Verify(t.Context(), input+"."+b64(ed25519.Sign(private, []byte(input))))
		if _, syntax := strictjson.Parse(bytes.Clone(claims)); syntax != nil {
			if reasonOf(t, err) != bearer.Malformed {
				t.Errorf("got error %v, want reason malformed, because the claims have the syntax error %v", err, syntax)
			}
			return
		}
		want, near := violation(t, claims)
		if near {
			return
		}
		if (err == nil) != (want == "") {
			t.Fatalf("got error %v, want the verdict %q of the reference implementation", err, want)
		}
		if err == nil {
			compareClaims(t, c, claims)
		}
	})
}

// violation returns the description of a violation of RFC 9068, section 4, in the claims, or
// "" if there is no violation. It also reports whether a time claim is so close to a limit
// that the verdict can change during the test.
func violation(t *testing.T, raw []byte) (found string, near bool) {
	t.Helper()
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	now := big.NewRat(time.Now().Unix(), 1)
	limits := map[string]struct{ least, most int64 }{"exp": {0, 253402300799}, "nbf": {-253402300799, 60}, "iat": {-253402300799, 60}}
	for name, limit := range limits {
		value, there := claims[name]
		if !there {
			continue
		}
		date, ok := number(string(value))
		if !ok || new(big.Rat).Abs(date).Cmp(big.NewRat(253402300799, 1)) > 0 {
			return name + " is not a time", false
		}
		after := new(big.Rat).Sub(date, now)
		if name == "exp" {
			if after.Sign() <= 0 {
				found = "expired"
			}
		} else if after.Cmp(big.NewRat(limit.most, 1)) > 0 {
			found = name + " is in the future"
		}
		edge := after
		if name != "exp" {
			edge = new(big.Rat).Sub(after, big.NewRat(60, 1))
		}
		near = near || edge.Abs(edge).Cmp(big.NewRat(5, 1)) <= 0
	}
	if claims["exp"] == nil {
		found = "no exp"
	}
	for _, name := range []string{"iss", "sub", "client_id", "jti"} {
		if text, ok := text(claims[name]); !ok || text == "" || name == "iss" && text != "https://issuer.example" {
			found = name
		}
	}
	if claims["iat"] == nil {
		found = "no iat"
	}
	if claims["cnf"] != nil {
		found = "bound"
	}
	if !slices.Contains(list(claims["aud"]), audience) {
		found = "aud"
	}
	return found, near
}

// number parses a JSON number exactly. It returns false for a number that is expensive to
// parse.
func number(s string) (*big.Rat, bool) {
	if len(s) > 32 || !json.Valid([]byte(s)) || strings.ContainsAny(s[:1], `"[{ntf`) {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f > 1e15 || f < -1e15 {
		return nil, false
	}
	if f < 1 && f > -1 {
		return new(big.Rat), true // returned as 0, because a large negative exponent is expensive to parse
	}
	return new(big.Rat).SetString(s)
}

func text(v json.RawMessage) (string, bool) {
	var s string
	return s, len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &s) == nil
}

// list returns the strings in a JSON value. The value is a string or an array of strings. For
// other values, list returns nil.
func list(v json.RawMessage) []string {
	if s, ok := text(v); ok {
		return []string{s}
	}
	var elements []json.RawMessage
	if len(v) == 0 || v[0] != '[' || json.Unmarshal(v, &elements) != nil {
		return nil
	}
	var texts []string
	for _, element := range elements {
		s, ok := text(element)
		if !ok {
			return nil
		}
		texts = append(texts, s)
	}
	return texts
}

// scopeForm matches the scope syntax of RFC 6749, section 3.3, with any number of spaces between,
// before and after the scopes.
var scopeForm = regexp.MustCompile(`\A[\x20\x21\x23-\x5B\x5D-\x7E]*\z`)

func compareClaims(t *testing.T, c *bearer.Claims, raw []byte) {
	t.Helper()
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"iss": c.Issuer(), "sub": c.Subject(), "client_id": c.ClientID(), "jti": c.ID()} {
		if want, _ := text(claims[name]); got != want {
			t.Errorf("claim %s: got %q, want %q", name, got, want)
		}
	}
	if want := list(claims["aud"]); !slices.Equal(c.Audience(), want) {
		t.Errorf("claim aud: got %q, want %q", c.Audience(), want)
	}
	var granted []string
	if s, ok := text(claims["scope"]); ok && scopeForm.MatchString(s) {
		for name := range strings.FieldsSeq(s) { // the text has no other white space
			if !slices.Contains(granted, name) {
				granted = append(granted, name)
			}
		}
	}
	if got := slices.Collect(c.Scopes().All()); !slices.Equal(got, granted) {
		t.Errorf("scopes: got %q, want %q", got, granted)
	}
}

// credentialForm matches the credentials of RFC 6750, section 2.1. It allows any case of
// the scheme (RFC 9110, section 11.1) and several spaces, which proxies produce when they
// join the lines of a field.
var credentialForm = regexp.MustCompile(`\A(?i:bearer) +([A-Za-z0-9._~+/-]+=*)\z`)

// FuzzAuthorization compares the token that reaches a verifier with the match of a regular
// expression.
func FuzzAuthorization(f *testing.F) {
	for i, row := range vectors(f).Rows {
		if row.Authorization == nil && i%40 != 0 {
			continue
		}
		if values := row.Values(); len(values) == 1 && len(values[0]) < 1<<12 {
			f.Add(values[0], "", false)
		} else if len(values) == 2 {
			f.Add(values[0], values[1], true)
		}
	}
	f.Fuzz(func(t *testing.T, value, other string, two bool) {
		const noToken = "no token"
		got := noToken
		v := bearer.VerifierFunc(func(_ context.Context, token string) (*bearer.Claims, error) {
			got = token
			return nil, bearer.UnknownKey
		})
		values := []string{value}
		if two {
			values = append(values, other)
		}
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: values, Rule: scopes.All()})
		want := noToken
		if m := credentialForm.FindStringSubmatch(value); m != nil && !two && len(m[1]) <= 16<<10 {
			want = m[1]
		}
		if got != want {
			t.Errorf("got token %q in the verifier, want %q", got, want)
		}
		reason := reasonOf(t, err)
		switch {
		case want != noToken:
			if reason != bearer.UnknownKey {
				t.Errorf("got error %v, want reason %q from the verifier", err, bearer.UnknownKey)
			}
		case reason == bearer.NoToken:
			// If there are two values, or if the scheme is Bearer, NoToken is the wrong
			// reason.
			if two || len(value) > 7 && strings.EqualFold(value[:7], "bearer ") {
				t.Errorf("%q: got error %v, want reason %q or %q", values, err, bearer.InvalidRequest, bearer.Malformed)
			}
		case reason != bearer.InvalidRequest && reason != bearer.Malformed:
			t.Errorf("%q: got error %v, want reason %q or %q", values, err, bearer.InvalidRequest, bearer.Malformed)
		}
	})
}
