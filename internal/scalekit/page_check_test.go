package scalekit_test

import (
	"encoding/base64"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// verdictOn returns the reason of the refusal that the page shows, or "" for an accepted token.
func verdictOn(t *testing.T, body string) string {
	t.Helper()
	match := regexp.MustCompile(`<p class="verdict( bad)?"><strong>(Accepted|Refused)</strong>(?: <code>([a-z_]+)</code>)?`).FindStringSubmatch(body)
	if match == nil || (match[2] == "Refused") != (match[3] != "") {
		t.Fatalf("want a page with a verdict, got\n%s", body)
	}
	return match[3]
}

// TestCheckOnPage compares the verdict of the page with the verdict of a verifier that fetches the
// keys from the issuer, as an API does.
func TestCheckOnPage(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	c := env.registerClient(t, `{"scopes":["a","b"],"audience":["api"]}`)
	issuer, other := env.Issuer(), bearertest.NewUnstartedIssuer(&bearertest.Options{Issuer: env.url})
	claims := func(members map[string]any) map[string]any {
		out := map[string]any{"aud": "api", "scope": "a b", "nbf": time.Now().Unix(), "oid": env.OrganizationID}
		for name, value := range members {
			out[name] = value
		}
		return out
	}
	typ := map[string]any{"typ": "JWT"}
	valid := env.mintOnPage(t, url.Values{"client": {c.id}})
	retired := issuer.SigningKey("").ID()
	withdrawn := issuer.Mint(typ, claims(nil))
	env.act(t, "keys/rotate", url.Values{})
	env.act(t, "keys/retire", url.Values{"kid": {retired}})
	valid2 := env.mintOnPage(t, url.Values{"client": {c.id}})
	now := time.Now()
	for name, token := range map[string]string{
		"granted":         text(t, env.requestToken(t, c.id, c.plain).members, "access_token"),
		"minted":          valid2,
		"withdrawn key":   valid,
		"withdrawn key 2": withdrawn,
		"no scope":        issuer.Mint(typ, claims(map[string]any{"scope": nil})),
		"other audience":  issuer.Mint(typ, claims(map[string]any{"aud": "else"})),
		"no audience":     issuer.Mint(typ, claims(map[string]any{"aud": nil})),
		"expired":         issuer.Mint(typ, claims(map[string]any{"exp": now.Add(-time.Minute)})),
		"not yet":         issuer.Mint(typ, claims(map[string]any{"nbf": now.Add(time.Hour)})),
		"future iat":      issuer.Mint(typ, claims(map[string]any{"iat": now.Add(time.Hour)})),
		"wrong types":     issuer.Mint(typ, claims(map[string]any{"exp": "soon", "aud": 5})),
		"other issuer":    issuer.Mint(typ, claims(map[string]any{"iss": "https://attacker.example"})),
		"forged":          issuer.Forge(typ, claims(nil)),
		"foreign key":     other.Mint(typ, claims(nil)),
		"tampered":        bearertest.Tamper(valid2, map[string]any{"scope": "admin"}),
		"none":            issuer.Mint(map[string]any{"alg": "none"}, claims(nil)),
		"crit":            issuer.Mint(map[string]any{"crit": []string{"b64"}}, claims(nil)),
		"id token":        issuer.Mint(typ, claims(map[string]any{"nonce": "n"})),
		"hostile texts":   issuer.Mint(typ, claims(map[string]any{"sub": "\x1b[31m<script>alert(1)</script>\u202e", "\u200bkey": "</pre><img src=x>"})),
		"opaque":          "opaque-token",
		"not base64":      "!.!.!",
		"not JSON":        "YQ.YQ.YQ",
		"JSON array":      "W10.W10.YQ",
		"huge":            valid2 + strings.Repeat("A", 20_000),
	} {
		// A new verifier for each token: after a forged token, a verifier does not fetch keys for
		// some time.
		quiet := slog.New(slog.DiscardHandler)
		verifier, err := bearer.New(bearer.Config{
			Issuer: env.url, Audience: []string{"api"}, Profile: bearer.Scalekit, Logger: quiet, KeyOptions: &jwks.Options{Logger: quiet},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, required := range []string{"", "a", "a b", "admin"} {
			rule := scopes.All(strings.Fields(required)...)
			want := bearer.Explain(t.Context(), verifier, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: rule})
			response, body := env.act(t, "check", url.Values{"token": {token}, "audience": {"api"}, "scopes": {required}})
			if got := verdictOn(t, body); response.StatusCode != http.StatusOK || got != string(want.Reason) {
				t.Errorf("%s, required scopes %q: got status %d and reason %q, want status 200 and reason %q", name, required, response.StatusCode, got, want.Reason)
			}
			for _, hostile := range []string{"\x1b", "\u202e", "\u200b", "<script>alert", "<img"} {
				if strings.Contains(body, hostile) {
					t.Errorf("%s: the page contains %q", name, hostile)
				}
			}
		}
		if err := verifier.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCheckOnPageForms checks the texts that a user may paste, and the notes about empty fields.
func TestCheckOnPageForms(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	token := env.mintOnPage(t, url.Values{"audience": {"x"}, "scopes": {"a"}})
	none := env.mintOnPage(t, url.Values{})
	for _, row := range []struct {
		token, audience, scopes string
		reason                  string
		want                    string // text on the page
	}{
		{token, "x", "a", "", `"client_id": "example-client"`},
		{"\n " + token + " \n", "x", "a", "", `"alg": "RS256"`},
		{"Bearer " + token, "x", "a", "", "bearer accepts the token"},
		{"authorization: bearer  " + token, "x", "a", "", "bearer accepts the token, which expires in 59 minutes"},
		{token, "", "a", "", "Every audience is accepted here"},
		{token, "y x", "", "", "No scope is required here"},
		{token, "y", "a", "audience", "Config.Audience"},
		{token, "x", "a b", "scope", "missing scope b"},
		{none, "", "", "audience", "(none)"},
		{token + " " + token, "", "", "request", ""},
		{"opaque", "", "", "malformed", "The header cannot be decoded."},
	} {
		_, body := env.act(t, "check", url.Values{"token": {row.token}, "audience": {row.audience}, "scopes": {row.scopes}})
		if got := verdictOn(t, body); got != row.reason || !strings.Contains(html.UnescapeString(body), row.want) {
			t.Errorf("token %.20q, audience %q, scopes %q: got reason %q, want reason %q and a page with %q", row.token, row.audience, row.scopes, got, row.reason, row.want)
		}
	}
	for form, want := range map[string]string{"token=+": "token is missing", "token=a.b.c&scopes=%22": "scopes must be scopes"} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		if response, body := env.act(t, "check", values); response.StatusCode != http.StatusBadRequest || !strings.Contains(problemsOf(body), want) {
			t.Errorf("%s: got status %d and problems %q, want status 400 and %q", form, response.StatusCode, problemsOf(body), want)
		}
	}
}

// TestCheckOnPageOfDeepClaims checks that a small token cannot make a large page. With line breaks,
// JSON of n levels takes n*n*2 bytes.
func TestCheckOnPageOfDeepClaims(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	const levels = 9000
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`))
	for _, claims := range []string{
		`{"a":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`,
		`{"a":` + strings.Repeat("[0,", levels) + "0" + strings.Repeat("]", levels) + `}`,
	} {
		token := header + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".YQ"
		response, body := env.act(t, "check", url.Values{"token": {token}})
		if response.StatusCode != http.StatusOK || len(body) > 1<<20 {
			t.Errorf("token with %d bytes: got status %d and a page with %d bytes, want status 200 and at most 1 MiB", len(token), response.StatusCode, len(body))
		}
		if got := verdictOn(t, body); got == "" {
			t.Error("got an accepted token, want a refused token")
		}
		if !strings.Contains(body, "[[") && !strings.Contains(body, "[0,") {
			t.Error("the page does not show the claims")
		}
	}
}
