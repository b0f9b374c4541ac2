package bearer_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// TestHeaderZip sends tokens with "zip" in the header, as ForgeRock and Ping AM write it. The
// guard ignores the member, whatever its value is, and inflates nothing. The members that do
// change the meaning of the signed bytes are refused, with "zip" and without.
func TestHeaderZip(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.CacheSize = -1 })
	mux := guarded(v, scopes.All("read:things"))
	status := func(token string) int {
		req, resp := httptest.NewRequest(http.MethodGet, "/things", nil), httptest.NewRecorder()
		req.Header.Set("Authorization", "Bearer "+token)
		mux.ServeHTTP(resp, req)
		return resp.Code
	}
	scope := members{"scope": "read:things"}
	for _, value := range []string{`"NONE"`, `"DEF"`, `"def"`, `"GZIP"`, `""`, `null`, `true`, `0`, `1e999`, `[]`, `["DEF"]`, `{"zip":"DEF"}`} {
		if got := status(issuer.Mint(members{"zip": raw(value)}, scope)); got != http.StatusOK {
			t.Errorf("zip %s: got status %d, want 200", value, got)
		}
		if got := status(issuer.Forge(members{"zip": raw(value)}, scope)); got != http.StatusUnauthorized {
			t.Errorf("forged token, zip %s: got status %d, want 401", value, got)
		}
		for name, header := range map[string]members{
			"crit names zip":    {"crit": []string{"zip"}},
			"crit names exp":    {"crit": []string{"exp"}, "exp": 1},
			"crit is empty":     {"crit": []string{}},
			"b64 is true":       {"b64": true},
			"b64 is false":      {"b64": false},
			"enc":               {"enc": "A128GCM"},
			"cty names a JWT":   {"cty": "JWT"},
			"no accepted alg":   {"alg": "dir"},
			"encrypted to none": {"alg": "none"},
		} {
			header["zip"] = raw(value)
			if got := status(issuer.Mint(header, scope)); got != http.StatusUnauthorized {
				t.Errorf("zip %s, %s: got status %d, want 401", value, name, got)
			}
		}
	}

	// The signed bytes are the claims as they are. Compressed claims are no JSON object.
	_, rest, _ := strings.Cut(issuer.Token(scope), ".")
	claims, _, _ := strings.Cut(rest, ".")
	plain, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	deflate, _ := flate.NewWriter(&packed, flate.BestCompression)
	_, _ = deflate.Write(plain)
	_ = deflate.Close()
	for _, value := range []string{`"DEF"`, `"NONE"`} {
		key := issuer.SigningKey("")
		header := fmt.Appendf(nil, `{"alg":"EdDSA","typ":"at+jwt","kid":%q,"zip":%s}`, key.ID(), value)
		if _, err := v.Verify(t.Context(), key.Sign(header, plain)); err != nil {
			t.Errorf("zip %s, plain claims: got error %v, want none", value, err)
		}
		_, err := v.Verify(t.Context(), key.Sign(header, packed.Bytes()))
		if reasonOf(t, err) != bearer.Malformed || !strings.Contains(err.Error(), "claims") {
			t.Errorf("zip %s, compressed claims: got error %v, want reason %q about the claims", value, err, bearer.Malformed)
		}
	}
}
