package scalekit_test

import (
	"encoding/base64"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/internal/scalekit"
	"github.com/bearerkit/bearer/internal/testkit"
)

// act sends a form of the page, as a browser does.
func (env environment) act(t *testing.T, name string, form url.Values) (pageResponse, string) {
	t.Helper()
	return env.sendPage(t, pageRequest{http.MethodPost, "/page/" + name, "", sameOrigin(), form})
}

// mintOnPage mints a token on the page.
func (env environment) mintOnPage(t *testing.T, form url.Values) string {
	t.Helper()
	response, body := env.act(t, "mint", form)
	match := regexp.MustCompile(`<pre class="token"[^>]*><code>([\w.-]+)</code>`).FindStringSubmatch(body)
	if response.StatusCode != http.StatusOK || match == nil {
		t.Fatalf("%v: got status %d without a token, want status 200 with a token; problems: %s", form, response.StatusCode, problemsOf(body))
	}
	return match[1]
}

// problemsOf returns the text of the problems that the page shows.
func problemsOf(body string) string {
	match := regexp.MustCompile(`(?s)class="problems"[^>]*>(.*?)</(ul|p)>`).FindStringSubmatch(body)
	if match == nil {
		return ""
	}
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(match[1], ""))
}

// rawClaims decodes the claims of a token. The values keep their digits.
func rawClaims(t *testing.T, token string) map[string]jsontext.Value {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestMintOnPage(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	c := env.registerClient(t, `{"name":"Deployer","scopes":["b","a"],"audience":["api-1","api-2"],"expiry":7200,"custom_claims":[{"key":"k","value":"v"}]}`)
	granted := claimsOf(t, text(t, env.requestToken(t, c.id, c.plain).members, "access_token"))
	for _, row := range []struct {
		name     string
		form     url.Values
		lifetime int64
		want     map[string]string // JSON; "" means no such claim
	}{
		{"the client", url.Values{"client": {c.id}}, 7200, nil},
		{"spaces mean empty", url.Values{"client": {c.id}, "scopes": {" "}, "audience": {"\t"}, "lifetime": {" "}, "claims": {"\n"}}, 7200, nil},
		{"other scopes", url.Values{"client": {c.id}, "scopes": {" admin:all  a admin:all "}}, 7200, map[string]string{"scope": `"admin:all a"`, "scopes": `["admin:all","a"]`}},
		{"other audience", url.Values{"client": {c.id}, "audience": {"x y"}}, 7200, map[string]string{"aud": `["x","y"]`}},
		{"a duration", url.Values{"client": {c.id}, "lifetime": {"1h 30m"}}, 5400, nil},
		{"seconds", url.Values{"client": {c.id}, "lifetime": {"90"}}, 90, nil},
		{"claims", url.Values{"client": {c.id}, "claims": {`{"tenant":"<b>","n":12345678901234567890,"sub":"user_1"}`}}, 7200, map[string]string{"tenant": `"<b>"`, "n": "12345678901234567890", "sub": `"user_1"`}},
		{"null removes", url.Values{"client": {c.id}, "claims": {`{"oid":null,"scope":null,"scopes":null,"aud":null}`}}, 7200, map[string]string{"oid": "", "scope": "", "scopes": "", "aud": ""}},
		{"own exp", url.Values{"client": {c.id}, "claims": {`{"exp":4102444800,"iat":4102441200}`}}, 3600, nil},
		{"no client", url.Values{"scopes": {"a"}, "audience": {"x"}}, 3600, map[string]string{
			"sub": `"example-client"`, "client_id": `"example-client"`, "oid": "", "custom_claims": "", "aud": `["x"]`, "scope": `"a"`, "scopes": `["a"]`,
		}},
	} {
		token := env.mintOnPage(t, row.form)
		claims, raw := claimsOf(t, token), rawClaims(t, token)
		issued, _ := claims["iat"].(float64)
		expires, _ := claims["exp"].(float64)
		if int64(expires-issued) != row.lifetime {
			t.Errorf("%s: got exp-iat = %v, want %d", row.name, expires-issued, row.lifetime)
		}
		for name, want := range row.want {
			if got := raw[name].String(); want != "" && got != want || want == "" && raw[name] != nil {
				t.Errorf("%s: got %s = %s, want %q", row.name, name, got, want)
			}
		}
		if row.form.Get("client") == "" {
			continue
		}
		for name, want := range granted { // every other claim is as in a token of the token endpoint
			if _, changed := row.want[name]; !changed && name != "jti" && name != "iat" && name != "nbf" && name != "exp" && fmt.Sprint(claims[name]) != fmt.Sprint(want) {
				t.Errorf("%s: got %s = %v, want %v as the token endpoint", row.name, name, claims[name], want)
			}
		}
	}
	expired := claimsOf(t, env.mintOnPage(t, url.Values{"client": {c.id}, "lifetime": {"-5m"}}))
	if issued, expires := fmt.Sprint(expired["iat"]), fmt.Sprint(expired["exp"]); issued >= expires {
		t.Errorf("an expired token: got iat %s and exp %s, want iat before exp", issued, expires)
	}
}

func TestMintOnPageRefuses(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	for _, row := range []struct {
		field, value, want string
	}{
		{"client", "m2morg_1", "client does not exist any more"},
		{"scopes", `a"b`, "scopes[0] must be a valid scope"},
		{"scopes", "a é", "scopes[1] must be a valid scope"},
		{"lifetime", "1 year", "lifetime must be a duration"},
		{"lifetime", "99999999999", "lifetime must be a duration"},
		{"lifetime", "-9223372036854775808", "lifetime must be a duration"},
		{"lifetime", "9999999h", "lifetime must be a duration"},
		{"lifetime", "NaN", "lifetime must be a duration"},
		{"claims", "[1]", "claims must be a JSON object"},
		{"claims", "null", "claims must be a JSON object"},
		{"claims", `"x"`, "claims must be a JSON object"},
		{"claims", `{"a":1,"a":2}`, "claims must be a JSON object"},
		{"claims", `{"a":1} {}`, "claims must be a JSON object"},
		{"claims", `{"a":"\ud800"}`, "claims must be a JSON object"},
		{"claims", `{"a":NaN}`, "claims must be a JSON object"},
		{"claims", strings.Repeat(`{"a":`, 4_000), "claims must be a JSON object"},
		{"claims", "<script>alert(1)</script>", "claims must be a JSON object"},
	} {
		response, body := env.act(t, "mint", url.Values{row.field: {row.value}})
		if got := problemsOf(body); response.StatusCode != http.StatusBadRequest || !strings.Contains(got, row.want) {
			t.Errorf("%s %.40q: got status %d and problems %q, want status 400 and %q", row.field, row.value, response.StatusCode, got, row.want)
		}
		if strings.Contains(body, "<script>alert") || len(row.value) < 40 && row.field == "claims" && !strings.Contains(html.UnescapeString(body), row.value) {
			t.Errorf("%s %q: want a page with the escaped value in the form", row.field, row.value)
		}
	}
	for _, field := range []string{"client", "scopes", "audience", "lifetime", "claims"} {
		if response, _ := env.act(t, "mint", url.Values{field: {"a\xffb"}}); response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s with invalid UTF-8: got status %d, want status 400", field, response.StatusCode)
		}
	}
}

// TestPageKeepsNoTokens checks that a token of the page is only in the response to its form: not in
// the log, not in the state, not in a URL, and not in a later page.
func TestPageKeepsNoTokens(t *testing.T) {
	var logged testkit.Buffer
	state := filepath.Join(t.TempDir(), "state.json")
	env, end := startWith(t, scalekit.Config{State: state, Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	own := url.Values{"claims": {`{"jti":"jti-of-the-form","sub":"sub-of-the-form"}`}}
	secrets := []string{env.mintOnPage(t, url.Values{}), env.mintOnPage(t, own), "opaque-token-of-a-user", "jti-of-the-form", "sub-of-the-form"}
	for _, token := range secrets[:3] {
		response, body := env.act(t, "check", url.Values{"token": {token}})
		if response.StatusCode != http.StatusOK || !strings.Contains(body, token) || response.Header.Get("Location") != "" {
			t.Errorf("got status %d and Location %q, want status 200 with the token in the form", response.StatusCode, response.Header.Get("Location"))
		}
	}
	_, _, page := env.getPath(t, "/")
	end()
	saved, err := os.ReadFile(state) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(logged.String(), "/page/check") || !strings.Contains(page, "minted on this page") {
		t.Errorf("want a log with the path /page/check and a page with the minted tokens, got log\n%s", logged.String())
	}
	for _, secret := range secrets {
		part := secret[strings.LastIndex(secret, ".")+1:]
		for name, text := range map[string]string{"log": logged.String(), "state": string(saved), "page": page} {
			if strings.Contains(text, part) {
				t.Errorf("the %s contains %.12q..., which it must not contain", name, part)
			}
		}
	}
}
