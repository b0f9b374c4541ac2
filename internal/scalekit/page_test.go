package scalekit_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// startWithData serves an environment that has data for the page. A client and an
// organization have names that contain HTML. The environment has granted tokens and has
// refused token requests. The endpoint keys has a fault.
func startWithData(t *testing.T, cfg scalekit.Config) (environment, registeredClient, string) {
	t.Helper()
	env, _ := startWith(t, cfg)
	c := env.registerClient(t, `{"name":"<script>alert(1)</script>","scopes":["deploy:applications"],"audience":["deployment-api.acmecorp.com"],"expiry":7200}`)
	token := text(t, env.requestToken(t, c.id, c.plain).members, "access_token")
	env.requestToken(t, c.id, "wrong")
	env.requestToken(t, c.plain, c.id) // the ID and the secret are swapped
	env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"\"><img src=x onerror=alert(1)>","external_id":"<b>"}`)
	env.callAdmin(t, http.MethodPut, "/dev/faults/keys", `{"status":503,"times":2}`)
	return env, c, token
}

func TestPage(t *testing.T) {
	env, c, token := startWithData(t, scalekit.Config{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, env.url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := env.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'nonce-") || !strings.Contains(policy, "; script-src 'nonce-") || strings.Contains(policy, "unsafe") {
		t.Errorf("got header %v, want a Content-Security-Policy with nonces", response.Header)
	}
	status, contentType, page := env.getPath(t, "/")
	if status != http.StatusOK || contentType != "text/html; charset=utf-8" {
		t.Fatalf("got status %d with Content-Type %s, want status 200 with HTML", status, contentType)
	}
	jti := fmt.Sprint(claimsOf(t, token)["jti"])
	for _, want := range []string{
		env.url, "development and tests only", "/oauth/token", "/.well-known/openid-configuration", env.Issuer().Keys()[0].ID(), "signing",
		env.OrganizationID, "Example Organization", "ends in …" + env.ClientSecret[len(env.ClientSecret)-4:], c.id, c.secretID, "ends in …" + c.plain[len(c.plain)-4:], "deploy:applications", "2 h",
		jti, "granted", "invalid_client", "unknown", "returns status 503. The fault ends after 2 more requests.",
		"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x", "&lt;b&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	page, script, _ := strings.Cut(page, "<script nonce=")
	if strings.Count(script, "<") != 3 || !strings.HasSuffix(strings.TrimSpace(script), "</script>\n</body>\n</html>") {
		t.Errorf("want a script at the end of the page that contains no text of a client, got\n%s", script)
	}
	for _, secret := range []string{c.plain, env.ClientSecret, token, strings.Split(token, ".")[2], "<script", "<img", "<b>", "javascript:"} {
		if strings.Contains(page, secret) {
			t.Errorf("the page contains %.8q..., which it must not contain", secret)
		}
	}
	if handlers := regexp.MustCompile(`<[^>]* on[a-z]+=`).FindString(page); handlers != "" {
		t.Errorf("got the inline event handler %s, want no inline event handler", handlers)
	}
	if head := env.statusOf(t, http.MethodHead, "/"); head != http.StatusOK {
		t.Errorf("HEAD: got status %d, want status 200", head)
	}
	if post := env.statusOf(t, http.MethodPost, "/"); post != http.StatusMethodNotAllowed && post != http.StatusNotFound {
		t.Errorf("POST: got status %d, want status 405 or 404", post)
	}
	if other := env.statusOf(t, http.MethodGet, "/nothing"); other != http.StatusNotFound {
		t.Errorf("unknown path: got status %d, want status 404", other)
	}
}

// statusOf sends a request without a body and returns the status of the response.
func (env environment) statusOf(t *testing.T, method, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, env.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := env.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestPageLimitsLists(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{State: filepath.Join(t.TempDir(), "state.json")})
	for range 23 {
		env.registerClient(t, "{}")
	}
	for n := range 21 {
		env.callAdmin(t, http.MethodPost, organizationsPath, fmt.Sprintf(`{"display_name":"Tenant %d"}`, n))
	}
	if _, _, page := env.getPath(t, "/"); !strings.Contains(page, "and 2 older organizations") || !strings.Contains(page, "state is in a file") {
		t.Errorf("want a page with 2 older organizations and a state file, got\n%s", page)
	}
	env.callAdmin(t, http.MethodDelete, organizationsPath+"/"+env.OrganizationID, "")
	if _, _, page := env.getPath(t, "/"); !strings.Contains(page, "and 1 older organization.") {
		t.Errorf("want a page with 1 older organization, got\n%s", page)
	}
	few, _ := startWith(t, scalekit.Config{})
	for range 23 {
		few.registerClient(t, "{}")
	}
	if _, _, page := few.getPath(t, "/"); !strings.Contains(page, "and 3 older clients") {
		t.Errorf("want a page with 3 older clients, got\n%s", page)
	}
	few.callAdmin(t, http.MethodDelete, organizationsPath+"/"+few.OrganizationID, "")
	if _, _, page := few.getPath(t, "/"); !strings.Contains(page, "No organizations yet") {
		t.Errorf("want a page with %q, got\n%s", "No organizations yet", page)
	}
}
