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

// startUsed serves an environment with data for the page: names that contain HTML, a
// granted token, refused token requests and a fault.
func startUsed(t *testing.T, cfg scalekit.Config) (environment, registered, string) {
	t.Helper()
	env, _ := startWith(t, cfg)
	c := env.register(t, `{"name":"<script>alert(1)</script>","scopes":["deploy:applications"],"audience":["deployment-api.acmecorp.com"],"expiry":7200}`)
	token := text(t, env.grant(t, c.id, c.plain).members, "access_token")
	env.grant(t, c.id, "wrong")
	env.grant(t, c.plain, c.id) // the ID and the secret are swapped
	env.admin(t, http.MethodPost, organizationsPath, `{"display_name":"\"><img src=x onerror=alert(1)>","external_id":"<b>"}`)
	env.admin(t, http.MethodPut, "/dev/faults/keys", `{"status":503,"times":2}`)
	return env, c, token
}

func TestPage(t *testing.T) {
	env, c, token := startUsed(t, scalekit.Config{})
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
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'nonce-") || strings.Contains(policy, "unsafe") || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got header %v, want no-store and a Content-Security-Policy with a nonce", response.Header)
	}
	status, contentType, page := env.fetch(t, "/")
	if status != http.StatusOK || contentType != "text/html; charset=utf-8" {
		t.Fatalf("got %d %s, want 200 and HTML", status, contentType)
	}
	jti := fmt.Sprint(claimsOf(t, token)["jti"])
	for _, want := range []string{
		env.url, "development and tests only", "/oauth/token", "/.well-known/openid-configuration", env.Issuer().Keys()[0].ID(), "signing",
		env.OrganizationID, "Example Organization", "ends in …" + env.ClientSecret[len(env.ClientSecret)-4:], c.id, c.secretID, "ends in …" + c.plain[len(c.plain)-4:], "deploy:applications", "2 h",
		jti, "granted", "invalid_client", "unknown", "returns status 503, 2 more times",
		"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x", "&lt;b&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing on the page", want)
		}
	}
	for _, secret := range []string{c.plain, env.ClientSecret, token, strings.Split(token, ".")[2], "<script", "<img", "<b>", "javascript:"} {
		if strings.Contains(page, secret) {
			t.Errorf("%.8q... must not be on the page", secret)
		}
	}
	if handlers := regexp.MustCompile(`<[^>]* on[a-z]+=`).FindString(page); handlers != "" {
		t.Errorf("got an inline event handler: %s", handlers)
	}
	if head := env.status(t, http.MethodHead, "/"); head != http.StatusOK {
		t.Errorf("HEAD: got %d, want 200", head)
	}
	if post := env.status(t, http.MethodPost, "/"); post != http.StatusMethodNotAllowed && post != http.StatusNotFound {
		t.Errorf("POST: got %d, want 405 or 404", post)
	}
	if other := env.status(t, http.MethodGet, "/nothing"); other != http.StatusNotFound {
		t.Errorf("unknown path: got %d, want 404", other)
	}
}

// status returns the status of a request without a body.
func (env environment) status(t *testing.T, method, path string) int {
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
		env.register(t, "{}")
	}
	for n := range 21 {
		env.admin(t, http.MethodPost, organizationsPath, fmt.Sprintf(`{"display_name":"Tenant %d"}`, n))
	}
	if _, _, page := env.fetch(t, "/"); !strings.Contains(page, "and 2 older organizations") || !strings.Contains(page, "state in a file") {
		t.Errorf("got a page without 2 older organizations or without a state file:\n%s", page)
	}
	env.admin(t, http.MethodDelete, organizationsPath+"/"+env.OrganizationID, "")
	if _, _, page := env.fetch(t, "/"); !strings.Contains(page, "and 1 older organization:") {
		t.Errorf("got a page without 1 older organization:\n%s", page)
	}
	few, _ := startWith(t, scalekit.Config{})
	for range 23 {
		few.register(t, "{}")
	}
	if _, _, page := few.fetch(t, "/"); !strings.Contains(page, "and 3 older clients") {
		t.Errorf("got a page without 3 older clients:\n%s", page)
	}
	few.admin(t, http.MethodDelete, organizationsPath+"/"+few.OrganizationID, "")
	if _, _, page := few.fetch(t, "/"); !strings.Contains(page, "No organizations yet") {
		t.Errorf("got a page without %q:\n%s", "No organizations yet", page)
	}
}
